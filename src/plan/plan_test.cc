// SPDX-License-Identifier: Apache-2.0
// Goal: every rule of the planner, each seen deciding a plan, and each refusal seen naming its rule and
// place.
#include "plan/plan.h"

#include <gmock/gmock.h>

#include "plan/diff.h"
#include "plan/world_for_test.h"

namespace rtt::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Names = std::vector<std::string>;
using Batches = std::vector<std::vector<std::string>>;

// The one conflict of a world that has one.
Conflict only_conflict(const World& world) {
  const Outcome outcome = world.solved();
  EXPECT_EQ(outcome.conflicts.size(), 1U);
  return outcome.conflicts.empty() ? Conflict{} : outcome.conflicts.front();
}

const RouteReport* report_of(const Outcome& outcome, std::string_view name, RouteReport::Change change) {
  for (const RouteReport& report : outcome.reports) {
    if (report.change == change && model::route_name(report.route) == name) return &report;
  }
  return nullptr;
}

TEST(Plan, wires_a_reference_to_the_highest_version_that_meets) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0#prom");
  world.provider("rtt://core/api/metrics@1.3.0#prom");
  world.provider("rtt://core/api/metrics@2.0.0#prom");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics@^1");
  const Outcome outcome = world.solved();
  ASSERT_EQ(names(outcome.plan.routes_add),
            Names{"rtt://ui/hook/refresh@1.0.0 -> rtt://core/api/metrics@1.3.0#prom"});
  const model::Route& route = outcome.plan.routes_add.front();
  EXPECT_EQ(route.id, RouteId{1});
  EXPECT_EQ(route.route_class, model::RouteClass::kReq);
  EXPECT_EQ(route.lane, model::LaneKind::kShm);
  EXPECT_EQ(route.origin, "routes");
  EXPECT_EQ(route.contract, crypto::sha256("rtt://core/api/metrics@1.3.0#prom"));
  EXPECT_EQ(route.consumer_contract, crypto::sha256("rtt://ui/hook/refresh@1.0.0"));
  EXPECT_EQ(outcome.plan.order, (Batches{{"A1"}}));
  EXPECT_EQ(outcome.plan.base, model::graph_root({}));
  ASSERT_EQ(outcome.reports.size(), 1U);
  EXPECT_THAT(outcome.reports[0].because, testing::Contains("highest version of 2"));
  ASSERT_EQ(outcome.reports[0].rejected.size(), 2U);
  EXPECT_EQ(outcome.reports[0].rejected[0].candidate, "rtt://core/api/metrics@2.0.0#prom");
  EXPECT_EQ(outcome.reports[0].rejected[0].rule, "version");
  EXPECT_EQ(outcome.reports[0].rejected[1].candidate, "rtt://core/api/metrics@1.2.0#prom");
  EXPECT_EQ(outcome.reports[0].rejected[1].rule, "cost");
}

TEST(Plan, from_reference_stands_for_the_highest_consumer) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.consumer("rtt://ui/hook/refresh@1.4.0");
  world.provider("rtt://ui/hook/refresh@1.9.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.want("rtt://ui/hook/refresh@^1", "rtt://core/api/metrics");
  EXPECT_EQ(names(world.solved().plan.routes_add),
            Names{"rtt://ui/hook/refresh@1.4.0 -> rtt://core/api/metrics@1.2.0"});
}

TEST(Plan, graph_addresses_carry_no_capabilities) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0?caps=pull");
  world.provider("rtt://core/api/metrics@1.2.0?caps=pull,push");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  const Outcome outcome = world.solved();
  ASSERT_EQ(names(outcome.plan.routes_add),
            Names{"rtt://ui/hook/refresh@1.0.0 -> rtt://core/api/metrics@1.2.0"});
  EXPECT_THAT(outcome.plan.routes_add[0].caps, ElementsAre("pull"));
}

