// SPDX-License-Identifier: Apache-2.0
#include "cli/dispatch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/error_json.h"
#include "cli/help.h"
#include "cli/report.h"
#include "model/mcp_settings.h"
#include "os/file.h"

namespace rtt::cli {
namespace {

using text::Json;

Paint paint_for(Colour colour, bool is_terminal, const Screen& screen) {
  const bool on = colour == Colour::kAlways || (colour == Colour::kAuto && is_terminal && !screen.no_colour);
  return Paint(on ? Paint::Mode::kColour : Paint::Mode::kPlain);
}

std::string absolute(const std::string& base, const std::string& path) {
  if (path.starts_with('/')) return path;
  return base + (base.ends_with('/') ? "" : "/") + path;
}

bool looks_like_file(const Positional& positional, const std::string& word) {
  switch (positional.names) {
    case Names::kPath:
      return true;
    case Names::kKey:
      return word.ends_with(".pub") || word.find('/') != std::string::npos;
    case Names::kPlan:
      return word.ends_with(".json") || word.find('/') != std::string::npos;
    case Names::kPathOrPlan:  // a plan by its id is no file
      return word.find('/') != std::string::npos || !word.starts_with("sha256");
    case Names::kViewOrPath:  // a provider's name has neither
      return word.find_first_of("/.") != std::string::npos;
    case Names::kText:
    case Names::kSymbol:
    case Names::kServer:
    case Names::kCode:
    case Names::kView:
    case Names::kProvider:
      return false;
  }
  return false;
}

// The process that answers may stand in another folder, so every path leaves here absolute.
void make_paths_absolute(Command& command, const std::string& base) {
  const auto each = [&](std::string_view field, const auto& is_path) {
    const Json* found = command.args.find(field);
    if (found == nullptr) return;
    Json value = *found;
    if (value.is_string() && is_path(value.as_string())) value = Json(absolute(base, value.as_string()));
    if (value.is_array()) {
      for (Json& item : value.as_array()) {
        if (item.is_string() && is_path(item.as_string())) item = Json(absolute(base, item.as_string()));
      }
    }
    command.args.set(field, std::move(value));
  };
  for (const Positional& positional : command.verb->positionals) {
    each(positional.field, [&](const std::string& word) { return looks_like_file(positional, word); });
  }
  for (const std::string_view flag : {"trust_key", "cases"})
    each(flag, [](const std::string&) { return true; });
}

int print_plain_error(const Error& error, const OutputFlags& flags, const Screen& screen) {
  if (flags.json) {
    screen.out(text::to_json(Json::object({{"schema", "rtt/1"}, {"error", api::error_json(error)}})) + "\n");
  } else {
    screen.err(error_text(api::error_json(error), paint_for(flags.colour, screen.err_is_terminal, screen)));
  }
  return static_cast<int>(exit_status(error.code));
}

int show_help(const Command& command, const Screen& screen) {
  const Paint paint = paint_for(command.colour, screen.out_is_terminal, screen);
  if (command.wants == Wants::kVersion) {
    screen.out(fmt::format("rtt {}\n", version()));
    return 0;
  }
  const Page* page = find_page(command.page);
  if (command.wants == Wants::kOverview || page == nullptr) {
    screen.out(overview(paint));
  } else {
    screen.out(page_text(*page, paint));
  }
  return 0;
}

Result<Place> place_of(const Command& command) {
  RTT_TRY_SET(std::string here, os::current_directory());
  if (command.directory.empty()) return Place{.directory = std::move(here), .search = "upward"};
  return Place{.directory = absolute(here, command.directory), .search = "exactly"};
}

std::vector<std::string> list_of(const Command& command, std::string_view field) {
  std::vector<std::string> list;
  for (const Json& item : items(command.args, field)) list.push_back(item.as_string());
  return list;
}

int run_serve(const Session& session) {
  const Json& args = session.command.args;
  const std::string http(args.string_or("http"));
  for (const char* const field : {"allow_remote", "origin", "token_file", "no_token"}) {
    if (http.empty() && args.find(field)) {
      std::string flag(field);
      std::ranges::replace(flag, '_', '-');
      return print_error(session, {.code = Code::kBadArgument,
                                   .message = fmt::format("--{} goes with --http", flag),
                                   .hint = "rtt mcp serve --http 127.0.0.1:8765"});
    }
  }
  if (args.find("token_file") && args.find("no_token")) {
    return print_error(session, {.code = Code::kBadArgument,
                                 .message = "--token-file and --no-token exclude each other",
                                 .hint = "rtt mcp serve --help"});
  }
  const std::string mode(args.string_or("name_mode"));
  if (args.find("name_mode") && !model::parse_name_mode(mode)) {
    return print_error(session, {.code = Code::kBadArgument,
                                 .message = fmt::format("`{}` is no mode of names", mode.substr(0, 64)),
                                 .where = "--name-mode",
                                 .hint = "plain, conflict or prefixed"});
  }
  return session.ports.mcp_serve({.place = session.place,
                                  .names = list_of(session.command, "names"),
                                  .as = std::string(args.string_or("as")),
                                  .name_mode = mode,
                                  .meta = args.bool_or("meta", false),
                                  .http = http,
                                  .allow_remote = args.bool_or("allow_remote", false),
                                  .no_token = args.bool_or("no_token", false),
                                  .no_provenance = args.bool_or("no_provenance", false),
                                  .origins = list_of(session.command, "origin"),
                                  .token_file = std::string(args.string_or("token_file"))});
}

int run_private(const Session& session) {
  const Json& args = session.command.args;
  if (args.bool_or("dry_run", false)) return run_service(session);
  std::vector<std::string> command = list_of(session.command, "command");
  if (command.empty()) {
    return print_error(
        session,
        {.code = Code::kBadArgument, .message = "`rtt run` needs a command", .hint = "rtt run -- claude"});
  }
  const NotRun not_run = session.ports.private_run({.place = session.place,
                                                    .provider = std::string(args.string_or("provider")),
                                                    .env = std::string(args.string_or("env")),
                                                    .command = std::move(command),
                                                    .quiet = session.command.quiet});
  print_error(session, not_run.why);
  return not_run.status;
}

int run_verb(const Session& session) {
  const Command& command = session.command;
  switch (session.verb().runs) {
    case Runs::kService:
      return run_service(session);
    case Runs::kCall:
      return run_call(session);
    case Runs::kLocal:
      return session.verb().name == "__complete" ? run_complete(session) : run_local(session);
    case Runs::kServe:
      return run_serve(session);
    case Runs::kPanelRun:
      return session.ports.panel_run({.place = session.place});
    case Runs::kPrivateRun:
      return run_private(session);
    case Runs::kDriverHost:
      return session.ports.driver_host({.place = session.place, .words = command.raw});
  }
  return static_cast<int>(Exit::kFailed);
}

}  // namespace

std::string Session::schema() const { return fmt::format("rtt.{}/1", verb().service); }

int print_error(const Session& session, const Error& error) {
  if (session.command.json) {
    const Json document = Json::object({{"schema", session.schema()}, {"error", api::error_json(error)}});
    session.screen.out(text::to_json(document) + "\n");
  } else {
    session.screen.err(error_text(api::error_json(error), session.err_paint));
  }
  return static_cast<int>(exit_status(error.code));
}

int dispatch(const std::vector<std::string>& words, const Ports& ports, const Screen& screen) {
  auto parsed = parse(words);
  if (!parsed) return print_plain_error(parsed.error(), output_flags(words), screen);
  Command& command = *parsed;
  if (command.wants != Wants::kRun) return show_help(command, screen);

  const OutputFlags flags{.json = command.json, .colour = command.colour};
  auto place = place_of(command);
  if (!place) return print_plain_error(place.error(), flags, screen);
  make_paths_absolute(command, place->directory);
  const Session session{
      .command = command,
      .ports = ports,
      .screen = screen,
      .place = std::move(*place),
      .view = {.paint = paint_for(command.colour, screen.out_is_terminal, screen),
               .columns = screen.out_is_terminal ? static_cast<std::size_t>(screen.columns) : 0,
               .explain = command.args.bool_or("explain", false),
               .all = command.args.bool_or("all", command.args.bool_or("report", false))},
      .err_paint = paint_for(command.colour, screen.err_is_terminal, screen)};
  return run_verb(session);
}

}  // namespace rtt::cli
