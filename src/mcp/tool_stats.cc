// SPDX-License-Identifier: Apache-2.0
#include "mcp/tool_stats.h"

namespace rtt::mcp {
namespace {

constexpr std::string_view kOthers = "(others)";

}  // namespace

void ToolStats::record(const std::string& address, Nanos latency, Ended ended) {
  std::unique_ptr<Stat>* found = by_address_.find(address);
  if (found == nullptr && by_address_.size() >= kToolStatsMax) found = by_address_.find(kOthers);
  if (found == nullptr) {
    const bool full = by_address_.size() + 1 >= kToolStatsMax;
    found = &by_address_.set(full ? std::string(kOthers) : address, std::make_unique<Stat>());
  }
  (*found)->latency.record(latency);
  if (ended == Ended::kBadly) ++(*found)->errors;
}

text::Json ToolStats::rows(std::string_view ns) const {
  using text::Json;
  const std::string start = "rtt://" + std::string(ns) + "/";
  Json rows(text::JsonArray{});
  for (const auto& [address, stat] : by_address_) {
    if (!address.starts_with(start)) continue;
    rows.push(Json::object({{"calls", stat->latency.count()},
                            {"errors", stat->errors},
                            {"p50_ns", stat->latency.quantile_ns(500)},
                            {"p95_ns", stat->latency.quantile_ns(950)},
                            {"p99_ns", stat->latency.quantile_ns(990)},
                            {"to", address}}));
  }
  return rows;
}

}  // namespace rtt::mcp
