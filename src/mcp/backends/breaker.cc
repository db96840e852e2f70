// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/breaker.h"

#include <algorithm>

#include "fabric/backoff.h"

namespace rtt::mcp {

std::string_view to_string(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed:
      return "closed";
    case BreakerState::kOpen:
      return "open";
    case BreakerState::kHalfOpen:
      break;
  }
  return "half_open";
}

void Breaker::failed(Failure kind, Instant now) {
  std::erase_if(failures_, [now](const Noted& noted) { return now - noted.at >= kWindow; });
  if (failures_.size() >= kTripFailures) failures_.erase(failures_.begin());
  failures_.push_back({now, kind});
  // What still comes of calls made before it opened says nothing new.
  if (state_ == BreakerState::kOpen) return;
  const bool trips =
      state_ == BreakerState::kHalfOpen || kind == Failure::kMute || failures_.size() >= kTripFailures;
  if (!trips) return;
  state_ = BreakerState::kOpen;
  constexpr fabric::BackoffRule kHold{.first = kHoldFirst, .longest = kHoldMax, .jitter_percent = 25};
  ++opened_;
  probe_at_ = now + fabric::backoff(kHold, opened_, seed_);
}

void Breaker::probing() {
  if (state_ == BreakerState::kOpen) state_ = BreakerState::kHalfOpen;
}

void Breaker::well() {
  if (state_ == BreakerState::kClosed) return;
  state_ = BreakerState::kClosed;
  // On probation: one more is one too many.
  if (failures_.size() >= kTripFailures) failures_.erase(failures_.begin());
}

void Breaker::forget() {
  if (state_ != BreakerState::kClosed) failures_.clear();
  std::erase_if(failures_, [](const Noted& noted) { return noted.kind != Failure::kEnded; });
  state_ = BreakerState::kClosed;
  opened_ = 0;
}

void Breaker::reset() { *this = Breaker(seed_); }

std::size_t Breaker::failures(Instant now) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(failures_, [now](const Noted& noted) { return now - noted.at < kWindow; }));
}

Nanos Breaker::start_delay(Instant now) const {
  const std::size_t count = failures(now);
  if (count == 0 || state_ != BreakerState::kClosed) return {};
  return fabric::backoff({.first = kAgainFirst, .longest = kAgainMax}, count);
}

}  // namespace rtt::mcp
