// SPDX-License-Identifier: Apache-2.0
#include "chaos/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace rtt::chaos {
namespace {

constexpr Action kActions[] = {Action::kKill,    Action::kStop,  Action::kSleep,
                               Action::kCorrupt, Action::kClock, Action::kFull};

Case a_case(Action action) {
  return {.name = "c", .action = action, .target = {}, .start_ms = 500, .dur_ms = 1000, .every_ms = 0};
}

TEST(Schedule, is_a_function_of_the_case_and_the_seed) {
  for (const Action action : kActions) {
    for (std::uint64_t seed = 0; seed < 200; ++seed)
      EXPECT_EQ(schedule(a_case(action), seed), schedule(a_case(action), seed));
  }
  std::size_t others = 0;
  for (std::uint64_t seed = 1; seed < 200; ++seed)
    others += schedule(a_case(Action::kKill), seed) != schedule(a_case(Action::kKill), 0) ? 1 : 0;
  EXPECT_GT(others, 150U) << "the seed hardly matters";
}

TEST(Schedule, is_sorted_lies_in_the_window_and_leaves_the_target_whole) {
  for (const Action action : kActions) {
    for (const std::int64_t start : {0, 1, 500}) {
      for (const std::int64_t dur : {1, 2, 30, 1000}) {
        Case one = a_case(action);
        one.start_ms = start;
        one.dur_ms = dur;
        for (std::uint64_t seed = 0; seed < 50; ++seed) {
          const std::vector<Step> steps = schedule(one, seed);
          ASSERT_FALSE(steps.empty());
          EXPECT_TRUE(std::ranges::is_sorted(steps, {}, &Step::at_ms));
          for (const Step& step : steps) {
            EXPECT_GE(step.at_ms, start);
            EXPECT_LE(step.at_ms, start + dur + (action == Action::kSleep ? one.latency_ms : 0));
          }
          switch (steps.back().act) {
            case Act::kStop:
            case Act::kScribble:
            case Act::kFill:
              ADD_FAILURE() << "ends with " << to_string(steps.back().act);
              break;
            case Act::kShift:
              EXPECT_EQ(steps.back().amount, 0);
              break;
            case Act::kKill:
            case Act::kContinue:
            case Act::kWithdraw:
            case Act::kFree:
              break;
          }
        }
      }
    }
  }
}

TEST(Schedule, a_flapping_target_is_killed_once_a_period) {
  Case one = a_case(Action::kKill);
  one.every_ms = 100;
  const auto steps = schedule(one, 7);
  EXPECT_EQ(steps.size(), 10U);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::int64_t beat = 500 + 100 * static_cast<std::int64_t>(i);
    EXPECT_GE(steps[i].at_ms, beat);
    EXPECT_LE(steps[i].at_ms, beat + 50);
  }
}

TEST(Schedule, a_clock_goes_forward_and_behind_and_is_put_right) {
  const auto steps = schedule(a_case(Action::kClock), 3);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_GT(steps[0].amount, 0);
  EXPECT_LT(steps[1].amount, 0);
  EXPECT_EQ(steps[2].amount, 0);
}

TEST(Schedule, never_has_more_steps_than_the_limit) {
  Case one = a_case(Action::kSleep);
  one.dur_ms = kChaosWindowMsMax;
  one.latency_ms = 1;
  EXPECT_LE(schedule(one, 1).size(), kChaosStepsMax);
  EXPECT_EQ(schedule(one, 1).back().act, Act::kContinue);
  one = a_case(Action::kKill);
  one.dur_ms = kChaosWindowMsMax;
  one.every_ms = 1;
  EXPECT_EQ(schedule(one, 1).size(), kChaosStepsMax);
}

}  // namespace
}  // namespace rtt::chaos
