// SPDX-License-Identifier: Apache-2.0
// Goal: no interleaving, fault or crash makes the graph mixed, loses a commit, leaves a lane behind, or a
// plan without an answer. Method: exhaustive search over the real machines (search.h). That the search would
// see a fault is held by the seeded bugs (bugs.cmake).
#include <gtest/gtest.h>

#include "canary_search.h"
#include "search.h"

namespace rtt::explore {
namespace {

constexpr auto kViews = ScenarioOptions::Views::kShown;
constexpr auto kAServer = ScenarioOptions::Accepts::kAServer;

Report searched(const ScenarioOptions& options, const Faults& faults) {
  Report report = explore(scenario(options, faults));
  EXPECT_EQ(report.law, Law::kHolds) << to_text(report);
  EXPECT_TRUE(report.complete) << to_text(report);
  EXPECT_GT(report.committed, 0U);
  EXPECT_GT(report.rolled_back, 0U);  // a timer may fire at any time
  return report;
}

TEST(Explore, two_parties_under_every_fault_at_once) {
  const Report report =
      searched({.parties = 2}, {.nacks = 1, .deaths = 1, .lost = 1, .doubled = 1, .journal = 1, .verify = 1});
  EXPECT_GT(report.in_doubt, 0U);
  EXPECT_GT(report.states, 200'000U);
}

TEST(Explore, three_parties_under_every_fault_of_parties_and_messages) {
  searched({.parties = 3}, {.nacks = 1, .deaths = 1, .doubled = 1});
  searched({.parties = 3}, {.nacks = 1, .lost = 1, .verify = 1});
  searched({.parties = 3}, {.deaths = 1, .lost = 1, .journal = 1});
}

TEST(Explore, five_parties_with_one_fault_of_each_kind_in_turn) {
  searched({.parties = 5}, {.nacks = 1});
  searched({.parties = 5}, {.deaths = 1});
  searched({.parties = 5}, {.lost = 1});
  searched({.parties = 5}, {.journal = 1, .verify = 1});
}

TEST(Explore, seven_parties_with_a_journal_that_breaks_and_a_verification_that_fails) {
  searched({.parties = 7}, {.journal = 1, .verify = 1});
}

TEST(Explore, views_are_at_hand_first_and_flip_with_the_routes) {
  searched({.parties = 2, .views = kViews}, {.nacks = 1, .deaths = 1});
  searched({.parties = 2, .views = kViews}, {.journal = 1, .verify = 1});
}

TEST(Explore, manifests_go_with_the_graph) {
  const Report report = searched({.parties = 2, .accepts = kAServer},
                                 {.nacks = 1, .deaths = 1, .journal = 1, .verify = 1, .files = 1});
  EXPECT_GT(report.in_doubt, 0U);
}

TEST(Explore, a_canary_ends_whole_or_not_at_all_and_survives_a_crash) {
  for (const apply::Unused unused : {apply::Unused::kGoesBack, apply::Unused::kStays}) {
    const Report report = explore_canary(unused);
    EXPECT_EQ(report.law, Law::kHolds) << to_text(report);
    EXPECT_TRUE(report.complete) << to_text(report);
    EXPECT_GT(report.committed, 0U);
    EXPECT_GT(report.rolled_back, 1000U);
    EXPECT_GT(report.in_doubt, 1000U);
  }
}

TEST(Explore, a_search_that_is_cut_short_says_so) {
  const Report report = explore(scenario({.parties = 3}, {.nacks = 1}), {.states_max = 1000});
  EXPECT_FALSE(report.complete);
}

}  // namespace
}  // namespace rtt::explore
