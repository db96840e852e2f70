// SPDX-License-Identifier: Apache-2.0
// Patterns match what the table says; verdicts, weights and ties follow docs/formats/policy.md.
#include "model/policy.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace rtt::model {
namespace {

struct Match {
  std::string_view pattern, address;
  bool matches;
};

constexpr Match kMatches[] = {
    // Literal parts.
    {"rtt://core/api/metrics", "rtt://core/api/metrics@1.0.0", true},
    {"rtt://core/api/metrics", "rtt://core/api/metrics@1.0.0#prom", true},
    {"rtt://core/api/metrics", "rtt://core/api/metrics@2.0.0-rc.1", true},
    {"rtt://core/api/metrics", "rtt://core/api/metric@1.0.0", false},
    {"rtt://core/api/metrics", "rtt://core/api/metricss@1.0.0", false},
    {"rtt://core/api/metrics", "rtt://core/hook/metrics@1.0.0", false},
    {"rtt://core/api/metrics", "rtt://cor/api/metrics@1.0.0", false},
    {"rtt://core/api/metrics", "rtt://core/api/Metrics@1.0.0", false},
    {"rtt://core/api/Metrics", "rtt://core/api/Metrics@1.0.0", true},
    {"rtt://core/api/metrics", "rtt://core/api/metrics@1.0.0?caps=a&io=req", true},
    // Namespace.
    {"rtt://*/api/metrics", "rtt://core/api/metrics@1.0.0", true},
    {"rtt://*/api/metrics", "rtt://a.b-c_d/api/metrics@1.0.0", true},
    {"rtt://*/api/metrics", "rtt://core/api/other@1.0.0", false},
    {"rtt://co*/api/metrics", "rtt://core/api/metrics@1.0.0", true},
    {"rtt://co*/api/metrics", "rtt://co/api/metrics@1.0.0", true},
    {"rtt://co*/api/metrics", "rtt://c/api/metrics@1.0.0", false},
    {"rtt://*re/api/metrics", "rtt://core/api/metrics@1.0.0", true},
    {"rtt://*re/api/metrics", "rtt://cores/api/metrics@1.0.0", false},
    {"rtt://c*e/api/metrics", "rtt://core/api/metrics@1.0.0", true},
    {"rtt://c*e/api/metrics", "rtt://ce/api/metrics@1.0.0", true},
    {"rtt://c*o*e/api/x", "rtt://core/api/x@1.0.0", true},
    {"rtt://c*o*e/api/x", "rtt://cre/api/x@1.0.0", false},
    {"rtt://**/api/x", "rtt://core/api/x@1.0.0", true},
    {"rtt://team-*/api/x", "rtt://team-a/api/x@1.0.0", true},
    {"rtt://team-*/api/x", "rtt://team.a/api/x@1.0.0", false},
    {"rtt://dev/*/x", "rtt://dev2/api/x@1.0.0", false},
    // Type.
    {"rtt://core/*/metrics", "rtt://core/api/metrics@1.0.0", true},
    {"rtt://core/*/metrics", "rtt://core/connector/metrics@1.0.0", true},
    {"rtt://core/p*/metrics", "rtt://core/plugin/metrics@1.0.0", true},
    {"rtt://core/p*/metrics", "rtt://core/proc/metrics@1.0.0", true},
    {"rtt://core/p*/metrics", "rtt://core/api/metrics@1.0.0", false},
    {"rtt://core/stream/metrics", "rtt://core/api/metrics@1.0.0", false},
    {"rtt://core/ap/metrics", "rtt://core/api/metrics@1.0.0", false},
    {"rtt://core/*l/x", "rtt://core/tool/x@1.0.0", true},
    {"rtt://core/*l/x", "rtt://core/skill/x@1.0.0", true},
    {"rtt://core/*l/x", "rtt://core/tag/x@1.0.0", false},
    {"rtt://core/*o*/x", "rtt://core/hook/x@1.0.0", true},
    {"rtt://core/*o*/x", "rtt://core/bus/x@1.0.0", false},
    // Name, in its escaped spelling.
    {"rtt://core/api/*", "rtt://core/api/metrics@1.0.0", true},
    {"rtt://core/api/*", "rtt://core/api/a%2Fb@1.0.0", true},
    {"rtt://core/api/a%2Fb", "rtt://core/api/a%2fb@1.0.0", true},
    {"rtt://core/api/a%2fb", "rtt://core/api/a%2Fb@1.0.0", true},
    {"rtt://core/api/%61b", "rtt://core/api/ab@1.0.0", true},
    {"rtt://core/api/a%2A", "rtt://core/api/a%2A@1.0.0", true},
    {"rtt://core/api/a%2A", "rtt://core/api/ab@1.0.0", false},
    {"rtt://core/api/a*", "rtt://core/api/a%2A@1.0.0", true},
    {"rtt://core/api/read_*", "rtt://core/api/read_file@1.0.0", true},
    {"rtt://core/api/read_*", "rtt://core/api/read_@1.0.0", true},
    {"rtt://core/api/read_*", "rtt://core/api/Read_file@1.0.0", false},
    {"rtt://core/api/*_file", "rtt://core/api/read_file@1.0.0", true},
    {"rtt://core/api/*_file", "rtt://core/api/read_files@1.0.0", false},
    {"rtt://core/api/r*_f*e", "rtt://core/api/read_text_file@1.0.0", true},
    {"rtt://core/api/r*_f*e", "rtt://core/api/read_text_fil@1.0.0", false},
    {"rtt://core/api/*.*", "rtt://core/api/a.b@1.0.0", true},
    {"rtt://core/api/*.*", "rtt://core/api/ab@1.0.0", false},
    {"rtt://core/api/a-b", "rtt://core/api/a-b@1.0.0", true},
    {"rtt://core/api/a-b", "rtt://core/api/aXb@1.0.0", false},
    {"rtt://core/api/a.b", "rtt://core/api/aXb@1.0.0", false},
    // Version.
    {"rtt://core/api/x@*", "rtt://core/api/x@1.0.0", true},
    {"rtt://core/api/x@*", "rtt://core/api/x@1.0.0-a", true},
    {"rtt://core/api/x@1.0.0", "rtt://core/api/x@1.0.0", true},
    {"rtt://core/api/x@1.0.0", "rtt://core/api/x@1.0.0+build", true},
    {"rtt://core/api/x@1.0.0", "rtt://core/api/x@1.0.1", false},
    {"rtt://core/api/x@1", "rtt://core/api/x@1.9.3", true},
    {"rtt://core/api/x@1", "rtt://core/api/x@2.0.0", false},
    {"rtt://core/api/x@^1.2", "rtt://core/api/x@1.2.0", true},
    {"rtt://core/api/x@^1.2", "rtt://core/api/x@1.1.9", false},
    {"rtt://core/api/x@^1.2", "rtt://core/api/x@1.3.0-rc.1", false},
    {"rtt://core/api/x@>=1.2 <2.0", "rtt://core/api/x@1.9.9", true},
    {"rtt://core/api/x@>=1.2 <2.0", "rtt://core/api/x@2.0.0", false},
    {"rtt://core/api/x@1.x || 3.x", "rtt://core/api/x@3.4.5", true},
    {"rtt://core/api/x@1.x || 3.x", "rtt://core/api/x@2.4.5", false},
    {"rtt://core/api/x@1.0.0-a", "rtt://core/api/x@1.0.0-a", true},
    {"rtt://*/*/*@1.*", "rtt://core/api/x@1.5.0", true},
    {"rtt://*/*/*@1.*", "rtt://core/api/x@2.5.0", false},
    {"rtt://core/api/x@~1.2.3", "rtt://core/api/x@1.2.9", true},
    {"rtt://core/api/x@~1.2.3", "rtt://core/api/x@1.3.0", false},
    // Variant.
    {"rtt://core/api/x#prom", "rtt://core/api/x@1.0.0#prom", true},
    {"rtt://core/api/x#prom", "rtt://core/api/x@1.0.0", false},
    {"rtt://core/api/x#prom", "rtt://core/api/x@1.0.0#pro", false},
    {"rtt://core/api/x#*", "rtt://core/api/x@1.0.0", true},
    {"rtt://core/api/x#*", "rtt://core/api/x@1.0.0#prom", true},
    {"rtt://core/api/x#p*", "rtt://core/api/x@1.0.0#prom", true},
    {"rtt://core/api/x#p*", "rtt://core/api/x@1.0.0#json", false},
    {"rtt://core/api/x#p*", "rtt://core/api/x@1.0.0", false},
    {"rtt://core/api/x@1#prom", "rtt://core/api/x@1.0.0#prom", true},
    {"rtt://core/api/x@1#prom", "rtt://core/api/x@2.0.0#prom", false},
    {"rtt://core/api/x@1#prom", "rtt://core/api/x@1.0.0#json", false},
    // Everything at once.
    {"rtt://*/*/*", "rtt://core/api/x@1.0.0", true},
    {"rtt://*/*/*", "rtt://a/resource/file%3A%2F%2Fx@0.0.0#v", true},
    {"rtt://*/api/*", "rtt://a/api/x@0.0.0", true},
    {"rtt://*/api/*", "rtt://a/tool/x@0.0.0", false},
    {"rtt://client/agent/*", "rtt://client/agent/claude@0.0.0", true},
    {"rtt://client/agent/*", "rtt://client2/agent/claude@0.0.0", false},
    {"rtt://client/agent/*", "rtt://client/tool/claude@0.0.0", false},
    {"rtt://local/proc/cli", "rtt://local/proc/cli@0.0.0", true},
    {"rtt://github/tool/*", "rtt://github/tool/create_issue@0.0.0", true},
    {"rtt://github/tool/create_*", "rtt://github/tool/delete_repo@0.0.0", false},
    {"rtt://git*/tool/*_issue", "rtt://gitlab/tool/close_issue@1.0.0", true},
    {"rtt://git*/tool/*_issue", "rtt://gitlab/tool/close_issues@1.0.0", false},
    {"rtt://*/t*/x*@^1#v*", "rtt://a/tool/xyz@1.4.0#v2", true},
};

TEST(Pattern, match_table) {
  EXPECT_GE(std::size(kMatches), 100u);
  for (const Match& row : kMatches) {
    const auto pattern = parse_pattern(row.pattern);
    const auto address = parse_definition(row.address);
    ASSERT_TRUE(pattern) << row.pattern << ": " << pattern.error().message;
    ASSERT_TRUE(address) << row.address;
    EXPECT_EQ(matches(*pattern, *address), row.matches) << row.pattern << " ~ " << row.address;
    EXPECT_EQ(parse_pattern(to_string(*pattern)), *pattern) << row.pattern;  // one canonical spelling
    EXPECT_TRUE(can_match(*pattern) || !row.matches) << row.pattern;
  }
}

TEST(Pattern, refusals_name_the_column) {
  for (const auto& [text, column] :
       std::initializer_list<std::pair<std::string_view, int>>{{"A", 1},
                                                               {"rtt://*", 8},
                                                               {"rtt://*/api", 12},
                                                               {"rtt://A*/api/x", 7},
                                                               {"rtt://-*/api/x", 7},
                                                               {"rtt://*/Api/x", 9},
                                                               {"rtt://*/api/", 13},
                                                               {"rtt://*/api/x y", 14},
                                                               {"rtt://*/api/x@1.2.3.4", 15},
                                                               {"rtt://*/api/x@", 15},
                                                               {"rtt://*/api/x#V", 15},
                                                               {"rtt://*/api/x?caps=a", 14},
                                                               {"rtt://*/api/..", 13},
                                                               {"rtt://*/api/a%2e.b", 13},
                                                               {"rtt://*/api/*/b", 14},
                                                               {"rtt://*/api/x%2", 14}}) {
    const auto bad = parse_pattern(text);
    ASSERT_FALSE(bad) << text;
    EXPECT_EQ(bad.error().where, "column " + std::to_string(column)) << text;
  }
}

TEST(Pattern, literal_parts_and_what_can_match_nothing) {
  EXPECT_EQ(literal_parts(*parse_pattern("rtt://*/*/*")), 0);
  EXPECT_EQ(literal_parts(*parse_pattern("rtt://a/api/*")), 2);
  EXPECT_EQ(literal_parts(*parse_pattern("rtt://a/api/x@*#*")), 3);
  EXPECT_EQ(literal_parts(*parse_pattern("rtt://a/api/x@1.*#p*")), 3);
  EXPECT_EQ(literal_parts(*parse_pattern("rtt://a/api/x@1.x#p")), 5);
  EXPECT_FALSE(can_match(*parse_pattern("rtt://*/stream/*")));
  EXPECT_FALSE(can_match(*parse_pattern("rtt://a/api/x@>2 <1")));
  EXPECT_FALSE(can_match(*parse_pattern("rtt://a/*z*/x")));
  EXPECT_TRUE(can_match(*parse_pattern("rtt://a/*x*/x")));  // extension
}

Saddr def(std::string_view text) { return *parse_definition(text); }

Policy good(std::string_view text) {
  Policy policy = read_policy(text, "p.json");
  for (const Problem& problem : policy.problems)
    EXPECT_EQ(problem.severity, Severity::kWarning) << to_string(problem);
  return policy;
}

TEST(Policy, default_deny_and_deny_beats_allow_in_any_order) {
  EXPECT_EQ(access(empty_policy(), def("rtt://a/api/x@1.0.0"), def("rtt://b/api/y@1.0.0")).rule,
            "default deny");
  constexpr std::string_view kAllow = R"("allow":[{"from":"rtt://*/*/*","to":"rtt://*/*/*"}])";
  constexpr std::string_view kDeny = R"("deny":[{"from":"rtt://a/*/*","to":"rtt://b/api/secret"}])";
  for (const bool first : {true, false}) {
    const Policy policy =
        good("{" + std::string(first ? kAllow : kDeny) + ",\n" + std::string(first ? kDeny : kAllow) + "}");
    const AccessVerdict denied = access(policy, def("rtt://a/api/x@1.0.0"), def("rtt://b/api/secret@1.0.0"));
    EXPECT_FALSE(denied.allowed);
    EXPECT_EQ(denied.rule, first ? "deny p.json:2" : "deny p.json:1");
    EXPECT_TRUE(access(policy, def("rtt://a/api/x@1.0.0"), def("rtt://b/api/open@1.0.0")).allowed);
    EXPECT_TRUE(access(policy, def("rtt://c/api/x@1.0.0"), def("rtt://b/api/secret@1.0.0")).allowed);
  }
}

TEST(Policy, doubt_closes) {
  const Policy policy = good(
      R"({"allow":[{"from":"rtt://*/*/*","to":"rtt://b/api/y@^2"},
    {"from":"rtt://*/*/*","to":"rtt://b/api/z"}],
    "deny":[{"from":"rtt://*/*/*","to":"rtt://b/api/z@<2"}]})");
  const Saddr from = def("rtt://a/api/x@1.0.0");
  EXPECT_FALSE(access(policy, from, *parse_reference("rtt://b/api/y")).allowed);  // could be version 1
  EXPECT_TRUE(access(policy, from, def("rtt://b/api/y@2.1.0")).allowed);
  EXPECT_FALSE(access(policy, from, *parse_reference("rtt://b/api/z")).allowed);    // could be version 1
  EXPECT_TRUE(access(policy, from, *parse_reference("rtt://b/api/z@^2")).allowed);  // cannot
}

