// SPDX-License-Identifier: Apache-2.0
#include "os/clock.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/assert.h"

namespace rtt::os {
namespace {

timespec read_clock(clockid_t clock) {
  timespec time{};
  RTT_ASSERT(::clock_gettime(clock, &time) == 0);
  return time;
}

// 0 unless this process lives under a shifted clock. No clock of one process can be set, so a chaos run
// shifts the wall clock here: the environment names a file whose number of milliseconds is added, read anew
// each time.
std::int64_t shift_us() {
  static const char* const file = ::getenv("RTT_CLOCK_SHIFT");
  if (file == nullptr) return 0;
  const int fd = ::open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  std::array<char, 32> text{};
  const ssize_t got = ::read(fd, text.data(), text.size() - 1);
  ::close(fd);
  return got > 0 ? std::strtoll(text.data(), nullptr, 10) * 1000 : 0;
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
  return {std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000 + shift_us()};
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
