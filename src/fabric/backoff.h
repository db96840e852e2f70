// SPDX-License-Identifier: Apache-2.0
// Backoff: how long to wait before trying again after so many failures in a row.
//
// The one rule behind restarted driver hosts, reconnecting endpoints and repeated handshakes: the delay
// doubles from `first` to `longest`, and jitter takes away up to jitter_percent of it, so that a hundred
// endpoints whose panel came back do not all ask in the same millisecond. Jitter only shortens: `longest`
// stays a bound. The chance comes from the caller's seed; the same seed and count give the same delay.
//
// Owns: nothing.   Thread: any.   Units: nanoseconds.   Fails: never.   Limits: BackoffRule::longest.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace rtt::fabric {

struct BackoffRule {
  Nanos first = nanos_from_ms(50);
  Nanos longest = nanos_from_ms(1000);
  int jitter_percent = 0;  // REQUIRES: 0..100
};

// REQUIRES: failures >= 1; first >= 1 ns.
Nanos backoff(const BackoffRule& rule, std::size_t failures, std::uint64_t seed = 0);

}  // namespace rtt::fabric