TEST(Plan, agents_and_requirements_are_desired_wiring) {
  World world;
  world.provider("rtt://fs/tool/read@1.0.0");
  world.provider("rtt://idp/api/auth@2.1.0");
  auto& agent = world.consumer("rtt://common/agent/search@1.0.0");
  agent.requirements.push_back({.to = reference("rtt://fs/tool/read@*"), .pointer = "/agent/tools/0"});
  auto& service = world.both("rtt://core/service/store@1.0.0");
  service.requirements.push_back({.to = reference("rtt://idp/api/auth@^2"), .pointer = "/symbol/requires/0"});
  const Outcome outcome = world.solved();
  ASSERT_EQ(outcome.plan.routes_add.size(), 2U);
  EXPECT_EQ(outcome.plan.routes_add[0].origin, "agent");
  EXPECT_EQ(outcome.plan.routes_add[1].origin, "requires");
}

TEST(Plan, a_provider_cannot_require) {
  World world;
  world.provider("rtt://idp/api/auth@2.1.0");
  auto& service = world.provider("rtt://core/service/store@1.0.0");
  service.requirements.push_back({.to = reference("rtt://idp/api/auth@^2"), .pointer = "/symbol/requires/0"});
  const Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kDirection);
  EXPECT_THAT(conflict.where, HasSubstr("/symbol/requires/0"));
}

TEST(Plan, the_same_wish_twice_is_one_route) {
  World world;
  world.provider("rtt://fs/tool/read@1.0.0");
  auto& agent = world.consumer("rtt://common/agent/search@1.0.0");
  agent.requirements.push_back(
      {.to = reference("rtt://fs/tool/read@^1"), .optional = true, .pointer = "/agent/tools/0"});
  world.want("rtt://common/agent/search", "rtt://fs/tool/read@^1");
  world.want("rtt://common/agent/search", "rtt://fs/tool/read");
  const Outcome outcome = world.solved();
  ASSERT_EQ(outcome.plan.routes_add.size(), 1U);
  EXPECT_EQ(outcome.plan.routes_add[0].origin, "agent");
}

TEST(Plan, a_wish_is_required_if_anybody_requires_it) {
  World world;
  auto& agent = world.consumer("rtt://common/agent/search@1.0.0");
  agent.requirements.push_back(
      {.to = reference("rtt://fs/tool/gone"), .optional = true, .pointer = "/agent/tools/0"});
  EXPECT_THAT(world.solved().conflicts, IsEmpty());
  world.want("rtt://common/agent/search", "rtt://fs/tool/gone");
  EXPECT_EQ(world.solved().conflicts.size(), 1U);
}

TEST(Plan, optional_stays_unwired_with_a_warning) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.want_optional("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  world.want_optional("rtt://ui/hook/gone", "rtt://core/api/metrics");
  const Outcome outcome = world.solved();
  EXPECT_THAT(outcome.conflicts, IsEmpty());
  EXPECT_THAT(outcome.plan.routes_add, IsEmpty());
  ASSERT_EQ(outcome.warnings.size(), 2U);
  EXPECT_EQ(outcome.warnings[1].file, "routes.json");
  EXPECT_EQ(outcome.warnings[1].line, 1U);
  EXPECT_THAT(outcome.warnings[1].message, HasSubstr("left unwired"));
}

// ---- refusals, each with its rule and place ----

TEST(PlanRefuses, an_unknown_provider_and_names_the_nearest) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.0.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metric");
  const Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kNoProvider);
  EXPECT_EQ(conflict.where, "routes.json:1");
  EXPECT_THAT(conflict.constraint, HasSubstr("nearest: rtt://core/api/metrics"));
}

TEST(PlanRefuses, a_consumer_that_is_not_there) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.0.0");
  world.want("rtt://ui/hook/refrsh", "rtt://core/api/metrics");
  EXPECT_THAT(only_conflict(world).constraint, HasSubstr("nearest: rtt://ui/hook/refresh"));
  world.inputs.desired.clear();
  world.want("rtt://ui/hook/refresh@2", "rtt://core/api/metrics");
  EXPECT_EQ(only_conflict(world).code, Code::kVersionMeet);
  world.inputs.desired.clear();
  world.want("rtt://core/api/metrics", "rtt://ui/hook/refresh");
  EXPECT_EQ(only_conflict(world).code, Code::kDirection);
}

