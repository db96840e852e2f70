// SPDX-License-Identifier: Apache-2.0
// Goal: no interleaving, fault or crash makes the graph mixed, loses a commit, or leaves a plan without an
// answer. Method: exhaustive search over the real machine and the real recovery (explorer_for_test.h); the
// search itself is tested by bugs it must find.
#include <gtest/gtest.h>

#include "apply/explorer_for_test.h"
#include "crypto/sha256.h"

namespace rtt::apply {
namespace {

model::Route route(std::uint32_t id, const std::string& to) {
  return {.id = RouteId{id},
          .from = *model::parse_definition("rtt://c/agent/a@1.0.0"),
          .to = *model::parse_definition("rtt://p/tool/" + to + "@1.0.0"),
          .node_from = "local",
          .node_to = "local",
          .origin = "routes"};
}

// Two batches: alpha brings up 3 and gives up 1, then beta brings up 4; gamma, if present, 5 with it.
Start start(std::size_t participants) {
  Start out;
  out.base.routes = {route(1, "a"), route(2, "b")};
  out.base_seq = Seq{1};
  out.plan.base = model::graph_root(out.base);
  out.plan.routes_del = {route(1, "a")};
  out.plan.routes_add = {route(3, "c"), route(4, "d")};
  out.plan.order = {{"D1", "A3"}, {"A4"}};
  out.participants = {{.name = "alpha", .routes = {RouteId{3}}, .restores = {RouteId{1}}},
                      {.name = "beta", .routes = {RouteId{4}}}};
  if (participants == 3) {
    out.plan.routes_add.push_back(route(5, "e"));
    out.plan.order[1].push_back("A5");
    out.participants.push_back({.name = "gamma", .routes = {RouteId{5}}});
  }
  out.plan_id = model::plan_id(out.plan);
  out.who = "key:0123456789abcdef";
  return out;
}

std::vector<Entry> history(const Start& start) {
  const CommitRecord first{.plan_id = start.plan_id,
                           .before = model::graph_root({}),
                           .after = model::graph_root(start.base),
                           .graph = start.base,
                           .who = "key:0123456789abcdef"};
  return {{.type = journal::RecordType::kCommit, .seq = Seq{1}, .payload = to_json(first)}};
}

enum class Accepting : std::uint8_t { kNothing, kAServer };
enum class Showing : std::uint8_t { kNothing, kAView };

Report explore(std::size_t participants, Budget budget, Bug bug, Accepting accepting = Accepting::kNothing,
               Showing showing = Showing::kNothing) {
  Start begin = start(participants);
  if (showing == Showing::kAView) {
    begin.plan.views_add = {{.provider = "codex", .root = crypto::sha256("tree")}};
    begin.plan_id = model::plan_id(begin.plan);
    begin.participants.push_back({.name = "views", .shows = Participant::Shows::kViews});
  }
  if (accepting == Accepting::kAServer)
    begin.accepted = {{.path = ".rtt/manifests/mcp.a.json", .before = {}, .after = {.clients = true}}};
  return Explorer(begin, history(begin), budget, bug).run();
}

std::string story(const Report& report) {
  std::string out = report.violation + "\n";
  for (const std::string& step : report.trace) out += "  " + step + "\n";
  return out;
}

TEST(Explorer, two_participants_under_every_fault_at_once) {
  const Report report = explore(2, {}, Bug::kNone);
  EXPECT_TRUE(report.violation.empty()) << story(report);
  EXPECT_GT(report.committed, 0U);
  EXPECT_GT(report.rolled_back, 0U);
  EXPECT_GT(report.in_doubt, 0U);
  EXPECT_GT(report.states, 100'000U);
}

std::vector<Budget> one_fault_each() {
  const Budget none{.nacks = 0,
                    .deaths = 0,
                    .lost_messages = 0,
                    .doubled_answers = 0,
                    .journal_failures = 0,
                    .verify_failures = 0};
  std::vector<Budget> budgets(6, none);
  budgets[0].nacks = 1;
  budgets[1].deaths = 1;
  budgets[2].lost_messages = 1;
  budgets[3].doubled_answers = 1;
  budgets[4].journal_failures = 1;
  budgets[5].verify_failures = 1;
  return budgets;
}

TEST(Explorer, three_participants_with_one_fault_of_each_kind_in_turn) {
  const std::vector<Budget> budgets = one_fault_each();
  for (std::size_t i = 0; i < budgets.size(); ++i) {
    const Report report = explore(3, budgets[i], Bug::kNone);
    EXPECT_TRUE(report.violation.empty()) << "budget " << i << ": " << story(report);
    EXPECT_GT(report.committed, 0U) << "budget " << i;
  }
}

TEST(Explorer, views_are_at_hand_first_and_flip_with_the_routes_under_one_fault_of_each_kind) {
  const std::vector<Budget> budgets = one_fault_each();
  for (const std::size_t i : {0U, 1U, 4U, 5U}) {  // messages to who shows views are neither lost nor doubled
    const Report report = explore(2, budgets[i], Bug::kNone, Accepting::kNothing, Showing::kAView);
    EXPECT_TRUE(report.violation.empty()) << "budget " << i << ": " << story(report);
    EXPECT_GT(report.committed, 0U) << "budget " << i;
  }
}

TEST(Explorer, manifests_go_with_the_graph_under_every_fault_at_once) {
  Budget budget;
  budget.doubled_answers = budget.lost_messages = 0;  // nothing about files, and much to search
  const Report report = explore(2, budget, Bug::kNone, Accepting::kAServer);
  EXPECT_TRUE(report.violation.empty()) << story(report);
  EXPECT_GT(report.committed, 0U);
  EXPECT_GT(report.rolled_back, 0U);
  EXPECT_GT(report.in_doubt, 0U);
}

class SeededBug : public testing::TestWithParam<int> {};

TEST_P(SeededBug, is_found) {
  const Bug bug = static_cast<Bug>(GetParam());
  Budget budget;
  // Nothing but a refusal shows it, and the other faults would only make the search for one longer.
  if (bug == Bug::kCommitsBeforePrepared)
    budget = {.nacks = 1, .deaths = 0, .lost_messages = 0, .doubled_answers = 0};
  const bool files = bug >= Bug::kRecoveryLeavesFiles;
  if (files) budget.doubled_answers = budget.lost_messages = 0;
  const Report report = explore(2, budget, bug, files ? Accepting::kAServer : Accepting::kNothing);
  EXPECT_FALSE(report.violation.empty()) << "explored " << report.states << " states and saw nothing";
  RecordProperty("violation", report.violation);
}
INSTANTIATE_TEST_SUITE_P(All, SeededBug, testing::Range(1, kBugCount));

}  // namespace
}  // namespace rtt::apply
