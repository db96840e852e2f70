// SPDX-License-Identifier: Apache-2.0
// Time as plain signed nanoseconds: Nanos for spans, Instant for points on the monotonic clock (os/clock.h).
// Pure code is handed an Instant; it never reads a clock.
//
// Thread: any (values).   Fails: never.
#pragma once

#include <compare>
#include <cstdint>

namespace rtt {

struct Nanos {
  std::int64_t value = 0;
  friend constexpr auto operator<=>(Nanos, Nanos) = default;
};
struct Instant {
  std::int64_t ns = 0;  // monotonic, origin unspecified
  friend constexpr auto operator<=>(Instant, Instant) = default;
};
struct WallTime {
  std::int64_t us = 0;  // microseconds since 1970-01-01 UTC
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

constexpr Nanos operator+(Nanos a, Nanos b) { return {a.value + b.value}; }
constexpr Nanos operator-(Instant a, Instant b) { return {a.ns - b.ns}; }
constexpr Instant operator+(Instant a, Nanos b) { return {a.ns + b.value}; }
constexpr Nanos nanos_from_ms(std::int64_t ms) { return {ms * 1'000'000}; }

}  // namespace rtt
