// SPDX-License-Identifier: Apache-2.0
// Goal: a quick connect is one edge that planning keeps. Method: small worlds by hand for each rule, random
// worlds for the laws: qc then plan changes nothing, qc twice is qc once, the inverse gives the graph back.
#include "plan/quick_connect.h"

#include <gmock/gmock.h>

#include "plan/diff.h"
#include "plan/verify.h"
#include "plan/world_for_test.h"

namespace rtt::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kHook = "rtt://ui/hook/refresh@1.0.0";
constexpr const char* kMetrics = "rtt://core/api/metrics@1.2.0";
constexpr const char* kSpare = "rtt://spare/api/metrics@1.0.0";

Result<model::Plan> connect(const World& world, std::string_view from, std::string_view to) {
  return quick_connect(world.inputs, {.from = definition(from), .to = definition(to)});
}

void take(World& world, const model::Plan& plan) {
  ASSERT_TRUE(verify_against(plan, world.inputs.base).has_value());
  auto next = model::apply_to(world.inputs.base, plan);
  ASSERT_TRUE(next.has_value()) << next.error().message;
  world.inputs.base = *std::move(next);
}

// Connects, takes the result as the committed graph, and returns the plan.
model::Plan connected(World& world, std::string_view from, std::string_view to) {
  auto plan = connect(world, from, to);
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().message);
  if (!plan) return {};
  take(world, *plan);
  return *plan;
}

bool empty(const model::Plan& plan) { return plan.routes_add.empty() && plan.routes_del.empty(); }

Error refused(const World& world, std::string_view from, std::string_view to) {
  auto plan = connect(world, from, to);
  EXPECT_FALSE(plan.has_value());
  return plan ? Error{} : plan.error();
}

struct QuickConnectTest : testing::Test {
  World world;
  void SetUp() override {
    world.consumer(kHook);
    world.provider(kMetrics);
    world.provider(kSpare);
    world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics@^1");
    world.commit();
  }
};

TEST_F(QuickConnectTest, replaces_the_one_route_of_the_type_and_remembers_its_reference) {
  const model::Plan plan = connected(world, kHook, kSpare);
  EXPECT_THAT(names(plan.routes_del),
              ElementsAre("rtt://ui/hook/refresh@1.0.0 -> rtt://core/api/metrics@1.2.0"));
  EXPECT_THAT(names(plan.routes_add),
              ElementsAre("rtt://ui/hook/refresh@1.0.0 -> rtt://spare/api/metrics@1.0.0"));
  EXPECT_EQ(plan.routes_add.at(0).origin, "qc");
  EXPECT_EQ(plan.routes_add.at(0).replaces, "rtt://core/api/metrics@^1");
  EXPECT_EQ(plan.objective.churn, 2);
}

TEST_F(QuickConnectTest, is_kept_by_later_plans_and_dropped_by_a_reset) {
  connected(world, kHook, kSpare);
  EXPECT_TRUE(empty(world.solved().plan));
  world.inputs.reset_qc = true;
  EXPECT_THAT(names(world.solved().plan.routes_add),
              ElementsAre("rtt://ui/hook/refresh@1.0.0 -> rtt://core/api/metrics@1.2.0"));
}

TEST_F(QuickConnectTest, twice_is_once) {
  connected(world, kHook, kSpare);
  EXPECT_TRUE(empty(connected(world, kHook, kSpare)));
}

TEST_F(QuickConnectTest, to_the_provider_that_serves_already_changes_nothing) {
  EXPECT_TRUE(empty(connected(world, kHook, kMetrics)));
  EXPECT_EQ(world.inputs.base.routes[0].origin, "routes");
}

TEST_F(QuickConnectTest, a_chain_remembers_the_first_reference) {
  world.provider("rtt://third/api/metrics@1.0.0");
  connected(world, kHook, kSpare);
  const model::Plan plan = connected(world, kHook, "rtt://third/api/metrics@1.0.0");
  EXPECT_EQ(plan.routes_add.at(0).replaces, "rtt://core/api/metrics@^1");
  EXPECT_TRUE(empty(world.solved().plan));
  connected(world, kHook, kMetrics);
  EXPECT_TRUE(empty(world.solved().plan));
}

