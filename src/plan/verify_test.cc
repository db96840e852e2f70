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

TEST(Verify, a_class_is_what_the_types_give_or_a_wish_names) {
  using model::RouteClass;
  const auto consumer = contract("rtt://ui/hook/refresh@1.0.0", model::Direction::kConsumer);
  const auto api = contract("rtt://core/api/metrics@1.0.0", model::Direction::kProvider);
  const auto stream = contract("rtt://core/api/log@1.0.0?io=stream", model::Direction::kProvider);
  const auto bus = contract("rtt://core/bus/events@1.0.0", model::Direction::kBoth);
  const std::vector<model::Saddr> none, asked{reference("rtt://core/api/metrics?io=pubsub")};
  struct Row {
    const model::Contract& provider;
    RouteClass route_class;
    const std::vector<model::Saddr>& wishes;
    bool fits;
  };
  for (const Row& row :
       {Row{api, RouteClass::kReq, none, true}, Row{api, RouteClass::kPubsub, none, false},
        Row{api, RouteClass::kPubsub, asked, true}, Row{api, RouteClass::kReq, asked, true},
        Row{api, RouteClass::kStream, asked, false}, Row{bus, RouteClass::kPubsub, none, true},
        Row{bus, RouteClass::kReq, none, false}, Row{bus, RouteClass::kReq, asked, false},
        Row{stream, RouteClass::kStream, none, true}, Row{stream, RouteClass::kReq, none, false},
        Row{stream, RouteClass::kPubsub, asked, false}}) {
    model::Route route;
    route.from = consumer.saddr;
    route.to = row.provider.saddr;
    route.route_class = row.route_class;
    const Status status =
        verify_class(route, {.consumer = consumer, .provider = row.provider, .wishes = row.wishes});
    EXPECT_EQ(status.has_value(), row.fits)
        << model::route_name(route) << " as " << model::to_string(row.route_class);
    if (!status) {
      EXPECT_EQ(status.error().code, Code::kTypeMismatch);
    }
  }
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