struct TypeCase {
  std::string from, to;
  std::optional<model::RouteClass> route_class;
};
class PlanTypes : public testing::TestWithParam<TypeCase> {};

TEST_P(PlanTypes, pairs_have_the_class_the_contract_says) {
  const TypeCase& each = GetParam();
  World world;
  world.both(each.from);
  world.both(each.to);
  const auto strip = [](std::string_view text) { return std::string(text.substr(0, text.find('@'))); };
  world.want(strip(each.from), strip(each.to));
  const Outcome outcome = world.solved();
  if (each.route_class) {
    ASSERT_EQ(outcome.plan.routes_add.size(), 1U);
    EXPECT_EQ(outcome.plan.routes_add[0].route_class, *each.route_class);
    return;
  }
  ASSERT_EQ(outcome.conflicts.size(), 1U);
  EXPECT_EQ(outcome.conflicts[0].code, Code::kTypeMismatch);
  EXPECT_THAT(outcome.conflicts[0].constraint, HasSubstr(std::string(" -> ")));
}

constexpr auto kReq = model::RouteClass::kReq;
constexpr auto kPubsub = model::RouteClass::kPubsub;
constexpr auto kStream = model::RouteClass::kStream;

std::vector<TypeCase> type_cases() {
  std::vector<TypeCase> out;
  for (const std::string to : {"api", "tool", "agent", "skill", "prompt", "resource", "service", "proc",
                               "file", "plugin", "connector", "hook", "extension"}) {
    out.push_back({"rtt://a/agent/x@1.0.0", "rtt://b/" + to + "/y@1.0.0", kReq});
  }
  for (const std::string to : {"bus", "queue"}) {
    out.push_back({"rtt://a/agent/x@1.0.0", "rtt://b/" + to + "/y@1.0.0", kPubsub});
  }
  for (const std::string from : {"bus", "queue"}) {
    for (const std::string to : {"extension", "file", "queue", "service", "bus"}) {
      out.push_back({"rtt://a/" + from + "/x@1.0.0", "rtt://b/" + to + "/y@1.0.0", kPubsub});
    }
    for (const std::string to : {"api", "tool", "agent", "prompt", "proc"}) {
      out.push_back({"rtt://a/" + from + "/x@1.0.0", "rtt://b/" + to + "/y@1.0.0", std::nullopt});
    }
    out.push_back({"rtt://a/" + from + "/x@1.0.0", "rtt://b/api/y@1.0.0?io=pubsub", kPubsub});
    out.push_back({"rtt://a/" + from + "/x@1.0.0", "rtt://b/api/y@1.0.0?io=stream", kStream});
  }
  for (const std::string none : {"flag", "tag", "stub"}) {
    out.push_back({"rtt://a/agent/x@1.0.0", "rtt://b/" + none + "/y@1.0.0", std::nullopt});
    out.push_back({"rtt://a/" + none + "/x@1.0.0", "rtt://b/api/y@1.0.0", std::nullopt});
  }
  out.push_back({"rtt://a/agent/x@1.0.0", "rtt://b/api/y@1.0.0?io=stream", kStream});
  out.push_back({"rtt://a/agent/x@1.0.0?io=pubsub", "rtt://b/api/y@1.0.0?io=stream", std::nullopt});
  return out;
}
INSTANTIATE_TEST_SUITE_P(AllPairs, PlanTypes, testing::ValuesIn(type_cases()));

TEST(PlanRefuses, versions_that_do_not_meet) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.provider("rtt://core/api/metrics@1.4.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics@^2");
  const Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kVersionMeet);
  EXPECT_THAT(conflict.constraint, HasSubstr("^2"));
}