TEST_F(QuickConnectTest, two_wishes_behind_one_route_are_both_stood_in_for) {
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics@>=1.1");
  world.commit();
  connected(world, kHook, kSpare);
  EXPECT_EQ(world.inputs.base.routes.size(), 1U);
  EXPECT_TRUE(empty(world.solved().plan));
}

TEST_F(QuickConnectTest, the_very_definition_is_taken_even_if_another_offers_its_version) {
  world.provider("rtt://spare/api/metrics@1.1.0").version_set = range(">=1 <2");
  EXPECT_EQ(model::identity(connected(world, kHook, kSpare).routes_add.at(0).to), kSpare);
  EXPECT_TRUE(empty(world.solved().plan));
}

TEST_F(QuickConnectTest, without_a_route_of_the_type_it_adds_and_stands_alone) {
  world.provider("rtt://core/tool/grep@1.0.0");
  const model::Plan plan = connected(world, kHook, "rtt://core/tool/grep@1.0.0");
  EXPECT_THAT(plan.routes_del, IsEmpty());
  EXPECT_EQ(plan.routes_add.at(0).replaces, "");
  EXPECT_TRUE(empty(world.solved().plan));
  EXPECT_TRUE(empty(connected(world, kHook, "rtt://core/tool/grep@1.0.0")));
}

TEST_F(QuickConnectTest, several_routes_of_the_type_are_listed_not_guessed) {
  world.provider("rtt://core/api/other@1.0.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/other");
  world.commit();
  const Error error = refused(world, kHook, kSpare);
  EXPECT_EQ(error.code, Code::kAmbiguous);
  EXPECT_EQ(exit_status(error.code), Exit::kUsage);
  EXPECT_THAT(error.message, HasSubstr("rtt://core/api/metrics@1.2.0, rtt://core/api/other@1.0.0"));
}

TEST_F(QuickConnectTest, default_deny_gives_way_to_the_owner_and_a_deny_rule_does_not) {
  world.inputs.policy.allow.clear();
  World denied = world;
  denied.deny("rtt://ui/*/*", "rtt://spare/*/*");
  const Error error = refused(denied, kHook, kSpare);
  EXPECT_EQ(error.code, Code::kDenied);
  EXPECT_EQ(error.where, "policy.json:2");
  connected(world, kHook, kSpare);
  EXPECT_TRUE(empty(world.solved().plan));
}

TEST_F(QuickConnectTest, a_list_in_the_policy_must_name_the_pair_or_the_command_line) {
  const auto with = [&](const char* from, const char* to) {
    World listed = world;
    listed.inputs.policy.qc.emplace();
    listed.inputs.policy.qc->push_back({.from = pattern(from), .to = pattern(to), .where = "policy.json:9"});
    return listed;
  };
  World nobody = world;
  nobody.inputs.policy.qc.emplace();
  const Error error = refused(nobody, kHook, kSpare);
  EXPECT_EQ(error.code, Code::kDenied);
  EXPECT_THAT(error.message, HasSubstr("policy.json"));
  EXPECT_EQ(refused(with("rtt://ui/*/*", "rtt://core/*/*"), kHook, kSpare).code, Code::kDenied);
  EXPECT_EQ(refused(with("rtt://other/*/*", "rtt://*/*/*"), kHook, kSpare).code, Code::kDenied);
  EXPECT_TRUE(connect(with("rtt://ui/*/*", "rtt://spare/*/*"), kHook, kSpare));
  EXPECT_TRUE(connect(with("rtt://local/proc/cli", "rtt://*/*/*"), kHook, kSpare));
}

TEST_F(QuickConnectTest, a_policy_with_an_error_allows_nothing) {
  world.inputs.policy.problems.push_back({.file = "policy.json", .line = 3, .message = "no such key"});
  EXPECT_EQ(refused(world, kHook, kSpare).code, Code::kDenied);
}

