// SPDX-License-Identifier: Apache-2.0
// Breaker: whether a server that keeps failing is asked at all, as a step machine.
//
//   closed ── kTripFailures within kWindow, or one start that said nothing in time ──► open
//   open ── its hold is over ──► half open: one try of RTT's own ── fails ──► open, for twice as long
//                                                                └─ well ──► closed
//
// Only RTT's own try finds out whether an open one is well again: its tools are in no list meanwhile, so no
// client would ask. A try that goes well closes it, but only an answer to a call makes it forget: a server
// that starts well and dies of its calls is open again at its next end, for twice as long as before. Holds
// have jitter, so that servers which failed together do not all start together.
//
// Owns: its counts.   Thread: one (pure).   Fails: never.
// Limits: kTripFailures failures are kept; kHoldFirst to kHoldMax open.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/units.h"

namespace rtt::mcp {

enum class BreakerState : std::uint8_t { kClosed, kOpen, kHalfOpen };
std::string_view to_string(BreakerState state);  // closed open half_open

class Breaker {
 public:
  static constexpr std::size_t kTripFailures = 4;
  static constexpr Nanos kWindow = nanos_from_ms(60'000);
  // Together less than half a second: what dies at each start has opened it before a second is over.
  static constexpr Nanos kAgainFirst = nanos_from_ms(50), kAgainMax = nanos_from_ms(200);
  static constexpr Nanos kHoldFirst = nanos_from_ms(2000), kHoldMax = nanos_from_ms(60'000);

  // kEnded: it ended, or could not be started or reached. kSilent: it left a call unanswered. kMute: started,
  // it said nothing for as long as a start may take; nobody waits for that four times.
  enum class Failure : std::uint8_t { kEnded, kSilent, kMute };

  explicit Breaker(std::uint64_t seed) : seed_(seed) {}

  void failed(Failure kind, Instant now);
  void probing();  // the hold is over: a try begins
  void well();     // it has started, or answered a try
  void answered() {
    if (remembers()) forget();
  }
  void reset();  // somebody has seen to it

  [[nodiscard]] BreakerState state() const { return state_; }
  [[nodiscard]] bool remembers() const { return !failures_.empty() || opened_ > 0; }  // anything bad
  [[nodiscard]] Nanos start_delay(Instant now) const;  // before it is started again
  [[nodiscard]] std::size_t failures(Instant now) const;
  [[nodiscard]] Instant probe_at() const { return probe_at_; }  // REQUIRES: open

 private:
  struct Noted {
    Instant at;
    Failure kind;
  };
  void forget();

  std::uint64_t seed_;
  std::vector<Noted> failures_;
  BreakerState state_ = BreakerState::kClosed;
  std::size_t opened_ = 0;  // times since it last answered a call
  Instant probe_at_{};
};

}  // namespace rtt::mcp
