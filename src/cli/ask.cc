// SPDX-License-Identifier: Apache-2.0
// Verbs that one Service answers: consent, streamed parts, the answer in the form asked for.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/error_json.h"
#include "cli/dispatch.h"
#include "cli/report.h"
#include "text/glob.h"

namespace rtt::cli {
namespace {

using text::Json;

bool asks(const Session& session) {
  switch (session.verb().consent) {
    case Consent::kNever:
      return false;
    case Consent::kAlways:
      return true;
    case Consent::kWithWrite:
      return session.command.args.bool_or("write", false);
  }
  return true;
}

std::string will_text(const Json& consent, const Paint& paint) {
  std::string text;
  for (const Json& line : items(consent, "will")) {
    const std::string shown = printable(plain(&line));
    const Tone tone = shown.starts_with('+')   ? Tone::kGood
                      : shown.starts_with('-') ? Tone::kBad
                                               : Tone::kPlain;
    text += "  " + paint(tone, shown) + "\n";
  }
  return text;
}

class Asker {
 public:
  explicit Asker(const Session& session) : session_(session) {
    ask_.verb = std::string(session.verb().service);
    ask_.args = session.command.args;
    ask_.directory = session.place.directory;
    ask_.search = session.place.search;
    ask_.deadline_ms = session.verb().deadline_ms;
    if (session.verb().service.starts_with("ls.") &&
        ask_.args.is_object()) {  // applied here, not by the service
      ask_.args.as_object().erase("filter");
      ask_.args.as_object().erase("watch");
    }
  }

  // The final body: after all consents, or a refusal.
  Result<Json> ask() {
    RTT_TRY_SET(
        const auto service,
        session_.ports.service({.where = session_.verb().where, .verb = ask_.verb, .place = session_.place}));
    const bool consents = asks(session_);
    if (consents) ask_.args.set("consent", session_.command.yes ? "given" : "show");
    Json granted{text::JsonArray{}};
    for (int round = 0; round <= kConsentRoundsMax; ++round) {
      RTT_TRY_SET(api::Reply reply, service->ask(ask_, [this](const Json& part) { take_part(part); }));
      const Json* consent = reply.body.find("consent");
      if (consent == nullptr || !consents) return std::move(reply.body);
      if (session_.command.yes) {
        return fail(Code::kInternal, fmt::format("`rtt {}` asks again after --yes", session_.verb().name));
      }
      RTT_TRY(agree(*consent));
      granted.push(std::string(consent->string_or("step")));
      ask_.args.set("consent", "given");
      ask_.args.set("typed", true);  // by a person at a terminal: agree() saw both ends of it
      ask_.args.set("granted", granted);
      if (const Json* const shown = consent->find("shown")) ask_.args.set("shown", *shown);
    }
    return fail(Code::kLimit,
                fmt::format("`rtt {}` asks more than {} questions", session_.verb().name, kConsentRoundsMax));
  }

 private:
  Status agree(const Json& consent) {
    const Screen& screen = session_.screen;
    const std::string question = printable(consent.string_or("question", "Go on?"));
    const bool somebody = screen.in_is_terminal && screen.err_is_terminal;
    refused_will_ = consent;
    if (!somebody) {
      if (!session_.command.json) screen.err(will_text(consent, session_.err_paint));
      return fail(Code::kNeedsConsent, "nothing was changed: " + question, {},
                  fmt::format("rtt {} --yes", session_.verb().name));
    }
    screen.err(will_text(consent, session_.err_paint));
    const auto answer = screen.answer(question + " [y/N] ");
    if (answer && (*answer == "y" || *answer == "Y" || *answer == "yes" || *answer == "Yes")) {
      refused_will_.reset();
      return {};
    }
    return fail(Code::kNeedsConsent, "not agreed to, so this was not done: " + question);
  }

