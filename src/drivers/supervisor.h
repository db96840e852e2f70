// SPDX-License-Identifier: Apache-2.0
// Supervisor: when a driver host is started, restarted, given up. A pure step machine; the panel performs its
// actions.
//
// A host that dies is started again after a backoff that doubles from 50 ms to 1 s; more than
// kDriverRestartsMax deaths within kDriverRestartWindowMs trip it, so a crash loop costs five starts and then
// a clear error instead of a busy machine. A host nobody wants is left to end by itself.
//
// Owns: a small history.   Thread: any (a value).   Fails: never.   Limits: kDriverRestartsMax.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/units.h"

namespace rtt::drivers {

enum class HostState : std::uint8_t { kStopped, kStarting, kReady, kBackoff, kTripped };
std::string_view to_string(HostState state);

enum class HostEvent : std::uint8_t {
  kWanted,    // a route or a call needs it
  kAttached,  // its control connection said hello
  kLost,      // its process ended, or its connection broke and it is not alive
  kStartFailed,
  kTimer,   // the timer asked for has fired
  kHealed,  // a person asked to try again
};

enum class HostAction : std::uint8_t { kSpawn, kSetTimer, kReportTripped };
struct HostStep {
  HostAction action = HostAction::kSpawn;
  Nanos delay{};  // kSetTimer
};

class Supervisor {
 public:
  std::vector<HostStep> step(HostEvent event, Instant now);
  [[nodiscard]] HostState state() const { return state_; }
  [[nodiscard]] int restarts() const { return restarts_; }

 private:
  std::vector<HostStep> after_death(Instant now);
  HostState state_ = HostState::kStopped;
  int restarts_ = 0;
  std::vector<Instant> deaths_;  // within the window, oldest first
};

}  // namespace rtt::drivers
