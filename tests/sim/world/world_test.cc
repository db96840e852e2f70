// SPDX-License-Identifier: Apache-2.0
// world: a run is its seed and nothing else; what the simulator found once stays mended.
#include "world.h"

#include <gtest/gtest.h>

namespace rtt::sim {
namespace {

class WorldTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(stage_) << stage_.error().message << " " << stage_.error().where; }
  Result<Stage> stage_ = Stage::make();
  Result<Stage> programs_ = Stage::make(Cast::kPrograms);  // on which earlier finds were made
};

TEST_F(WorldTest, the_same_seed_is_the_same_run) {
  for (const std::uint64_t seed : {1U, 2U, 7U}) {
    const Report first = run_world(*stage_, seed, faults_of(seed));
    const Report other = run_world(*stage_, seed + 1, faults_of(seed + 1));
    const Report again = run_world(*stage_, seed, faults_of(seed));
    EXPECT_EQ(first.trace, again.trace) << "seed " << seed;
    EXPECT_EQ(first.events, again.events);
    EXPECT_NE(first.trace, other.trace);
  }
}

TEST_F(WorldTest, the_same_seed_is_the_same_run_on_another_stage) {
  const auto elsewhere = Stage::make();
  ASSERT_TRUE(elsewhere);
  for (const std::uint64_t seed : {2U, 3U, 5U, 7U}) (void)run_world(*elsewhere, seed, faults_of(seed));
  EXPECT_EQ(run_world(*stage_, 3, faults_of(3)).trace, run_world(*elsewhere, 3, faults_of(3)).trace);
}

TEST_F(WorldTest, a_world_without_faults_makes_changes_and_carries_calls) {
  const Report report = run_world(*stage_, 4, {});
  EXPECT_FALSE(report.broken) << *report.broken;
  EXPECT_EQ(report.panels, 1U);
  EXPECT_GT(report.commits, 3U);
  EXPECT_GT(report.calls, 10U);
}

// The journal takes nothing more after a failed write, and the panel stayed up and refused every change.
TEST_F(WorldTest, a_failed_write_of_the_journal_does_not_end_all_changes) {
  for (std::uint64_t moment = 0; moment < 12; ++moment) {
    const Report report =
        run_world(*programs_, 5, {{.kind = FaultKind::kDiskError, .at = 400, .whom = moment, .much_ms = 0}});
    EXPECT_FALSE(report.broken) << *report.broken << ", moment " << moment;
    EXPECT_GE(report.disk_errors, 1U);
  }
}

// One end of a lane had taken it into use, the other had not and so said no last word: the first one waited
// for it for ever.
TEST_F(WorldTest, a_connection_cut_at_any_event_of_a_change_leaves_no_lane_behind) {
  for (std::uint64_t event = 60; event < 140; ++event) {
    const Report report =
        run_world(*programs_, 4,
                  {{.kind = FaultKind::kConnectionCut, .at = event, .whom = 2 + event % 2, .much_ms = 0}});
    EXPECT_FALSE(report.broken) << *report.broken << ", event " << event;
  }
}

// The same of a lane that takes over from another: the end that was cut off closed it unused, without a word,
// and the other end, which had flipped to it, waited for ever.
TEST_F(WorldTest, a_connection_cut_at_any_event_of_a_flip_leaves_no_later_lane_behind) {
  for (std::uint64_t event = 740; event < 800; ++event) {
    const Report report = run_world(
        *programs_, 2002, {{.kind = FaultKind::kConnectionCut, .at = event, .whom = 2, .much_ms = 0}});
    EXPECT_FALSE(report.broken) << *report.broken << ", event " << event;
  }
}

// A lane that only waited for an answer stayed when the caller's deadline passed without it.
TEST_F(WorldTest, a_provider_that_hangs_while_its_lanes_go_leaves_none_behind) {
  for (std::uint64_t event = 60; event < 500; event += 20) {
    const Report report =
        run_world(*programs_, 4,
                  {{.kind = FaultKind::kEndHangs, .at = event, .whom = event / 20 % 2, .much_ms = 6'000}});
    EXPECT_FALSE(report.broken) << *report.broken << ", event " << event;
  }
}

// The panel went back because the driver was given up, and an end hung for longer than it is waited for: the
// lane that was to be there again was given up, and nobody built it later.
TEST_F(WorldTest, an_end_that_hangs_while_a_change_is_taken_back_gets_its_lane_later) {
  for (std::uint64_t event = 608; event < 640; event += 8) {
    const Report report =
        run_world(*stage_, 937,
                  {{.kind = FaultKind::kDriverGivenUp, .at = 496, .whom = 4, .much_ms = 3'843},
                   {.kind = FaultKind::kConnectionStalls, .at = event, .whom = 39, .much_ms = 6'071}});
    EXPECT_FALSE(report.broken) << *report.broken << ", event " << event;
    EXPECT_GE(report.hosts, 1U);
  }
}

}  // namespace
}  // namespace rtt::sim
