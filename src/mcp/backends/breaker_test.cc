// SPDX-License-Identifier: Apache-2.0
// Laws of the breaker: it opens at the fourth failure within its window, stays so for a bounded while that
// doubles as tries fail, and is closed by a try that goes well or a call that is answered.
#include "mcp/backends/breaker.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace rtt::mcp {
namespace {

using Failure = Breaker::Failure;
Instant at_ms(std::int64_t ms) { return Instant{nanos_from_ms(ms).value}; }

Breaker tripped(std::int64_t at) {
  Breaker out(7);
  for (std::size_t i = 0; i < Breaker::kTripFailures; ++i) out.failed(Failure::kEnded, at_ms(at));
  return out;
}

TEST(Breaker, opens_at_the_fourth_failure_within_the_window_and_before_a_second_is_over) {
  Breaker breaker(1);
  std::int64_t waited = 0;
  for (int i = 0; i < 3; ++i) {
    breaker.failed(Failure::kEnded, at_ms(waited));
    EXPECT_EQ(breaker.state(), BreakerState::kClosed);
    waited += breaker.start_delay(at_ms(waited)).value / 1'000'000;
  }
  EXPECT_LT(waited, 500);  // leaves the starts more than half of the second
  breaker.failed(Failure::kEnded, at_ms(waited));
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
  Breaker slow(1);
  for (int i = 0; i < 10; ++i) slow.failed(Failure::kEnded, at_ms(i * 25'000));
  EXPECT_EQ(slow.state(), BreakerState::kClosed);
}

TEST(Breaker, one_start_that_says_nothing_opens_it) {
  Breaker breaker(1);
  breaker.failed(Failure::kMute, at_ms(0));
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
}

TEST(Breaker, holds_twice_as_long_after_each_try_that_fails_and_never_longer_than_its_most) {
  Breaker breaker = tripped(0);
  std::int64_t now = 0, full = 2000;
  for (int i = 0; i < 8; ++i) {
    const std::int64_t hold = breaker.probe_at().ns / 1'000'000 - now;
    EXPECT_LE(hold, full);
    EXPECT_GE(hold, full * 3 / 4 - 1);
    now += hold;
    breaker.probing();
    EXPECT_EQ(breaker.state(), BreakerState::kHalfOpen);
    breaker.failed(Failure::kEnded, at_ms(now));
    EXPECT_EQ(breaker.state(), BreakerState::kOpen);
    full = std::min<std::int64_t>(2 * full, 60'000);
  }
  EXPECT_EQ(full, 60'000);
}

TEST(Breaker, failures_of_calls_made_before_it_opened_do_not_prolong_it) {
  Breaker breaker = tripped(0);
  const Instant before = breaker.probe_at();
  for (int i = 0; i < 100; ++i) breaker.failed(Failure::kSilent, at_ms(i));
  EXPECT_EQ(breaker.probe_at(), before);
}

TEST(Breaker, a_try_that_goes_well_closes_it_and_only_an_answer_makes_it_forget) {
  Breaker breaker = tripped(0);
  breaker.probing();
  breaker.well();
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
  breaker.failed(Failure::kEnded, at_ms(3000));  // it dies of its first call
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
  EXPECT_GT(breaker.probe_at(), at_ms(3000 + 2900));  // for twice as long, less the jitter
  Breaker calm = tripped(0);
  calm.answered();  // to a call that was under way
  EXPECT_EQ(calm.state(), BreakerState::kClosed);
  EXPECT_EQ(calm.failures(at_ms(0)), 0U);
}

TEST(Breaker, silence_counts_until_something_is_answered) {
  Breaker breaker(1);
  for (int i = 0; i < 3; ++i) breaker.failed(Failure::kSilent, at_ms(i));
  breaker.answered();
  for (int i = 0; i < 3; ++i) breaker.failed(Failure::kSilent, at_ms(i));
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
  breaker.failed(Failure::kSilent, at_ms(9));
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
}

TEST(Breaker, the_same_seed_and_events_give_the_same_holds) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Breaker one(seed), two(seed);
  std::int64_t now = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += static_cast<std::int64_t>(random() % 5000);
    const std::uint64_t event = random() % 8;
    for (Breaker* const breaker : {&one, &two}) {
      if (event == 0) breaker->well();
      if (event == 1) breaker->answered();
      if (event == 2) breaker->probing();
      if (event == 3) breaker->reset();
      if (event == 4) breaker->failed(Failure::kMute, at_ms(now));
      if (event > 4) breaker->failed(event == 5 ? Failure::kSilent : Failure::kEnded, at_ms(now));
    }
    ASSERT_EQ(one.state(), two.state());
    ASSERT_EQ(one.probe_at(), two.probe_at());
    ASSERT_LE(one.failures(at_ms(now)), Breaker::kTripFailures);
    if (one.state() == BreakerState::kOpen) {
      ASSERT_LE((one.probe_at() - at_ms(now)).value, Breaker::kHoldMax.value);
    }
  }
}

}  // namespace
}  // namespace rtt::mcp