TEST(Plan, version_sets_of_both_ends_take_part_in_the_meet) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0").version_set = range(">=1.5 <2");
  world.provider("rtt://core/api/metrics@1.9.0").version_set = range(">=1.2 <2.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics@1.4 - 1.6");
  EXPECT_EQ(world.solved().plan.routes_add.size(), 1U);
  world.inputs.contracts[0].version_set = range(">=1.7 <2");
  EXPECT_EQ(only_conflict(world).code, Code::kVersionMeet);
}

TEST(PlanRefuses, another_variant) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0#prom");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics#otlp");
  EXPECT_THAT(only_conflict(world).constraint, HasSubstr("#otlp"));
}

TEST(PlanRefuses, missing_capabilities_and_names_both_sets) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0?caps=pull,stream");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics?caps=pull,push");
  Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kCapabilityMeet);
  EXPECT_THAT(conflict.constraint, HasSubstr("{pull, push}"));
  EXPECT_THAT(conflict.constraint, HasSubstr("{pull, stream}"));
  world.inputs.desired.clear();
  world.inputs.contracts[0].saddr.caps = {"push"};
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kCapabilityMeet);
  EXPECT_THAT(conflict.constraint, HasSubstr("{push}"));
}

TEST(PlanRefuses, schemas_that_differ_and_names_both) {
  World world;
  const auto number = text::Json::object({{"type", "number"}});
  const auto string = text::Json::object({{"type", "string"}});
  world.consumer("rtt://ui/hook/refresh@1.0.0").outputs = {{.name = "query", .schema = number}};
  world.provider("rtt://core/api/metrics@1.2.0").inputs = {{.name = "q", .schema = string}};
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  const Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kSchemaMismatch);
  EXPECT_THAT(conflict.constraint, HasSubstr(R"({"type":"number"})"));
  EXPECT_THAT(conflict.constraint, HasSubstr(R"({"type":"string"})"));
  world.inputs.contracts[1].inputs.push_back({.name = "n", .schema = number});
  EXPECT_EQ(world.solved().plan.routes_add.size(), 1U);
}

TEST(PlanRefuses, a_denied_route_and_prints_the_rule_line) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  world.deny("rtt://ui/*/*", "rtt://core/api/*");
  Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kDenied);
  EXPECT_EQ(conflict.where, world.inputs.policy.deny[0].where);
  // The route stands in it once, the rule only as its place.
  EXPECT_EQ(conflict.constraint,
            "rtt://ui/hook/refresh@1.0.0 -> rtt://core/api/metrics: policy: denied by a rule");
  world.inputs.policy.deny.clear();
  world.inputs.policy.allow.clear();
  conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kDenied);
  EXPECT_EQ(conflict.where, "routes.json:1");
  EXPECT_THAT(conflict.constraint, HasSubstr("no allow rule"));
}

TEST(Plan, a_pin_wins_over_a_better_candidate) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.provider("rtt://core/api/metrics@1.9.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics@^1");
  world.pin("rtt://ui/hook/refresh", "rtt://core/api/metrics@1.2.0");
  const Outcome outcome = world.solved();
  ASSERT_EQ(outcome.plan.routes_add.size(), 1U);
  EXPECT_EQ(model::to_string(*outcome.plan.routes_add[0].to.version), "1.2.0");
  EXPECT_THAT(outcome.reports[0].because, testing::Contains("pin > " + world.inputs.policy.pins[0].where));
  ASSERT_EQ(outcome.reports[0].rejected.size(), 1U);
  EXPECT_EQ(outcome.reports[0].rejected[0].rule, "pin");
}

TEST(PlanRefuses, an_unmet_pin_but_an_inert_one_is_nothing) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  world.pin("rtt://ui/hook/other", "rtt://core/api/metrics@9");
  EXPECT_THAT(world.solved().conflicts, IsEmpty());
  world.pin("rtt://ui/hook/refresh", "rtt://core/api/metrics@9");
  const Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kPinUnmet);
  EXPECT_EQ(conflict.where, world.inputs.policy.pins[1].where);
}

