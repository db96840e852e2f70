// SPDX-License-Identifier: Apache-2.0
// Goal: every plan of the planner verifies, and each kind of damage is told by a reason of its own.
#include "plan/verify.h"

#include <functional>
#include <set>

#include "plan/diff.h"
#include "plan/world_for_test.h"

namespace rtt::plan {
namespace {

// Two adds (one required by the other's provider) and one delete.
World world() {
  World out;
  out.provider("rtt://idp/api/keys@1.0.0");
  out.consumer("rtt://c/agent/a@1.0.0");
  out.both("rtt://core/service/store@1.0.0");
  out.provider("rtt://idp/api/auth@1.0.0?caps=a,b");
  out.want("rtt://c/agent/a", "rtt://idp/api/keys");
  out.commit();
  out.inputs.desired.clear();
  out.want("rtt://c/agent/a", "rtt://core/service/store");
  out.inputs.contracts[2].requirements.push_back(
      {.to = reference("rtt://idp/api/auth"), .pointer = "/symbol/requires/0"});
  return out;
}

using Tamper = std::function<void(model::Plan&)>;

std::vector<Tamper> tamperings() {
  return {
      [](auto& plan) { plan.inputs.engine = "plan/2"; },
      [](auto& plan) { plan.base = crypto::sha256("another"); },
      [](auto& plan) { plan.routes_add[0].id = RouteId{0}; },
      [](auto& plan) { plan.routes_add[1].id = plan.routes_add[0].id; },
      [](auto& plan) { plan.routes_add[0].from.version.reset(); },
      [](auto& plan) { plan.routes_add[0].to.caps = {"x"}; },
      [](auto& plan) { plan.routes_add[0].to = plan.routes_add[0].from; },
      [](auto& plan) { plan.routes_add[0].contract = {}; },
      [](auto& plan) { plan.routes_add[0].consumer_contract = {}; },
      [](auto& plan) { plan.routes_add[0].caps = {"b", "a"}; },
      [](auto& plan) { plan.routes_add[0].caps = {"a", "a"}; },
      [](auto& plan) { plan.routes_add[0].node_from.clear(); },
      [](auto& plan) { plan.routes_add[0].node_to.clear(); },
      [](auto& plan) { plan.routes_add[0].origin = "nobody"; },
      [](auto& plan) { plan.routes_add[0].replaces = "rtt://x/api/y"; },
      [](auto& plan) { std::swap(plan.routes_add[0], plan.routes_add[1]); },
      [](auto& plan) { plan.routes_add.push_back(plan.routes_add.back()); },
      [](auto& plan) { plan.order.back().pop_back(); },
      [](auto& plan) {
        plan.order.back().clear();
        plan.order.back().push_back("A99");
      },
      [](auto& plan) { plan.order.push_back({plan.order.front().front()}); },
      [](auto& plan) { std::reverse(plan.order.begin(), plan.order.end()); },
      [](auto& plan) { plan.objective.churn += 1; },
      [](auto& plan) { plan.objective.bound += 1; },
      [](auto& plan) { plan.objective.latency_ns = plan.objective.bound = -1; },
      [](auto& plan) { plan.objective.gap_ppm = -1; },
      [](auto& plan) { plan.objective.bound -= 1; },
      [](auto& plan) { plan.objective.latency_ns += 5, plan.objective.bound += 5; },
      [](auto& plan) { plan.routes_del[0].contract = crypto::sha256("another"); },
  };
}

TEST(Verify, what_the_planner_makes) {
  const World it = world();
  const model::Plan plan = it.solved().plan;
  ASSERT_EQ(plan.routes_add.size(), 2U);
  ASSERT_EQ(plan.routes_del.size(), 1U);
  ASSERT_EQ(plan.order.size(), 2U);
  const Status status = verify_against(plan, it.inputs.base);
  EXPECT_TRUE(status.has_value()) << status.error().message;
}

TEST(Verify, every_tampering_has_a_reason_of_its_own) {
  const World it = world();
  std::set<std::string> reasons;
  const auto all = tamperings();
  for (std::size_t i = 0; i < all.size(); ++i) {
    model::Plan plan = it.solved().plan;
    all[i](plan);
    const Status status = verify_against(plan, it.inputs.base);
    ASSERT_FALSE(status.has_value()) << "tampering " << i;
    const std::string reason = status.error().where + ": " + status.error().message;
    EXPECT_TRUE(reasons.insert(reason).second) << "tampering " << i << " repeats: " << reason;
  }
  EXPECT_GE(reasons.size(), 20U);
}

TEST(Verify, plans_between_any_graphs) {
  World it = world();
  const model::Graph before = it.inputs.base;
  it.commit();
  const model::Plan back = plan_between(it.inputs.base, before, {});
  EXPECT_TRUE(verify_against(back, it.inputs.base).has_value());
  EXPECT_EQ(*model::apply_to(it.inputs.base, back), before);
}

}  // namespace
}  // namespace rtt::plan