TEST(Policy, most_literal_parts_win_and_left_breaks_ties) {
  const Policy policy = good(R"({"qos":[
    {"match":"rtt://*/*/*","latency_ms":100},
    {"match":"rtt://core/*/x","latency_ms":20},
    {"match":"rtt://*/api/x","latency_ms":30},
    {"match":"rtt://core/api/x@1.x","latency_ms":1},
    {"match":"rtt://core/api/*#fast","latency_ms":2}]})");
  const auto latency = [&](std::string_view text) {
    const auto rule = qos_for(policy, def(text));
    return rule && *rule != nullptr ? (*rule)->latency_ms.value_or(-1) : -2;
  };
  EXPECT_EQ(latency("rtt://a/tool/q@1.0.0"), 100);
  EXPECT_EQ(latency("rtt://a/api/x@1.0.0"), 30);
  EXPECT_EQ(latency("rtt://core/api/x@2.0.0"), 20);      // core/*/x and */api/x: two parts each, left first
  EXPECT_EQ(latency("rtt://core/api/x@1.0.0#fast"), 1);  // four parts against three
  EXPECT_EQ(latency("rtt://core/api/x@2.0.0#fast"), 2);  // three parts against two
}

TEST(Policy, the_leftmost_literal_part_wins_in_any_order) {
  constexpr std::string_view kLeft = R"({"match":"rtt://core/*/x","prio":1})";
  constexpr std::string_view kRight = R"({"match":"rtt://*/api/x","prio":2})";
  for (const auto& [first, second] : {std::pair(kLeft, kRight), std::pair(kRight, kLeft)}) {
    const Policy policy = good("{\"qos\":[" + std::string(first) + "," + std::string(second) + "]}");
    const auto rule = qos_for(policy, def("rtt://core/api/x@1.0.0"));
    ASSERT_TRUE(rule);
    EXPECT_EQ((*rule)->prio, 1);
  }
}

