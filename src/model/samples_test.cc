// SPDX-License-Identifier: Apache-2.0
// The sample files of tests/samples load as its README.md says, and every damaged copy is refused with its
// place.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "model/config.h"
#include "model/plan.h"
#include "model/policy.h"

namespace rtt::model {
namespace {

std::string sample(const std::string& name) {
  std::ifstream file(RTT_SOURCE_DIR "/tests/samples/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string listed(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) out += to_string(problem) + "\n";
  return out;
}

TEST(Samples, contracts) {
  const ReadOutcome small =
      read_manifest(sample("metrics.api.json"), "metrics.api.json", Strictness::kStrict);
  ASSERT_EQ(small.contracts.size(), 1u) << listed(small.problems);
  EXPECT_TRUE(small.problems.empty()) << listed(small.problems);
  EXPECT_EQ(identity(small.contracts[0].saddr), "rtt://core/api/metrics@1.0.0");
  EXPECT_EQ(small.contracts[0].saddr.caps, (std::vector<std::string>{"pull", "stream"}));
  EXPECT_EQ(small.contracts[0].qos.latency_budget_ms, 2);
  EXPECT_EQ(small.contracts[0].outputs[0].schema, text::Json("json://metrics.series"));

  const ReadOutcome full = read_manifest(sample("metrics-full.api.json"), "f", Strictness::kStrict);
  ASSERT_EQ(full.contracts.size(), 1u) << listed(full.problems);
  EXPECT_TRUE(full.problems.empty()) << listed(full.problems);
  EXPECT_EQ(identity(full.contracts[0].saddr), "rtt://core/api/metrics@1.2.0#prom");
  EXPECT_TRUE(full.contracts[0].provides());
  EXPECT_FALSE(full.contracts[0].consumes());
  EXPECT_EQ(full.contracts[0].auth, AuthMode::kCaps);
  EXPECT_EQ(full.contracts[0].scopes, (std::vector<std::string>{"metrics.read"}));
  EXPECT_EQ(full.contracts[0].version_set->text(), ">=1.2 <2.0");
  EXPECT_EQ(full.contracts[0].qos.throughput_qps, 5000);
}

TEST(Samples, policy_loads_with_its_four_warnings) {
  const Policy policy = read_policy(sample("policy.json"), "policy.json");
  ASSERT_EQ(policy.problems.size(), 4u) << listed(policy.problems);
  for (const Problem& problem : policy.problems) EXPECT_EQ(problem.severity, Severity::kWarning);
  EXPECT_NE(policy.problems[0].message.find("rtt://*/stream/*"), std::string::npos);
  EXPECT_EQ(policy.problems[0].line, 4u);
  for (int i = 0; i < 3; ++i) {
    const Problem& problem = policy.problems[static_cast<std::size_t>(i) + 1];
    EXPECT_NE(problem.message.find(std::string("'") + "ABC"[i] + "'"), std::string::npos);
    EXPECT_EQ(problem.line, 5u);
    EXPECT_EQ(problem.column, 52u + 2u * static_cast<unsigned>(i));
  }
  ASSERT_EQ(policy.pins.size(), 1u);
  EXPECT_EQ(to_string(policy.pins[0].to), "rtt://idp/api/auth@2");
  EXPECT_TRUE(policy.pins[0].to.range->contains(*parse_version("2.7.1")));
  EXPECT_FALSE(policy.pins[0].to.range->contains(*parse_version("3.0.0")));
  EXPECT_EQ(policy.pins[0].where, "policy.json:3");
  EXPECT_EQ(policy.qos.size(), 1u);
  EXPECT_TRUE(policy.failover.empty());
  EXPECT_FALSE(policy.qc);
}

TEST(Samples, the_sample_policy_denies_the_sample_routes) {
  const Policy policy = read_policy(sample("policy.json"), "policy.json");
  const RoutesFile routes = read_routes(sample("routes.json"), "routes.json");
  ASSERT_EQ(routes.routes.size(), 2u) << listed(routes.problems);
  EXPECT_TRUE(routes.problems.empty());
  EXPECT_EQ(to_string(routes.routes[0].from), "rtt://core/bus/events");
  EXPECT_EQ(to_string(routes.routes[0].to), "rtt://obs/extension/logger#ndjson");
  EXPECT_EQ(routes.routes[0].where, "routes.json:4");
  for (const DesiredRoute& route : routes.routes) {
    const AccessVerdict verdict = access(policy, route.from, route.to);
    EXPECT_FALSE(verdict.allowed);
    EXPECT_EQ(verdict.rule, "default deny");
  }
  EXPECT_EQ(
      access(policy, *parse_definition("rtt://a/api/x@1.0.0"), *parse_definition("rtt://b/api/y@1.0.0")).rule,
      "allow policy.json:2");
}

TEST(Samples, panel_in_both_forms) {
  const PanelConfig text = read_panel_yaml(sample("panel.yaml"), "panel.yaml");
  EXPECT_TRUE(text.problems.empty()) << listed(text.problems);
  EXPECT_EQ(text.listen_unix, "/abs/path/.rtt/sockets/panel.sock");
  EXPECT_EQ(text.scan_roots, (std::vector<std::string>{"./", "./services", "./packages"}));
  EXPECT_EQ(text.allow_unsigned, (std::vector<std::string>{"dev/*"}));
  EXPECT_EQ(text.trip_window_ms, 5000);
  const PanelConfig map = read_panel_yaml(sample("panel-map-form.yaml"), "panel.yaml");
  EXPECT_TRUE(map.problems.empty()) << listed(map.problems);
  EXPECT_EQ(map.listen_unix, "./.rtt/sockets/panel.sock");
  EXPECT_EQ(map.scan_roots, (std::vector<std::string>{"./agents", "./providers"}));
  EXPECT_EQ(map.prefer, (std::vector<LaneKind>{LaneKind::kShm, LaneKind::kUds, LaneKind::kTcp}));
}

TEST(Samples, shapes_are_refused_with_their_place) {
  const auto plan = parse_plan(sample("0001.bootstrap.plan.json"), "0001.plan.json");
  ASSERT_FALSE(plan);
  EXPECT_TRUE(plan.error().where.starts_with("0001.plan.json:")) << plan.error().where;
  const ReadOutcome caps = read_manifest(sample("caps.schema.json"), "caps.json", Strictness::kStrict);
  EXPECT_TRUE(caps.contracts.empty());
  EXPECT_FALSE(caps.problems.empty());
}

struct Mutation {
  std::string_view from, to;
  Code code;
  std::uint32_t line;
};

// One change of metrics-full.api.json each.
constexpr Mutation kMutations[] = {
    {"\"symbol\": {", "\"symbol\": [", Code::kJsonSyntax, 4},
    {"https://rtt/spec/v1", "https://rtt/spec/v2", Code::kBadShape, 2},
    {"\"$schema\"", "\"$shema\"", Code::kBadShape, 1},
    {"\"symbol\"", "\"symbl\"", Code::kBadShape, 1},
    {"\"saddr\"", "\"sadr\"", Code::kBadShape, 3},
    {"rtt://core/api/metrics@1.2.0#prom", "", Code::kBadShape, 4},
    {"rtt://core", "http://core", Code::kBadAddress, 4},
    {"rtt://core", "rtt://Core", Code::kBadAddress, 4},
    {"rtt://core", "rtt://co..re", Code::kBadAddress, 4},
    {"api/metrics", "api/../metrics", Code::kBadAddress, 4},
    {"core/api/", "core/apo/", Code::kBadAddress, 4},
    {"@1.2.0", "", Code::kBadAddress, 4},
    {"@1.2.0", "@1.2", Code::kBadAddress, 4},
    {"@1.2.0", "@^1.2.0", Code::kBadAddress, 4},
    {"#prom", "#Prom", Code::kBadAddress, 4},
    {"\"type\": \"api\"", "\"type\": \"hook\"", Code::kBadShape, 5},
    {"\"type\": \"api\"", "\"type\": \"stream\"", Code::kBadShape, 5},
    {"\"type\": \"api\"", "\"type\": 1", Code::kBadShape, 5},
    {"\"provider\"", "\"provder\"", Code::kBadShape, 6},
    {"\"direction\"", "\"directoin\"", Code::kBadShape, 3},
    {"[\"pull\",\"push\",\"stream\"]", "\"pull\"", Code::kBadShape, 7},
    {"\"push\"", "\"Push\"", Code::kBadAddress, 7},
    {"\"push\"", "7", Code::kBadShape, 7},
    {"{\"name\":\"query\",", "{", Code::kBadShape, 8},
    {"jsonschema://metrics.query", "http://metrics.query", Code::kBadShape, 8},
    {"\"latency_budget_ms\": 2", "\"latency_budget_ms\": -2", Code::kBadShape, 10},
    {"\"latency_budget_ms\": 2", "\"latency_budget_ms\": \"2\"", Code::kBadShape, 10},
    {"\"throughput_qps\"", "\"troughput_qps\"", Code::kUnknownKey, 10},
    {">=1.2 <2.0", ">=1.3 <2.0", Code::kBadVersion, 11},
    {">=1.2 <2.0", ">=1.2 <2.0.", Code::kBadVersion, 11},
    {"\"mode\":\"caps\"", "\"mode\":\"cap\"", Code::kBadShape, 12},
    {"[\"metrics.read\"]", "[\"\"]", Code::kBadShape, 12},
    {"\"auth\"", "\"qos\"", Code::kJsonDuplicateKey, 12},
    {"\"auth\"", "\"outh\"", Code::kUnknownKey, 12},
    {"5000}", "9007199254740993}", Code::kJsonNumber, 10},
};

TEST(Samples, every_mutation_is_refused_with_its_place) {
  const std::string good = sample("metrics-full.api.json");
  for (const Mutation& mutation : kMutations) {
    std::string bad = good;
    const std::size_t at = bad.find(mutation.from);
    ASSERT_NE(at, std::string::npos) << mutation.from;
    bad.replace(at, mutation.from.size(), mutation.to);
    const ReadOutcome outcome = read_manifest(bad, "m.json", Strictness::kStrict);
    EXPECT_TRUE(outcome.contracts.empty()) << mutation.to;
    bool found = false;
    for (const Problem& problem : outcome.problems) {
      EXPECT_EQ(problem.file, "m.json");
      EXPECT_GT(problem.line, 0u) << to_string(problem);
      EXPECT_GT(problem.column, 0u) << to_string(problem);
      found = found || (problem.code == mutation.code && problem.line == mutation.line);
    }
    EXPECT_TRUE(found) << mutation.from << " => " << mutation.to << "\n" << listed(outcome.problems);
  }
}

}  // namespace
}  // namespace rtt::model