  void take_part(const Json& part) const {
    const Screen& screen = session_.screen;
    if (const Json* progress = part.find("progress")) {
      if (screen.err_is_terminal && !session_.command.quiet) {
        screen.err(session_.err_paint(Tone::kDim, printable(plain(progress))) + "\n");
      }
      return;
    }
    if (const Json* say = part.find("say")) {  // what somebody has to do now, so never held back
      screen.err(printable(plain(say)) + "\n");
      return;
    }
    if (session_.command.json) {
      Json document = part;
      document.set("schema", session_.schema());
      screen.out(text::to_json(document) + "\n");
    } else if (!session_.command.quiet) {
      screen.out(render_line(part, session_.view));
    }
  }

  const Session& session_;
  api::Ask ask_;

 public:
  std::optional<Json> refused_will_;  // what was shown when nobody agreed
};

bool keeps(const Json& row, const std::string& filter) {
  if (!row.is_object()) return false;
  const bool glob = filter.find('*') != std::string::npos;
  return std::any_of(row.as_object().begin(), row.as_object().end(), [&](const auto& field) {
    const std::string text = joined(field.second);
    return glob ? text::glob_match(filter, text) : text.find(filter) != std::string::npos;
  });
}

void apply_filter(const Session& session, Json& body) {
  const std::string filter(session.command.args.string_or("filter"));
  const std::string_view service = session.verb().service;
  if (filter.empty() || !service.starts_with("ls.")) return;
  const std::string_view field = service.substr(3);
  Json kept{text::JsonArray{}};
  for (const Json& row : items(body, field)) {
    if (keeps(row, filter)) kept.push(row);
  }
  body.set(field, std::move(kept));
}

// Takes "exit" out of the body; an "error" in it decides when there is none.
int take_exit(Json& body) {
  const Json* error = body.find("error");
  std::int64_t status = error != nullptr ? static_cast<std::int64_t>(error_exit(*error)) : 0;
  constexpr std::int64_t kStatusMax = 125;
  status = std::clamp<std::int64_t>(body.int_or("exit", status), 0, kStatusMax);
  if (body.is_object()) body.as_object().erase("exit");
  return static_cast<int>(status);
}

int print_answer(const Session& session, Json body) {
  const int status = take_exit(body);
  const bool empty = !body.is_object() || body.as_object().empty();
  if (session.command.json) {
    if (session.verb().output == Output::kLines && empty) return status;
    body.set("schema", session.schema());
    session.screen.out(text::to_json(body) + "\n");
    return status;
  }
  if (!session.command.quiet) session.screen.out(render(session.verb().service, body, session.view));
  if (const Json* error = body.find("error")) session.screen.err(error_text(*error, session.err_paint));
  return status;
}

int watch(const Session& session) {
  Json last;
  while (true) {
    auto body = Asker(session).ask();
    if (!body) return print_error(session, body.error());
    apply_filter(session, *body);
    if (*body != last) {
      if (!last.is_null() && !session.command.json) session.screen.out("\n");
      print_answer(session, *body);
      last = std::move(*body);
    }
    if (session.screen.interrupted()) return 0;
    session.screen.wait(nanos_from_ms(kWatchMs));
  }
}

}  // namespace

int run_service(const Session& session) {
  if (session.command.args.bool_or("watch", false)) return watch(session);
  Asker asker(session);
  auto body = asker.ask();
  if (!body) {
    if (!session.command.json || !asker.refused_will_) return print_error(session, body.error());
    Json error = api::error_json(body.error());
    Json will{text::JsonArray{}};
    for (const Json& line : items(*asker.refused_will_, "will")) will.push(line);
    error.set("will", std::move(will));
    const Json document = Json::object({{"schema", session.schema()}, {"error", std::move(error)}});
    session.screen.out(text::to_json(document) + "\n");
    return static_cast<int>(exit_status(body.error().code));
  }
  apply_filter(session, *body);
  return print_answer(session, std::move(*body));
}

}  // namespace rtt::cli
