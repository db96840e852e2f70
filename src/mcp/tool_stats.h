// SPDX-License-Identifier: Apache-2.0
// ToolStats: how often each tool, prompt and resource was called, how it ended and how long it took.
//
// Owns: its counts.   Thread: one.   Units: nanoseconds.   Fails: never.
// Limits: kToolStatsMax addresses of 4 KiB each; what is called beyond them counts together as `(others)`.
#pragma once

#include <memory>
#include <string>

#include "base/flat_map.h"
#include "mcp/backends/latency.h"
#include "text/json.h"

namespace rtt::mcp {

inline constexpr std::size_t kToolStatsMax = 1024;

class ToolStats {
 public:
  enum class Ended : std::uint8_t { kWell, kBadly };
  void record(const std::string& address, Nanos latency, Ended ended);
  // Those of one server: [{calls,errors,p50_ns,p95_ns,p99_ns,to}], sorted by address.
  [[nodiscard]] text::Json rows(std::string_view ns) const;

 private:
  struct Stat {
    std::uint64_t errors = 0;
    Latency latency;
  };
  FlatMap<std::string, std::unique_ptr<Stat>> by_address_;
};

}  // namespace rtt::mcp