TEST(PlanRefuses, a_budget_no_lane_can_keep) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0").qos.latency_budget_ms = 0.001;
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  EXPECT_THAT(world.solved().conflicts, IsEmpty());
  world.inputs.contracts[0].qos.latency_budget_ms = 0.00099;
  EXPECT_EQ(only_conflict(world).code, Code::kQosUnmet);
  world.inputs.policy.qos.push_back(
      {.match = pattern("rtt://core/api/*"), .latency_ms = 5.0, .where = "policy.json:40"});
  EXPECT_THAT(world.solved().conflicts, IsEmpty());
  world.inputs.policy.qos[0].latency_ms = 0.0005;
  const Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kQosUnmet);
  EXPECT_EQ(conflict.where, "policy.json:40");
}

TEST(PlanRefuses, lanes_that_are_not_carried) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  world.inputs.config.prefer = {model::LaneKind::kTcp};
  const Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kQosUnmet);
  EXPECT_EQ(conflict.where, "panel.yaml");
}

TEST(PlanRefuses, with_the_smallest_set_of_constraints) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.provider("rtt://core/api/metrics@2.0.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics@^1");
  world.deny("rtt://ui/*/*", "rtt://core/api/*");
  // 2.0.0 is too new and denied, 1.2.0 is denied: the policy alone explains it.
  Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kDenied);
  // Now 2.0.0 falls to its version and 1.2.0 to the policy: both are needed.
  world.inputs.policy.deny.clear();
  world.deny("rtt://ui/*/*", "rtt://core/api/*@1.2.0");
  const Outcome outcome = world.solved();
  ASSERT_EQ(outcome.conflicts.size(), 2U);
  EXPECT_EQ(outcome.conflicts[0].code, Code::kVersionMeet);
  EXPECT_EQ(outcome.conflicts[1].code, Code::kDenied);
}

TEST(PlanRefuses, requirements_in_a_circle_and_prints_the_path) {
  World world;
  for (const auto& [from, to] : {std::pair{"a", "b"}, {"b", "c"}, {"c", "a"}}) {
    auto& made = world.both("rtt://x/service/" + std::string(from) + "@1.0.0");
    made.requirements.push_back(
        {.to = reference("rtt://x/service/" + std::string(to)), .pointer = "/symbol/requires/0"});
  }
  const Conflict conflict = only_conflict(world);
  EXPECT_EQ(conflict.code, Code::kCycle);
  EXPECT_THAT(conflict.constraint, HasSubstr("rtt://x/service/a@1.0.0 -> rtt://x/service/b@1.0.0 -> "
                                             "rtt://x/service/c@1.0.0 -> rtt://x/service/a@1.0.0"));
}

TEST(PlanRefuses, two_definitions_of_one_address) {
  World world;
  world.provider("rtt://core/api/metrics@1.2.0");
  world.provider("rtt://core/api/metrics@1.2.0").hash = crypto::sha256("another");
  const auto outcome = solve(world.inputs);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Code::kDuplicateDefinition);
}

// ---- one consumer, one symbol ----

TEST(Plan, two_wishes_for_one_symbol_settle_on_one_provider) {
  World world;
  world.consumer("rtt://a/agent/x@1.0.0");
  for (const char* version : {"1.9.0", "1.4.0", "2.5.0"}) {
    world.provider("rtt://core/api/metrics@" + std::string(version));
  }
  world.want("rtt://a/agent/x", "rtt://core/api/metrics@>=1.2 <3");  // alone: 2.5.0
  world.want("rtt://a/agent/x", "rtt://core/api/metrics@^1");        // alone: 1.9.0
  const Outcome outcome = world.solved();
  ASSERT_EQ(names(outcome.plan.routes_add), Names{"rtt://a/agent/x@1.0.0 -> rtt://core/api/metrics@1.9.0"});
}

