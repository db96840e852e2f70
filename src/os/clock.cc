// SPDX-License-Identifier: Apache-2.0
#include "os/clock.h"

#include <time.h>

#include <array>
#include <cstdio>

#include "base/assert.h"

namespace rtt::os {
namespace {

timespec read_clock(clockid_t clock) {
  timespec time{};
  RTT_ASSERT(::clock_gettime(clock, &time) == 0);
  return time;
}

}  // namespace

Instant now() {
  const timespec time = read_clock(CLOCK_MONOTONIC);
  return {std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec};
}

Instant now_coarse() {
  const timespec time = read_clock(CLOCK_MONOTONIC_COARSE);
  return {std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec};
}

WallTime wall_now() {
  const timespec time = read_clock(CLOCK_REALTIME);
  return {std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000};
}

std::string rfc3339(WallTime time) {
  std::int64_t seconds = time.us / 1'000'000;
  std::int64_t micros = time.us % 1'000'000;
  if (micros < 0) {  // before 1970 the remainder counts back from the next second
    micros += 1'000'000;
    seconds -= 1;
  }
  const time_t whole = seconds;
  tm parts{};
  RTT_ASSERT(::gmtime_r(&whole, &parts) != nullptr);
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                                   parts.tm_min, parts.tm_sec, static_cast<int>(micros));
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace rtt::os
