// SPDX-License-Identifier: Apache-2.0
// What a backend tells of itself: its health for `mcp ls`, its log for `mcp logs`.
#include "mcp/backend.h"
#include "model/limits.h"
#include "os/clock.h"

namespace rtt::mcp {

text::Json Backend::health() const {
  using text::Json;
  std::size_t tools = 0;
  for (const PinnedItem& item : pins_->items) tools += item.kind == ItemKind::kTool ? 1 : 0;
  Json drift(text::JsonArray{});
  bool refusing = false;
  for (const PinVerdict& verdict : verdicts_) {
    if (verdict.state == PinState::kSame) continue;
    refusing = refusing || verdict.state == PinState::kContractDrift ||
               (verdict.state == PinState::kRemoved && verdict.kind != ItemKind::kResource);
    drift.push(Json::object(
        {{"kind", to_string(verdict.kind)}, {"name", verdict.key}, {"state", to_string(verdict.state)}}));
  }
  const BackendCounters counters = session_ ? session_->counters() : BackendCounters{};
  return Json::object({{"name", pins_->config.name},
                       {"namespace", pins_->ns()},
                       {"state", refusing ? "drift" : to_string(state())},
                       {"tools", tools},
                       {"instances", session_ ? 1 : 0},
                       {"calls", calls_},
                       {"failures", failed_calls_},
                       {"in_flight", running_.size() + waiting_.size()},
                       {"p50_ns", calls_ > 0 ? Json(latency_.quantile_ns(500)) : Json()},
                       {"p99_ns", calls_ > 0 ? Json(latency_.quantile_ns(990)) : Json()},
                       {"pid", session_ ? Json(child_.pid()) : Json()},
                       {"restarts", starts_ > 0 ? starts_ - 1 : 0},
                       {"junk_lines", counters.junk_lines + counters.overlong_lines},
                       {"stray_replies", counters.unknown_replies},
                       {"drift", std::move(drift)}});
}

std::string Backend::log() const { return without_secrets(log_, secrets_); }

void Backend::note(std::string_view line) {
  append_log(os::rfc3339(os::wall_now()) + " rtt: " + std::string(line) + "\n");
}

void Backend::append_log(std::string_view text) {
  log_.append(text);
  if (log_.size() <= 2 * limits::kServerLogBytesMax) return;
  log_.erase(0, log_.size() - limits::kServerLogBytesMax);
  log_.erase(0, log_.find('\n') + 1);  // whole lines only
}

}  // namespace rtt::mcp