TEST(PlanRefuses, two_answers_to_one_call) {
  World world;
  world.consumer("rtt://a/agent/x@1.0.0");
  world.provider("rtt://core/api/metrics@1.0.0");
  world.provider("rtt://core/api/metrics@2.0.0");
  world.want("rtt://a/agent/x", "rtt://core/api/metrics@1");
  world.want("rtt://a/agent/x", "rtt://core/api/metrics@2");
  world.want("rtt://a/agent/x", "rtt://core/api/metrics");
  const Outcome outcome = world.solved();
  ASSERT_EQ(outcome.conflicts.size(), 2U);  // the third is not to blame
  EXPECT_EQ(outcome.conflicts[0].where, "routes.json:1");
  EXPECT_EQ(outcome.conflicts[1].where, "routes.json:2");
  World softer = world;
  softer.inputs.desired[1].optional = true;
  const Outcome open = softer.solved();
  EXPECT_THAT(open.conflicts, IsEmpty());
  EXPECT_EQ(names(open.plan.routes_add), Names{"rtt://a/agent/x@1.0.0 -> rtt://core/api/metrics@1.0.0"});
  EXPECT_EQ(open.warnings.size(), 1U);
}

TEST(Plan, a_bus_fans_out_to_any_number) {
  World world;
  world.both("rtt://core/bus/events@1.0.0");
  world.provider("rtt://obs/extension/logger@1.0.0#ndjson");
  world.provider("rtt://obs/extension/logger@1.0.0#syslog");
  world.provider("rtt://obs/file/trace@1.0.0");
  world.want("rtt://core/bus/events", "rtt://obs/extension/logger#ndjson");
  world.want("rtt://core/bus/events", "rtt://obs/extension/logger#syslog");
  world.want("rtt://core/bus/events", "rtt://obs/file/trace");
  EXPECT_EQ(world.solved().plan.routes_add.size(), 3U);
}

// ---- diff, ids, order ----

TEST(Plan, applied_once_there_is_nothing_left_to_do) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  world.commit();
  const Outcome again = world.solved();
  EXPECT_THAT(again.plan.routes_add, IsEmpty());
  EXPECT_THAT(again.plan.routes_del, IsEmpty());
  EXPECT_THAT(again.plan.order, IsEmpty());
  EXPECT_EQ(again.unchanged, 1U);
  EXPECT_EQ(again.reports[0].change, RouteReport::Change::kKeep);
}

TEST(Plan, what_is_wired_stays_when_a_newer_one_is_no_faster) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  world.commit();
  world.provider("rtt://core/api/metrics@1.3.0");
  const Outcome outcome = world.solved();
  EXPECT_EQ(outcome.unchanged, 1U);
  EXPECT_THAT(outcome.plan.routes_add, IsEmpty());
  EXPECT_THAT(outcome.reports[0].rejected[0].why, HasSubstr("wired already"));
}

TEST(Plan, ids_stay_and_new_ones_take_the_smallest_free) {
  World world;
  for (const char* name : {"a", "b", "c"}) {
    world.consumer("rtt://x/agent/" + std::string(name) + "@1.0.0");
    world.provider("rtt://x/tool/" + std::string(name) + "@1.0.0");
    world.want("rtt://x/agent/" + std::string(name), "rtt://x/tool/" + std::string(name));
  }
  world.commit();
  world.inputs.desired.erase(world.inputs.desired.begin());  // frees 1
  world.consumer("rtt://x/agent/d@1.0.0");
  world.want("rtt://x/agent/d", "rtt://x/tool/a");
  world.want("rtt://x/agent/d", "rtt://x/tool/b");
  const Outcome outcome = world.commit();
  ASSERT_EQ(outcome.plan.routes_add.size(), 2U);
  EXPECT_EQ(outcome.plan.routes_add[0].id, RouteId{1});
  EXPECT_EQ(outcome.plan.routes_add[1].id, RouteId{4});
  EXPECT_EQ(outcome.plan.order, (Batches{{"D1", "A4"}, {"A1"}}));  // A1 waits for the id that D1 gives up
  EXPECT_EQ(outcome.unchanged, 2U);
}

