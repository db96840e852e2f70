// SPDX-License-Identifier: Apache-2.0
// Clocks: the monotonic clock for everything that is measured or waits, wall time only for what people read.
//
// Thread: any.   Fails: never.
#pragma once

#include <string>

#include "base/units.h"

namespace rtt::os {

Instant now();  // CLOCK_MONOTONIC
// Not after now(), and at most a scheduler tick (10 ms) before it; reading it costs a tenth.
Instant now_coarse();
WallTime wall_now();                 // CLOCK_REALTIME; under RTT_CLOCK_SHIFT, shifted (clock.cc)
std::string rfc3339(WallTime time);  // 2026-11-21T08:00:00.123456Z, six decimals

}  // namespace rtt::os
