// SPDX-License-Identifier: Apache-2.0
#include "fabric/backoff.h"

#include <algorithm>

#include "base/assert.h"

namespace rtt::fabric {
namespace {

constexpr std::size_t kDoublingsMax = 16;  // beyond any rule's longest; keeps the shift inside 63 bits

// splitmix64: every bit of the seed reaches every bit of the result.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

Nanos backoff(const BackoffRule& rule, std::size_t failures, std::uint64_t seed) {
  RTT_ASSERT(failures >= 1 && rule.first.value >= 1);
  RTT_ASSERT(rule.jitter_percent >= 0 && rule.jitter_percent <= 100);
  std::int64_t delay = rule.first.value;
  for (std::size_t i = std::min(failures - 1, kDoublingsMax); i > 0 && delay < rule.longest.value; --i) {
    delay *= 2;
  }
  delay = std::min(delay, rule.longest.value);
  const std::int64_t span = delay / 100 * rule.jitter_percent;
  if (span == 0) return {delay};
  return {delay - static_cast<std::int64_t>(mix(seed ^ failures) % static_cast<std::uint64_t>(span + 1))};
}

}  // namespace rtt::fabric
