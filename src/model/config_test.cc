// SPDX-License-Identifier: Apache-2.0
// panel.yaml, routes.json, topology.json: defaults, canonical content, refusals with their place.
#include "model/config.h"

#include <gtest/gtest.h>

#include "text/json_canonical.h"

namespace rtt::model {
namespace {

std::string listed(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) out += to_string(problem) + "\n";
  return out;
}

TEST(Panel, defaults_are_what_the_default_file_says) {
  const PanelConfig read = read_panel_yaml(default_panel_yaml(), "panel.yaml");
  EXPECT_TRUE(read.problems.empty()) << listed(read.problems);
  const PanelConfig made;
  EXPECT_EQ(read.listen_unix, made.listen_unix);
  EXPECT_EQ(read.scan_roots, made.scan_roots);
  EXPECT_EQ(read.scan_ignore, made.scan_ignore);
  EXPECT_EQ(read.prefer, made.prefer);
  EXPECT_EQ(read.heartbeat_ms, made.heartbeat_ms);
  EXPECT_EQ(read.trip_errors, made.trip_errors);
  EXPECT_EQ(read.trip_window_ms, made.trip_window_ms);
  EXPECT_EQ(read.verify_window_ms, made.verify_window_ms);
  EXPECT_EQ(read.mcp.names, made.mcp.names);
  EXPECT_EQ(read.mcp.view, made.mcp.view);
  EXPECT_EQ(read.mcp.meta_above, made.mcp.meta_above);
  EXPECT_EQ(read.canonical(), made.canonical());
  EXPECT_EQ(text::canonical_json(made.canonical()),
            R"({"routing":{"prefer":["shm","uds","tcp"],"rewire_atomic":true},)"
            R"("security":{"allow_unsigned":[],"strict_manifests":true}})");
}

TEST(Panel, canonical_fills_defaults_and_ignores_what_no_plan_sees) {
  const auto canonical = [](std::string_view text) {
    const PanelConfig config = read_panel_yaml(text, "p");
    EXPECT_TRUE(config.problems.empty()) << listed(config.problems);
    return config.canonical();
  };
  EXPECT_EQ(canonical(""), PanelConfig().canonical());
  EXPECT_EQ(canonical("health: {heartbeat_ms: 100}\nscan: {roots: [./x]}\n"), PanelConfig().canonical());
  EXPECT_EQ(canonical("security: {allow_unsigned: [b/*, a/*, b/*]}"),
            canonical("security: {allow_unsigned: [a/*, b/*]}"));
  EXPECT_NE(canonical("routing: {prefer: [uds]}"), PanelConfig().canonical());
}

TEST(Panel, the_mcp_section_is_read_and_enters_no_plan) {
  const PanelConfig config = read_panel_yaml("mcp: {names: prefixed, view: auto, meta_above: 7}", "p");
  EXPECT_TRUE(config.problems.empty()) << listed(config.problems);
  EXPECT_EQ(config.mcp.names, NameMode::kPrefixed);
  EXPECT_EQ(config.mcp.view, ToolView::kAuto);
  EXPECT_EQ(config.mcp.meta_above, 7);
  EXPECT_EQ(config.canonical(), PanelConfig().canonical());
  for (const char* bad :
       {"mcp: {names: prefix}", "mcp: {view: 1}", "mcp: {meta_above: 0}", "mcp: {nmes: plain}"})
    EXPECT_EQ(read_panel_yaml(bad, "p").problems.size(), 1U) << bad;
}

TEST(Panel, the_mechanism_of_views_is_one_word_and_auto_is_no_wish) {
  EXPECT_EQ(read_panel_yaml("", "p").view_mechanism, std::nullopt);
  EXPECT_EQ(read_panel_yaml("views: {mechanism: auto}", "p").view_mechanism, std::nullopt);
  for (std::size_t i = 0; i < kMechanisms; ++i) {
    const auto mechanism = static_cast<Mechanism>(i);
    const auto config = read_panel_yaml("views: {mechanism: " + std::string(to_string(mechanism)) + "}", "p");
    EXPECT_TRUE(config.problems.empty());
    EXPECT_EQ(config.view_mechanism, mechanism);
  }
  const auto wrong = read_panel_yaml("views: {mechanism: hardlink}", "p");
  ASSERT_EQ(wrong.problems.size(), 1U);
  EXPECT_EQ(wrong.problems[0].hint, "did you mean 'hardlinks'?");
  EXPECT_FALSE(read_panel_yaml("views: {mechanisms: links}", "p").problems.empty());
}

TEST(Panel, tool_rules_hold_by_weight_then_strictness) {
  const PanelConfig rules = read_panel_yaml(
      "mcp: {tools: [{match: 'rtt://*/tool/*', call_ms: 900, output: 'off'}, {match: 'rtt://a/tool/*', "
      "output: "
      "refuse}, {match: 'rtt://a/tool/*', call_ms: 700, output: warn}, {match: 'rtt://a/tool/x', "
      "result_bytes: 5}]}",
      "p");
  EXPECT_TRUE(rules.problems.empty()) << listed(rules.problems);
  const auto held = [&](std::string_view tool) { return limits_for(rules.mcp, *parse_definition(tool)); };
  EXPECT_EQ(held("rtt://b/tool/x@1.0.0"), (ToolLimits{.call_ms = 900, .output = CheckMode::kOff}));
  EXPECT_EQ(held("rtt://a/tool/y@1.0.0"), (ToolLimits{.call_ms = 700, .output = CheckMode::kRefuse}));
  EXPECT_EQ(held("rtt://a/tool/x@1.0.0"),
            (ToolLimits{.call_ms = 700, .result_bytes = 5, .output = CheckMode::kRefuse}));
  EXPECT_EQ(limits_for(McpSettings(), *parse_definition("rtt://a/tool/x@1.0.0")), ToolLimits());
  for (const char* bad : {"mcp: {tools: [{call_ms: 1}]}", "mcp: {tools: [{match: 'rtt://a'}]}",
                          "mcp: {tools: [{match: 'rtt://*/tool/*', output: maybe}]}",
                          "mcp: {tools: [{match: 'rtt://*/tool/*', call_ms: 0}]}"})
    EXPECT_EQ(read_panel_yaml(bad, "p").problems.size(), 1U) << bad;
}

TEST(Panel, equivalents_name_servers_in_order_and_may_name_tools) {
  const PanelConfig good =
      read_panel_yaml("mcp: {equivalents: [{servers: [b, a]}, {servers: [c, d, e], tools: [x, y]}]}", "p");
  EXPECT_TRUE(good.problems.empty()) << listed(good.problems);
  ASSERT_EQ(good.mcp.equivalents.size(), 2U);
  EXPECT_EQ(good.mcp.equivalents[0].servers, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(good.mcp.equivalents[1].tools, (std::vector<std::string>{"x", "y"}));
  for (const char* bad :
       {"mcp: {equivalents: [{servers: [a]}]}", "mcp: {equivalents: [{tools: [x]}]}",
        "mcp: {equivalents: [{servers: [a, 1]}]}", "mcp: {equivalents: {servers: [a, b]}}",
        "mcp: {equivalents: [{servers: [a, b], tools: []}]}", "mcp: {on_panel_failure: maybe}"})
    EXPECT_EQ(read_panel_yaml(bad, "p").problems.size(), 1U) << bad;
}

TEST(Panel, sealed_mode_ignores_allow_unsigned) {
  const PanelConfig sealed = read_panel_yaml("security: {mode: sealed, allow_unsigned: [dev/*]}", "p");
  EXPECT_TRUE(sealed.problems.empty()) << listed(sealed.problems);
  EXPECT_TRUE(sealed.allow_unsigned.empty());
  EXPECT_EQ(sealed.strictness, Strictness::kStrict);
  EXPECT_EQ(read_panel_yaml("security: {mode: relaxed}", "p").strictness, Strictness::kRelaxed);
  EXPECT_EQ(read_panel_yaml("security: {strict_manifests: false}", "p").strictness, Strictness::kRelaxed);
}

struct Bad {
  std::string_view text;
  Code code;
  std::uint32_t line;
  std::string_view hint;
};

TEST(Panel, refusals_have_their_place) {
  for (const Bad& bad : std::initializer_list<Bad>{
           {"api:\n  listn: x\n", Code::kUnknownKey, 2, "'listen'"},
           {"securty: {}\n", Code::kUnknownKey, 1, "'security'"},
           {"scan:\n  rots: []\n", Code::kUnknownKey, 2, "'roots'"},
           {"api:\n  listen: tcp://1.2.3.4\n", Code::kBadShape, 2, "unix"},
           {"api:\n  listen: unix://\n", Code::kBadShape, 2, "unix"},
           {"api:\n  listen: [x]\n", Code::kBadShape, 2, "unix"},
           {"scan:\n  roots:\n  - ./a\n  - ../b\n", Code::kEscapes, 4, ""},
           {"scan:\n  roots: [/etc]\n", Code::kEscapes, 2, ""},
           {"routing:\n  prefer: []\n", Code::kBadShape, 2, ""},
           {"routing:\n  prefer: [uds, uds]\n", Code::kBadShape, 2, ""},
           {"routing:\n  prefer: [udp]\n", Code::kBadShape, 2, "'uds'"},
           {"security:\n  strict_manifests: 1\n", Code::kBadShape, 2, ""},
           {"security:\n  strict_manifests: false\n  mode: sealed\n", Code::kBadShape, 3, ""},
           {"security:\n  allow_unsigned: [dev]\n", Code::kBadShape, 2, "dev/*"},
           {"security:\n  allow_unsigned: ['*/*']\n", Code::kBadShape, 2, "dev/*"},
           {"health:\n  heartbeat_ms: 99\n", Code::kBadShape, 2, ""},
           {"health:\n  heartbeat_ms: 5001\n", Code::kBadShape, 2, ""},
           {"health:\n  trip_threshold: {errors: 0}\n", Code::kBadShape, 2, ""},
           {"health:\n  verify_window_ms: 999\n", Code::kBadShape, 2, ""},
           {"health:\n  verify_window_ms: 60001\n", Code::kBadShape, 2, ""},
           {"health:\n  trip_threshold: {window_ms: 999}\n", Code::kBadShape, 2, ""},
           {"- a\n", Code::kBadShape, 1, ""},
           {"api: {}\napi: {}\n", Code::kYamlSyntax, 2, ""},
       }) {
    const PanelConfig config = read_panel_yaml(bad.text, "panel.yaml");
    bool found = false;
    for (const Problem& problem : config.problems) {
      found = found || (problem.severity == Severity::kError && problem.code == bad.code &&
                        problem.line == bad.line && problem.hint.find(bad.hint) != std::string::npos);
    }
    EXPECT_TRUE(found) << bad.text << listed(config.problems);
    EXPECT_EQ(config.canonical(), PanelConfig().canonical());
  }
  EXPECT_EQ(read_panel_yaml("routing: {prefer: [npipe, uds]}", "p").problems.at(0).severity,
            Severity::kWarning);
}

TEST(Routes, content_is_sorted_and_spelled_one_way) {
  const RoutesFile one = read_routes(R"({"routes":[
    {"to":"rtt://b/api/y@ >=1","from":"rtt://a/hook/x@*"},
    {"from":"rtt://a/agent/x","to":"rtt://b/api/y","optional":true}]})",
                                     "routes.json");
  const RoutesFile other =
      read_routes(R"({"routes":[{"from":"rtt://a/agent/x","to":"rtt://b/api/y","optional":true},
    {"from":"rtt://a/hook/x","to":"rtt://b/api/y@>=1","optional":false}]})",
                  "r");
  EXPECT_TRUE(one.problems.empty()) << listed(one.problems);
  EXPECT_EQ(text::canonical_json(one.object),
            R"({"routes":[{"from":"rtt://a/agent/x","optional":true,"to":"rtt://b/api/y"},)"
            R"({"from":"rtt://a/hook/x","to":"rtt://b/api/y@>=1"}]})");
  EXPECT_EQ(one.object, other.object);
  EXPECT_EQ(one.routes[0].where, "routes.json:3");
  EXPECT_EQ(one.routes[1].where, "routes.json:2");
  EXPECT_EQ(one.routes[0].origin, "routes");
}

