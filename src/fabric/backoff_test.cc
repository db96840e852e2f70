// SPDX-License-Identifier: Apache-2.0
// The delay doubles up to its bound, jitter only shortens it and spreads it, and one seed gives one delay.
#include "fabric/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace rtt::fabric {
namespace {

TEST(Backoff, doubles_and_stays_at_its_longest) {
  const BackoffRule rule;
  std::vector<std::int64_t> ms;
  for (std::size_t failures = 1; failures <= 8; ++failures) {
    ms.push_back(backoff(rule, failures).value / 1'000'000);
  }
  EXPECT_EQ(ms, (std::vector<std::int64_t>{50, 100, 200, 400, 800, 1000, 1000, 1000}));
  EXPECT_EQ(backoff(rule, SIZE_MAX), rule.longest);
}

TEST(Backoff, jitter_shortens_within_its_share_and_spreads) {
  const BackoffRule rule{.jitter_percent = 25};
  std::set<std::int64_t> seen;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Nanos delay = backoff(rule, 3, seed);
    EXPECT_LE(delay, nanos_from_ms(200));
    EXPECT_GE(delay, nanos_from_ms(150));
    EXPECT_EQ(delay, backoff(rule, 3, seed));
    seen.insert(delay.value / 5'000'000);
  }
  EXPECT_GE(seen.size(), 10U);  // of the eleven 5 ms steps
}

}  // namespace
}  // namespace rtt::fabric
