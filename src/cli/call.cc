// SPDX-License-Identifier: Apache-2.0
// `rtt call`: opens a link through the panel, then speaks on the link alone, so that the panel may die
// meanwhile.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/error_json.h"
#include "cli/call_result.h"
#include "cli/dispatch.h"
#include "cli/report.h"
#include "model/limits.h"

namespace rtt::cli {
namespace {

using text::Json;

constexpr std::int64_t kRepeatMax = 10'000'000;

struct Opened {
  api::Link link;
  Json body;  // route, lane, saddr
};

Result<Opened> open_link(const Session& session, std::int64_t deadline_ms) {
  RTT_TRY_SET(
      const auto service,
      session.ports.service({.where = session.verb().where, .verb = "call.open", .place = session.place}));
  const Json args =
      Json::object({{"saddr", session.command.args.string_or("saddr")}, {"deadline_ms", deadline_ms}});
  RTT_TRY_SET(api::Reply reply,
              service->ask({.verb = "call.open",
                            .args = args,
                            .directory = session.place.directory,
                            .search = session.place.search,
                            .deadline_ms = std::max(deadline_ms, session.verb().deadline_ms)},
                           [](const Json&) {}));
  if (reply.fds.size() != 1) return fail(Code::kPanelProtocol, "the panel answered without a link");
  const std::int64_t number = reply.body.int_or("link", reply.body.int_or("route", 0));
  if (number < 0 || number > 0xFFFFFFFF) return fail(Code::kPanelProtocol, "the panel named no usable link");
  return Opened{.link = api::Link(std::move(reply.fds[0]), static_cast<std::uint32_t>(number)),
                .body = std::move(reply.body)};
}

// What all calls of one command came to.
struct Tally {
  std::int64_t calls = 0;
  std::int64_t errors = 0;
  std::vector<std::int64_t> latencies_ns;
  std::string last;            // payload of the last answer
  std::optional<Error> error;  // the first one
  bool answered = false;
  bool tool_failed = false;  // the last answer says isError
};

bool ends_link(Code code) { return code == Code::kLost || code == Code::kFrame; }

Tally make_calls(api::Link& link, const std::string& saddr, const std::string& payload, std::int64_t repeat,
                 std::int64_t deadline_ms) {
  Tally tally;
  tally.latencies_ns.reserve(static_cast<std::size_t>(std::min<std::int64_t>(repeat, 65'536)));
  for (std::int64_t i = 0; i < repeat; ++i) {
    auto reply = link.call(payload, deadline_ms);
    ++tally.calls;
    if (!reply) {
      ++tally.errors;
      if (!tally.error) tally.error = reply.error();
      if (reply.error().code == Code::kDeadline) {
        tally.error->message = fmt::format("{} did not answer within {} ms", saddr, deadline_ms);
      }
      if (ends_link(reply.error().code)) break;  // every later call would fail alike
      continue;
    }
    tally.answered = true;
    tally.latencies_ns.push_back(reply->latency_ns);
    tally.last = std::move(reply->payload);
    tally.tool_failed = is_tool_error(tally.last);
    if (tally.tool_failed) ++tally.errors;
  }
  std::sort(tally.latencies_ns.begin(), tally.latencies_ns.end());
  return tally;
}

std::int64_t percentile(const std::vector<std::int64_t>& sorted, std::size_t percent) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1, sorted.size() * percent / 100)];
}

Json summary(const Session& session, const Opened& opened, const Tally& tally) {
  Json body = Json::object({{"schema", session.schema()},
                            {"saddr", opened.body.string_or("saddr")},
                            {"route", opened.body.int_or("route", 0)},
                            {"lane", opened.body.string_or("lane")},
                            {"latency_ns", percentile(tally.latencies_ns, 50)}});
  if (session.command.args.find("repeat") != nullptr) {
    body.set("calls", tally.calls);
    body.set("errors", tally.errors);
    body.set("latency_ns_p50", percentile(tally.latencies_ns, 50));
    body.set("latency_ns_p99", percentile(tally.latencies_ns, 99));
    body.set("latency_ns_max", tally.latencies_ns.empty() ? 0 : tally.latencies_ns.back());
  }
  return body;
}

std::optional<Json> failure(const Tally& tally) {
  if (tally.error) return api::error_json(*tally.error);
  if (!tally.tool_failed) return std::nullopt;
  const std::string words = result_text(tally.last, Lines::kMany);
  return api::error_json(Error{.code = Code::kToolFailed,
                               .message = words.empty() ? "the tool reported an error" : words,
                               .where = {},
                               .hint = {}});
}

void print_human(const Session& session, const Json& body, const Tally& tally,
                 const std::optional<Json>& error) {
  const Screen& screen = session.screen;
  const bool repeated = session.command.args.find("repeat") != nullptr;
  if (!session.command.quiet && tally.answered && !tally.tool_failed && !repeated) {
    screen.out(shown_result(tally.last, screen.out_is_terminal ? Shown::kSafe : Shown::kExact));
  }
  if (!session.command.quiet && repeated) {
    screen.out(fmt::format("{}, {}: p50 {}, p99 {}, max {}\n", counted(tally.calls, "call"),
                           counted(tally.errors, "error"), duration(body.int_or("latency_ns_p50", 0)),
                           duration(body.int_or("latency_ns_p99", 0)),
                           duration(body.int_or("latency_ns_max", 0))));
  }
  if (error) screen.err(error_text(*error, session.err_paint));
  if (session.command.quiet || repeated || !screen.err_is_terminal || !tally.answered) return;
  screen.err(session.err_paint(Tone::kDim, fmt::format("route {}, {}, {}", body.int_or("route", 0),
                                                       printable(body.string_or("lane")),
                                                       duration(body.int_or("latency_ns", 0)))) +
             "\n");
}

}  // namespace

int run_call(const Session& session) {
  const Json& args = session.command.args;
  const std::int64_t deadline_ms = args.int_or("deadline", limits::kCallDeadlineMs);
  const std::int64_t repeat = args.int_or("repeat", 1);
  if (repeat < 1 || repeat > kRepeatMax) {
    return print_error(session, Error{.code = Code::kBadArgument,
                                      .message = fmt::format("--repeat takes 1 to {}", kRepeatMax),
                                      .where = {},
                                      .hint = "rtt call --help"});
  }
  if (deadline_ms < 1) {
    return print_error(session, Error{.code = Code::kBadArgument,
                                      .message = "--deadline takes at least one millisecond",
                                      .where = {},
                                      .hint = "rtt call --help"});
  }
  auto opened = open_link(session, deadline_ms);
  if (!opened) return print_error(session, opened.error());

  const Json* arguments = args.find("arguments");
  const std::string payload = text::to_json(arguments != nullptr ? *arguments : Json(text::JsonObject{}));
  const Tally tally =
      make_calls(opened->link, std::string(opened->body.string_or("saddr")), payload, repeat, deadline_ms);
  Json body = summary(session, *opened, tally);
  const std::optional<Json> error = failure(tally);
  if (session.command.json) {
    if (error) body.set("error", *error);
    session.screen.out(tally.answered ? with_result(body, tally.last) : text::to_json(body) + "\n");
  } else {
    print_human(session, body, tally, error);
  }
  return error ? static_cast<int>(error_exit(*error)) : 0;
}

}  // namespace rtt::cli