TEST(Routes, the_same_route_twice_is_a_warning) {
  const RoutesFile routes = read_routes(
      "{\"routes\":[{\"from\":\"rtt://a/hook/x\",\"to\":\"rtt://b/api/y\",\"optional\":true},\n"
      "{\"from\":\"rtt://a/hook/x\",\"to\":\"rtt://b/api/y\"}]}",
      "r");
  ASSERT_EQ(routes.routes.size(), 1u);
  EXPECT_FALSE(routes.routes[0].optional);
  ASSERT_EQ(routes.problems.size(), 1u);
  EXPECT_EQ(routes.problems[0].severity, Severity::kWarning);
}

TEST(Routes, refusals_have_their_place) {
  for (const Bad& bad : std::initializer_list<Bad>{
           {"{}", Code::kBadShape, 1, ""},
           {"{\"routes\":[\n{\"from\":\"rtt://a/hook/x\"}]}", Code::kBadShape, 2, ""},
           {"{\"routes\":[\n{\"from\":\"rtt://*/hook/x\",\"to\":\"rtt://b/api/y\"}]}", Code::kBadAddress, 2,
            "pattern"},
           {"{\"routes\":[\n{\"from\":\"rtt://a/hook/x\",\"to\":\"rtt://b/api/../y\"}]}", Code::kBadAddress,
            2, ""},
           {"{\"routes\":[\n{\"from\":\"rtt://a/hook/x\",\"too\":\"rtt://b/api/y\"}]}", Code::kUnknownKey, 2,
            "'to'"},
           {"{\"routes\":[\n3]}", Code::kBadShape, 2, ""},
           {"{\"routes\":[],\n\"routes\":[]}", Code::kJsonDuplicateKey, 2, ""},
       }) {
    const RoutesFile routes = read_routes(bad.text, "routes.json");
    EXPECT_TRUE(routes.routes.empty());
    bool found = false;
    for (const Problem& problem : routes.problems) {
      found = found || (problem.code == bad.code && problem.line == bad.line &&
                        problem.hint.find(bad.hint) != std::string::npos);
    }
    EXPECT_TRUE(found) << bad.text << "\n" << listed(routes.problems);
  }
}