TEST(Plan, changed_content_is_deleted_and_added_under_its_id) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  world.commit();
  world.inputs.contracts[1].hash = crypto::sha256("changed");
  const Outcome outcome = world.commit();
  EXPECT_EQ(outcome.plan.order, (Batches{{"D1"}, {"A1"}}));
  EXPECT_EQ(outcome.plan.objective.churn, 2);
  EXPECT_EQ(world.inputs.base.routes[0].contract, crypto::sha256("changed"));
}

TEST(Plan, a_deleted_route_says_why) {
  World world;
  world.consumer("rtt://ui/hook/refresh@1.0.0");
  world.provider("rtt://core/api/metrics@1.2.0");
  world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
  world.commit();
  World without = world;
  without.inputs.contracts.pop_back();
  without.inputs.desired.clear();
  const Outcome outcome = without.solved();
  ASSERT_EQ(outcome.plan.routes_del.size(), 1U);
  EXPECT_EQ(outcome.reports[0].change, RouteReport::Change::kDelete);
  EXPECT_THAT(outcome.reports[0].because[0], HasSubstr("no longer in force"));
  EXPECT_EQ(outcome.plan.order, (Batches{{"D1"}}));
}

// ---- quick connect ----

struct QuickConnected : testing::Test {
  World world;
  void SetUp() override {
    world.consumer("rtt://ui/hook/refresh@1.0.0");
    world.provider("rtt://core/api/metrics@1.2.0");
    world.provider("rtt://spare/api/metrics@1.0.0");
    world.want("rtt://ui/hook/refresh", "rtt://core/api/metrics");
    world.commit();
    model::Route& route = world.inputs.base.routes[0];
    route.to = definition("rtt://spare/api/metrics@1.0.0");
    route.contract = crypto::sha256("rtt://spare/api/metrics@1.0.0");
    route.origin = "qc";
    route.replaces = "rtt://core/api/metrics";
  }
};

TEST_F(QuickConnected, is_kept_while_its_reference_is_unchanged) {
  const Outcome outcome = world.solved();
  EXPECT_EQ(outcome.unchanged, 1U);
  EXPECT_THAT(outcome.plan.routes_add, IsEmpty());
  EXPECT_THAT(outcome.plan.routes_del, IsEmpty());
  const auto* report = report_of(outcome, "rtt://ui/hook/refresh@1.0.0 -> rtt://spare/api/metrics@1.0.0",
                                 RouteReport::Change::kKeep);
  ASSERT_NE(report, nullptr);
  EXPECT_THAT(report->because[0], HasSubstr("(qc)"));
}

TEST_F(QuickConnected, goes_with_a_changed_reference_a_reset_or_a_deny) {
  World changed = world;
  changed.inputs.desired[0].to = reference("rtt://core/api/metrics@^1");
  EXPECT_EQ(changed.solved().plan.routes_del.size(), 1U);
  EXPECT_EQ(changed.solved().plan.routes_add.size(), 1U);
  World reset = world;
  reset.inputs.reset_qc = true;
  EXPECT_EQ(reset.solved().plan.routes_del.size(), 1U);
  World denied = world;
  denied.deny("rtt://ui/*/*", "rtt://spare/*/*");
  EXPECT_EQ(denied.solved().plan.routes_del.size(), 1U);
  ASSERT_EQ(denied.solved().warnings.size(), 1U);
  EXPECT_THAT(denied.solved().warnings[0].message, HasSubstr("policy denies it"));
}

TEST_F(QuickConnected, added_without_a_wish_it_stands_alone) {
  world.inputs.base.routes[0].replaces.clear();
  world.inputs.desired.clear();
  EXPECT_EQ(world.solved().unchanged, 1U);
}

}  // namespace
}  // namespace rtt::plan
