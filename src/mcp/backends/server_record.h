// SPDX-License-Identifier: Apache-2.0
// ServerRecord: what is known of one MCP server over all its instances: calls, latencies, what it printed.
//
// Owns: its values, shared by the server's backends.   Thread: the loop's.   Fails: never.
// Limits: kServerLogBytesMax of log, kStruckMax secrets.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/backends/greeting.h"
#include "mcp/backends/latency.h"
#include "model/limits.h"

namespace rtt::mcp {

// Each client may bring values of its own, as often as clients come. The log loses those of the one that is
// longest not heard of before they are forgotten.
inline constexpr std::size_t kStruckMax = 4 * static_cast<std::size_t>(limits::kClientsMax);

struct ServerRecord {
  Latency latency;
  std::optional<Opening> opening;  // how it has shown it is to be greeted
  std::uint64_t calls = 0, failed_calls = 0, restarts = 0;
  std::string log;                              // as printed: may hold secrets
  std::deque<std::string> secrets;              // resolved values of the instances started, the latest last
  std::function<void(std::string_view)> heard;  // of what a server prints, as it comes; may be empty

  void note(std::string_view line);  // with the time, as RTT's own word
  void append_log(std::string_view text);
  void hide(std::vector<std::string> resolved);  // joins secrets
  [[nodiscard]] std::string clean_log() const;   // secrets struck out
};

}  // namespace rtt::mcp
