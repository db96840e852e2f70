// SPDX-License-Identifier: Apache-2.0
// What a backend tells of itself: its health for `mcp ls`, its log for `mcp logs`.
#include "mcp/backends/backend.h"
#include "model/limits.h"
#include "os/clock.h"

namespace rtt::mcp {

text::Json Backend::health() const {
  using text::Json;
  std::size_t tools = 0;
  for (const PinnedItem& item : pins_->items) tools += item.kind == ItemKind::kTool ? 1 : 0;
  Json drift(text::JsonArray{});
  if (server_verdict_.state != PinState::kSame) {
    drift.push(Json::object(
        {{"kind", "server"}, {"name", pins_->config.name}, {"state", to_string(server_verdict_.state)}}));
  }
  for (const PinVerdict& verdict : verdicts_) {
    if (verdict.state == PinState::kSame) continue;
    drift.push(Json::object(
        {{"kind", to_string(verdict.kind)}, {"name", verdict.key}, {"state", to_string(verdict.state)}}));
  }
  const BackendCounters counters = session_ ? session_->counters() : BackendCounters{};
  return Json::object({{"name", pins_->config.name},
                       {"namespace", pins_->ns()},
                       {"state", drifting()                ? "drift"
                                 : !unknown_since_.empty() ? "unknown"
                                                           : to_string(state())},
                       {"unknown_since", unknown_since_.empty() ? Json() : Json(unknown_since_)},
                       {"breaker", to_string(breaker_.state())},
                       {"tools", tools},
                       {"instances", session_ ? 1 : 0},
                       {"calls", record_->calls},
                       {"failures", record_->failed_calls},
                       {"in_flight", running_.size() + waiting_.size()},
                       {"p50_ns", record_->calls > 0 ? Json(record_->latency.quantile_ns(500)) : Json()},
                       {"p99_ns", record_->calls > 0 ? Json(record_->latency.quantile_ns(990)) : Json()},
                       {"pid", transport_ && transport_->pid() > 0 ? Json(transport_->pid()) : Json()},
                       {"restarts", record_->restarts},
                       {"junk_lines", counters.junk_lines + counters.overlong_lines},
                       {"stray_replies", counters.unknown_replies},
                       {"drift", std::move(drift)}});
}

}  // namespace rtt::mcp
