// SPDX-License-Identifier: Apache-2.0
// Cases: what a chaos file asks for (docs/formats/chaos.md): faults by name, what each hits, and when.
//
//     - name: kill_driver
//       action: SIGKILL
//       target: connector:http
//       window: { start_ms: 500, dur_ms: 1000 }
//
// A case names a fault and no expectation: what must hold afterwards is RTT's own promise, the same for every
// case (verdict.h), and a case can only set how long coming back may take.
//
// Thread: any (values, pure).   Units: milliseconds since the load is up.
// Fails: read_cases: kYamlSyntax, kBadConfig, kUnknownKey and what else Document finds, with file:line:column
// and the nearest known word.   Limits: kChaosCasesMax cases, kChaosWindowMsMax of a window.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rtt::chaos {

inline constexpr std::size_t kChaosFileBytesMax = std::size_t{256} << 10;
inline constexpr std::size_t kChaosCasesMax = 64;
inline constexpr std::int64_t kChaosWindowMsMax = 60'000;

enum class Action : std::uint8_t {
  kKill,     // SIGKILL: once, or every `every_ms` of the window
  kStop,     // SIGSTOP for the window
  kSleep,    // the target's process stands still `latency_ms` at a time, again and again
  kCorrupt,  // a hostile end of the route scribbles over all memory it shares
  kClock,    // the wall clock jumps `jump_ms` forward, then as far back behind the true time
  kFull,     // no file of the target may grow, nor be written
};
std::string_view to_string(Action action);

struct Target {
  enum class Kind : std::uint8_t { kPanel, kConnector, kRoute } kind = Kind::kPanel;
  std::string connector;  // `connector:NAME`
  std::string from, to;   // `route:A->B`, each an address or a short form
  friend bool operator==(const Target&, const Target&) = default;
};
std::string to_string(const Target& target);

struct Case {
  std::string name;
  Action action = Action::kKill;
  Target target;
  std::int64_t start_ms = 500, dur_ms = 1000;  // the window
  std::int64_t every_ms = 0;                   // kKill: 0 = once, somewhere in the window
  std::int64_t latency_ms = 50;                // kSleep
  std::int64_t jump_ms = 3'600'000;            // kClock
  std::int64_t within_ms = 10'000;             // everything is as before so long after the window
  friend bool operator==(const Case&, const Case&) = default;
};

// `file` is for messages. JSON is YAML, so either is read.
Result<std::vector<Case>> read_cases(std::string_view text, std::string_view file);

}  // namespace rtt::chaos
