// SPDX-License-Identifier: Apache-2.0
#include "panel/tap_tools.h"

#include <algorithm>
#include <utility>

#include "os/clock.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr Nanos kPeriod = nanos_from_ms(1000);
constexpr std::int64_t kAnswerMs = 5000;

}  // namespace

ToolTap::ToolTap(Ports ports, std::optional<std::int64_t> for_ms, std::weak_ptr<api::Peer> watcher,
                 api::Responder respond)
    : ports_(std::move(ports)), watcher_(std::move(watcher)), respond_(std::move(respond)) {
  if (for_ms) end_ = os::now() + nanos_from_ms(*for_ms);
}

void ToolTap::start(Ports ports, std::optional<std::int64_t> for_ms, std::weak_ptr<api::Peer> watcher,
                    api::Responder respond) {
  std::shared_ptr<ToolTap>(new ToolTap(std::move(ports), for_ms, std::move(watcher), std::move(respond)))
      ->look();
}

void ToolTap::look() {
  ports_.used();
  const auto gateway = ports_.gateway();
  if (!gateway) return again();
  gateway->ask(
      "host.control", Json::object({{"verb", "mcp.ls"}, {"args", text::JsonObject{}}}),
      [self = shared_from_this()](const Result<api::Answer>& answer) {
        const Json* const servers = answer ? answer->body.find("servers") : nullptr;
        if (servers != nullptr && servers->is_array()) self->report(*servers);
        self->again();
      },
      {}, kAnswerMs);
}

void ToolTap::again() {
  const Instant now = os::now();
  const auto watcher = watcher_.lock();
  if (!watcher || !watcher->open() || (end_ && now >= *end_))
    return respond_.finish(api::Answer{Json::object({}), {}, {}});
  ports_.loop.after(end_ ? std::min(kPeriod, *end_ - now) : kPeriod,
                    [self = shared_from_this()] { self->look(); });
}

void ToolTap::report(const Json& servers) {
  const std::string ts = os::rfc3339(os::wall_now());
  for (const Json& server : servers.as_array()) {
    const Json* const called = server.is_object() ? server.find("called") : nullptr;
    if (called == nullptr || !called->is_array()) continue;
    for (const Json& row : called->as_array()) {
      const std::int64_t calls = row.int_or("calls", 0), errors = row.int_or("errors", 0);
      Seen& seen = seen_[std::string(row.string_or("to"))];
      // Fewer than before: another gateway counts from the start.
      if (calls < seen.calls) seen = {};
      if (calls == seen.calls) continue;
      respond_.part(Json::object({{"calls", calls - seen.calls},
                                  {"errors", std::max<std::int64_t>(errors - seen.errors, 0)},
                                  {"p50", row.int_or("p50_ns", 0)},
                                  {"p95", row.int_or("p95_ns", 0)},
                                  {"p99", row.int_or("p99_ns", 0)},
                                  {"to", row.string_or("to")},
                                  {"ts", ts}}));
      seen = {.calls = calls, .errors = errors};
    }
  }
}

}  // namespace rtt::panel