TEST_F(QuickConnectTest, each_rule_of_a_route_applies) {
  EXPECT_EQ(refused(world, kHook, "rtt://nowhere/api/none@1.0.0").code, Code::kNotFound);
  EXPECT_EQ(refused(world, kMetrics, kSpare).code, Code::kDirection);
  world.consumer("rtt://core/api/asks@1.0.0");
  EXPECT_EQ(refused(world, kHook, "rtt://core/api/asks@1.0.0").code, Code::kDirection);
  world.provider("rtt://core/flag/dark@1.0.0");
  EXPECT_EQ(refused(world, kHook, "rtt://core/flag/dark@1.0.0").code, Code::kTypeMismatch);

  World narrow = world;
  narrow.inputs.contracts[0].version_set = range("^2");
  EXPECT_EQ(refused(narrow, kHook, kSpare).code, Code::kVersionMeet);

  World capable = world;
  capable.inputs.contracts[0].saddr.caps = {"push"};
  capable.inputs.contracts[2].saddr.caps = {"pull"};
  EXPECT_EQ(refused(capable, kHook, kSpare).code, Code::kCapabilityMeet);
  EXPECT_EQ(refused(world, kHook, std::string(kSpare) + "?caps=pull").code, Code::kCapabilityMeet);

  World typed = world;
  const auto schema = [](const char* type) { return text::Json::object({{"type", type}}); };
  typed.inputs.contracts[0].outputs.push_back({.name = "q", .schema = schema("string")});
  typed.inputs.contracts[2].inputs.push_back({.name = "q", .schema = schema("number")});
  EXPECT_EQ(refused(typed, kHook, kSpare).code, Code::kSchemaMismatch);

  World pinned = world;
  pinned.pin("rtt://ui/*/*", "rtt://spare/api/metrics@2");
  EXPECT_EQ(refused(pinned, kHook, kSpare).code, Code::kPinUnmet);

  World hasty = world;
  hasty.inputs.contracts[2].qos.latency_budget_ms = 0.000001;
  EXPECT_EQ(refused(hasty, kHook, kSpare).code, Code::kQosUnmet);
}

TEST_F(QuickConnectTest, what_the_reference_asked_for_is_asked_of_its_stand_in) {
  world.inputs.contracts[1].saddr.caps = {"pull", "push"};
  world.inputs.desired[0].to = reference("rtt://core/api/metrics@^1?caps=push");
  world.commit();
  EXPECT_EQ(refused(world, kHook, kSpare).code, Code::kCapabilityMeet);
  world.inputs.contracts[2].saddr.caps = {"push", "stream"};
  const model::Plan plan = connected(world, kHook, kSpare);
  EXPECT_THAT(plan.routes_add.at(0).caps, ElementsAre("push"));
  EXPECT_TRUE(empty(world.solved().plan));
}

TEST(QuickConnectProperty, planning_keeps_it_twice_is_once_and_its_inverse_gives_the_graph_back) {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto pick = [&](std::size_t below) { return static_cast<std::size_t>(random()) % below; };
    World world;
    for (const char* name : {"a", "b"}) world.consumer("rtt://ui/hook/" + std::string(name) + "@1.0.0");
    std::vector<std::string> providers;
    for (const char* symbol : {"core/api/m", "spare/api/m", "core/tool/t", "core/bus/e"}) {
      for (const char* version : {"1.0.0", "1.1.0", "2.0.0"}) {
        providers.push_back("rtt://" + std::string(symbol) + "@" + version);
        world.provider(providers.back());
      }
    }
    for (std::size_t i = pick(5); i > 0; --i) {
      const std::string& target = providers[pick(providers.size())];
      const std::string range_text = std::vector<std::string>{"", "@^1", "@>=1.1", "@1.0.0"}[pick(4)];
      const std::string from = pick(2) == 0 ? "rtt://ui/hook/a" : "rtt://ui/hook/b";
      world.want_optional(from, target.substr(0, target.find('@')) + range_text);
    }
    world.commit();
    const model::Graph base = world.inputs.base;
    const std::string& to = providers[pick(providers.size())];
    auto plan = connect(world, "rtt://ui/hook/a@1.0.0", to);
    if (!plan) {
      EXPECT_EQ(plan.error().code, Code::kAmbiguous) << plan.error().message;
      continue;
    }
    ASSERT_LE(plan->routes_add.size(), 1U);
    ASSERT_LE(plan->routes_del.size(), 1U);
    take(world, *plan);
    ASSERT_TRUE(empty(world.solved().plan)) << to;
    auto again = connect(world, "rtt://ui/hook/a@1.0.0", to);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    ASSERT_TRUE(empty(*again));
    const auto undone =
        model::apply_to(world.inputs.base, plan_between(world.inputs.base, base, plan->inputs));
    ASSERT_TRUE(undone.has_value());
    ASSERT_EQ(*undone, base);
  }
}

}  // namespace
}  // namespace rtt::plan