TEST(Policy, equal_rules_that_differ_name_both_lines) {
  const Policy policy = good(
      "{\"qos\":[\n{\"match\":\"rtt://a*/api/x\",\"prio\":1},\n{\"match\":\"rtt://*b/api/x\",\"prio\":2},\n"
      "{\"match\":\"rtt://*b/api/x\",\"prio\":2}]}");
  EXPECT_EQ((*qos_for(policy, def("rtt://a/api/x@1.0.0")))->prio, 1);
  EXPECT_EQ((*qos_for(policy, def("rtt://b/api/x@1.0.0")))->prio, 2);  // twice the same is no conflict
  const auto tie = qos_for(policy, def("rtt://ab/api/x@1.0.0"));
  ASSERT_FALSE(tie);
  EXPECT_EQ(tie.error().code, Code::kRuleConflict);
  EXPECT_NE(tie.error().message.find("p.json:2"), std::string::npos);
  EXPECT_NE(tie.error().message.find("p.json:"), std::string::npos);
}

TEST(Policy, pins_govern_the_route_they_name) {
  const Policy policy = good(R"({"pin":[
    {"route":"rtt://*/api/* -> rtt://idp/api/auth@2"},
    {"route":"rtt://core/api/auth -> rtt://idp/api/auth@3#blue"}]})");
  const Saddr wanted = *parse_reference("rtt://idp/api/auth@>=1");
  EXPECT_EQ(to_string((*pin_for(policy, def("rtt://ui/api/x@1.0.0"), wanted))->to), "rtt://idp/api/auth@2");
  EXPECT_EQ(to_string((*pin_for(policy, def("rtt://core/api/auth@1.0.0"), wanted))->to),
            "rtt://idp/api/auth@3#blue");
  EXPECT_EQ(*pin_for(policy, def("rtt://ui/hook/x@1.0.0"), wanted), nullptr);
  EXPECT_EQ(*pin_for(policy, def("rtt://ui/api/x@1.0.0"), *parse_reference("rtt://idp/api/other")), nullptr);
  const Policy tie = good(
      "{\"pin\":[{\"route\":\"rtt://a/api/x -> rtt://idp/api/auth@2\"},\n{\"route\":\"rtt://a/api/x -> "
      "rtt://idp/api/auth@3\"}]}");
  const auto conflict = pin_for(tie, def("rtt://a/api/x@1.0.0"), wanted);
  ASSERT_FALSE(conflict);
  EXPECT_NE(conflict.error().message.find("p.json:1 and p.json:2"), std::string::npos)
      << conflict.error().message;
}

