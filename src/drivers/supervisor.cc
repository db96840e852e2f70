// SPDX-License-Identifier: Apache-2.0
#include "drivers/supervisor.h"

#include <algorithm>

#include "fabric/backoff.h"
#include "model/limits.h"

namespace rtt::drivers {
namespace {

constexpr fabric::BackoffRule kRestartBackoff{.first = nanos_from_ms(50), .longest = nanos_from_ms(1000)};
constexpr Nanos kStartTimeout = nanos_from_ms(10'000);

}  // namespace

std::string_view to_string(HostState state) {
  switch (state) {
    case HostState::kStopped:
      return "stopped";
    case HostState::kStarting:
      return "starting";
    case HostState::kReady:
      return "ready";
    case HostState::kBackoff:
      return "restarting";
    case HostState::kTripped:
      return "tripped";
  }
  return "stopped";
}

std::vector<HostStep> Supervisor::after_death(Instant now) {
  const Nanos window = nanos_from_ms(limits::kDriverRestartWindowMs);
  std::erase_if(deaths_, [&](Instant death) { return now - death > window; });
  deaths_.push_back(now);
  if (deaths_.size() > static_cast<std::size_t>(limits::kDriverRestartsMax)) {
    state_ = HostState::kTripped;
    return {{HostAction::kReportTripped, {}}};
  }
  state_ = HostState::kBackoff;
  return {{HostAction::kSetTimer, fabric::backoff(kRestartBackoff, deaths_.size())}};
}

std::vector<HostStep> Supervisor::step(HostEvent event, Instant now) {
  switch (event) {
    case HostEvent::kWanted:
      if (state_ != HostState::kStopped) return {};
      state_ = HostState::kStarting;
      return {{HostAction::kSpawn, {}}, {HostAction::kSetTimer, kStartTimeout}};
    case HostEvent::kAttached:
      state_ = HostState::kReady;
      return {};
    case HostEvent::kLost:
    case HostEvent::kStartFailed:
      if (state_ != HostState::kReady && state_ != HostState::kStarting) return {};
      return after_death(now);
    case HostEvent::kTimer:
      if (state_ == HostState::kStarting) return after_death(now);  // never said hello
      if (state_ != HostState::kBackoff) return {};
      state_ = HostState::kStarting;
      ++restarts_;
      return {{HostAction::kSpawn, {}}, {HostAction::kSetTimer, kStartTimeout}};
    case HostEvent::kHealed:
      if (state_ != HostState::kTripped) return {};
      deaths_.clear();
      state_ = HostState::kStopped;
      return step(HostEvent::kWanted, now);
  }
  return {};
}

}  // namespace rtt::drivers
