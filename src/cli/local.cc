// SPDX-License-Identifier: Apache-2.0
// Verbs that need nobody: explain and completion.
#include <fmt/format.h>

#include "cli/dispatch.h"
#include "cli/pages.h"
#include "cli/report.h"
#include "cli/table.h"
#include "model/saddr.h"

namespace rtt::cli {
namespace {

using text::Json;

Json code_json(const CodeInfo& info) {
  return Json::object({{"code", code_name(info.code)},
                       {"title", info.title},
                       {"explain", info.explain},
                       {"exit", static_cast<int>(info.exit)}});
}

void print_document(const Session& session, Json body) {
  body.set("schema", session.schema());
  session.screen.out(text::to_json(body) + "\n");
}

int explain_all(const Session& session) {
  if (session.command.json) {
    Json codes{text::JsonArray{}};
    for (const CodeInfo& info : all_codes()) codes.push(code_json(info));
    print_document(session, Json::object({{"codes", std::move(codes)}}));
    return 0;
  }
  Table table({{"CODE"}, {"EXIT", Align::kRight}, {"MEANING"}});
  for (const CodeInfo& info : all_codes()) {
    table.add({{code_name(info.code), Tone::kBold},
               {std::to_string(static_cast<int>(info.exit))},
               {std::string(info.title)}});
  }
  session.screen.out(table.text(session.view.paint, session.view.columns));
  return 0;
}

int explain(const Session& session) {
  const std::string wanted(session.command.args.string_or("code"));
  if (wanted.empty()) return explain_all(session);
  const auto code = parse_code(wanted);
  if (!code) {
    std::vector<std::string> names;
    for (const CodeInfo& info : all_codes()) names.push_back(code_name(info.code));
    const auto near = model::nearest(wanted, names);
    return print_error(session, Error{.code = Code::kBadArgument,
                                      .message = "no such error code: " + wanted,
                                      .where = {},
                                      .hint = "rtt explain" + (near ? " " + *near : std::string())});
  }
  const CodeInfo& info = code_info(*code);
  if (session.command.json) {
    print_document(session, code_json(info));
    return 0;
  }
  session.screen.out(fmt::format("{}: {}\n\n{}\n\nEnds a command with exit status {}.\n",
                                 session.view.paint(Tone::kBold, code_name(info.code)), info.title,
                                 info.explain, static_cast<int>(info.exit)));
  return 0;
}

int completion(const Session& session) {
  const std::string shell(session.verb().name.substr(session.verb().name.find(' ') + 1));
  const Page* script = find_page("completion." + shell);
  if (script == nullptr) {
    return print_error(
        session,
        Error{.code = Code::kInternal, .message = "no script for " + shell, .where = {}, .hint = {}});
  }
  if (session.command.json) {
    print_document(session, Json::object({{"shell", shell}, {"script", script->text}}));
  } else {
    session.screen.out(script->text);
  }
  return 0;
}

}  // namespace

int run_local(const Session& session) {
  return session.verb().name == "explain" ? explain(session) : completion(session);
}

}  // namespace rtt::cli