TEST(Policy, failover_and_quick_connect) {
  const Policy policy = good(
      R"({"failover":[{"route":"rtt://core/bus/events -> [rtt://a/api/x@^1, rtt://b/api/x]",
      "health":"p95<5ms, err<0.1%,qdepth<100"}],
     "qc":[{"from":"rtt://local/proc/cli","to":"rtt://*/*/*"}]})");
  ASSERT_EQ(policy.failover.size(), 1u);
  EXPECT_EQ(policy.failover[0].targets.size(), 2u);
  EXPECT_EQ(to_string(policy.failover[0].to_primary), "rtt://a/api/x@^1");
  ASSERT_TRUE(policy.qc);
  EXPECT_EQ(policy.qc->size(), 1u);
  EXPECT_TRUE(good(R"({"qc":[]})").qc->empty());
}

struct BadPolicy {
  std::string_view text;
  Code code;
  std::uint32_t line, column;
};

TEST(Policy, refusals_have_their_place_and_close_everything) {
  for (const BadPolicy& bad : std::initializer_list<BadPolicy>{
           {"", Code::kJsonSyntax, 1, 1},
           {"[]", Code::kBadShape, 1, 1},
           {"{\"alow\":[]}", Code::kUnknownKey, 1, 2},
           {"{\"allow\":{}}", Code::kBadShape, 1, 10},
           {"{\"allow\":[{\"from\":\"rtt://*/api/*\"}]}", Code::kBadShape, 1, 11},
           {"{\"allow\":[\n{\"from\":\"A\",\"to\":\"rtt://*/api/*\"}]}", Code::kBadAddress, 2, 10},
           {"{\"allow\":[\n{\"from\":\"rtt://*/api/x y\",\"to\":\"rtt://*/api/*\"}]}", Code::kBadAddress, 2,
            23},
           {"{\"allow\":[{\"from\":\"rtt://*/api/*\",\"to\":\"rtt://*/api/*\",\"scope\":[]}]}",
            Code::kUnknownKey, 1, 56},
           {"{\"pin\":[{\"route\":\"rtt://a/api/x\"}]}", Code::kBadRoute, 1, 18},
           {"{\"pin\":[{\"route\":\"rtt://a/api/x -> rtt://*/api/y@1\"}]}", Code::kBadAddress, 1, 42},
           {"{\"qos\":[{\"match\":\"rtt://*/api/*\",\"latency_ms\":-1}]}", Code::kBadShape, 1, 47},
           {"{\"qos\":[{\"match\":\"rtt://*/api/*\",\"prio\":1.5}]}", Code::kBadShape, 1, 41},
           {"{\"failover\":[{\"route\":\"rtt://a/api/x -> [rtt://b/api/y]\",\"health\":\"p95<5\"}]}",
            Code::kBadShape, 1, 67},
       }) {
    const std::string text =
        bad.text.starts_with('{') && bad.text.size() > 2
            ? std::string(bad.text.substr(0, bad.text.size() - 1)) +
                  ",\"deny\":[],\"qc\":[{\"from\":\"rtt://*/*/*\",\"to\":\"rtt://*/*/*\"}]}"
            : std::string(bad.text);
    const Policy policy = read_policy(text, "p.json");
    bool found = false;
    std::string all;
    for (const Problem& problem : policy.problems) {
      all += to_string(problem) + "\n";
      found = found || (problem.code == bad.code && problem.line == bad.line && problem.column == bad.column);
    }
    EXPECT_TRUE(found) << bad.text << "\n" << all;
    EXPECT_TRUE(policy.allow.empty());
    EXPECT_FALSE(policy.qc);
  }
}

TEST(Policy, rules_know_their_line) {
  const Policy policy = good(
      "{\n \"allow\" : [ {\"from\":\"rtt://a/api/x\",\"to\":\"rtt://a/api/x\",\"scopes\":[\"]\\\"[\"]},\n\n"
      "{\"from\":\"rtt://b/api/x\",\n\"to\":\"rtt://a/api/x\"}\n,{\"from\":\"rtt://c/api/x\",\"to\":\"rtt://"
      "a/api/x\"}],\n"
      "\"deny\":\n[\n\n{\"from\":\"rtt://d/api/x\",\"to\":\"rtt://a/api/x\"}]}");
  ASSERT_EQ(policy.allow.size(), 3u);
  EXPECT_EQ(policy.allow[0].where, "p.json:2");
  EXPECT_EQ(policy.allow[1].where, "p.json:4");
  EXPECT_EQ(policy.allow[2].where, "p.json:6");
  EXPECT_EQ(policy.deny[0].where, "p.json:10");
}

}  // namespace
}  // namespace rtt::model