TEST(Topology, file_or_one_node) {
  EXPECT_EQ(text::canonical_json(one_node_topology().object), R"({"nodes":[{"id":"local"}]})");
  const Topology two = read_topology(
      R"({"nodes":[{"id":"a","cpu_milli":4000,"memory_bytes":1024},
                    {"id":"b","endpoint":"tcp://10.0.0.2:7400"}]})",
      "t");
  EXPECT_TRUE(two.problems.empty()) << listed(two.problems);
  ASSERT_EQ(two.nodes.size(), 2u);
  EXPECT_EQ(two.nodes[0].cpu_milli, 4000);
  EXPECT_EQ(two.nodes[1].endpoint, "tcp://10.0.0.2:7400");
  for (const char* bad :
       {"{", "{}", R"({"nodes":[]})", R"({"nodes":[{}]})", R"({"nodes":[{"id":"A"}]})",
        R"({"nodes":[{"id":"a"},{"id":"a"}]})", R"({"nodes":[{"id":"a","cpu_milli":-1}]})"}) {
    const Topology refused = read_topology(bad, "t");
    EXPECT_FALSE(refused.problems.empty()) << bad;
    EXPECT_EQ(refused.nodes.size(), 1u);
    EXPECT_EQ(refused.nodes[0].id, "local");
  }
}

}  // namespace
}  // namespace rtt::model
