// SPDX-License-Identifier: Apache-2.0
// Graphs and plans: one root a wiring, laws of apply and inverse over random graphs, and no change goes
// unnoticed.
#include "model/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "model/random_for_test.h"
#include "text/json_canonical.h"

namespace rtt::model {
namespace {

Digest digest(TestRandom& random) {
  Digest out;
  for (auto& byte : out.bytes) byte = static_cast<std::byte>(random.below(256));
  return out;
}

Route random_route(TestRandom& random) {
  const auto address = [&](std::string_view type) {
    return *parse_definition("rtt://n" + std::to_string(random.below(4)) + "/" + std::string(type) + "/x" +
                             std::to_string(random.below(12)) + "@1." + std::to_string(random.below(12)) +
                             ".0" + std::string(random.pick({"", "#v"})));
  };
  Route out{.from = address("hook"),
            .to = address("api"),
            .lane = static_cast<LaneKind>(random.below(4)),
            .route_class = static_cast<RouteClass>(random.below(3)),
            .contract = digest(random),
            .consumer_contract = digest(random),
            .caps = {},
            .node_from = "local",
            .node_to = "local",
            .origin = std::string(random.pick({"routes", "agent", "requires", "qc"}))};
  if (random.below(2) > 0) out.caps = {"pull", "push"};
  if (random.below(2) > 0) out.qos.latency_budget_ms = 2.5;
  if (random.below(3) == 0) out.qos.backpressure = Backpressure::kMark;
  if (out.origin == "qc") out.replaces = "rtt://n1/api/x1@^1";
  return out;
}

void tidy(std::vector<Route>& routes) {
  std::ranges::sort(routes, [](const Route& a, const Route& b) { return route_order(a, b) < 0; });
  routes.erase(
      std::ranges::unique(routes, [](const Route& a, const Route& b) { return route_order(a, b) == 0; })
          .begin(),
      routes.end());
}

Graph random_graph(TestRandom& random) {
  Graph out;
  for (std::size_t n = random.below(12); n > 0; --n) out.routes.push_back(random_route(random));
  tidy(out.routes);
  std::uint32_t id = 1;
  for (Route& route : out.routes) route.id = {id += static_cast<std::uint32_t>(1 + random.below(3))};
  for (const char* provider : {"claude", "codex", "gemini"}) {
    if (random.below(2) == 0) out.views.push_back({.provider = provider, .root = digest(random)});
  }
  return out;
}

// A plan from `from`: deletes some, adds some with free ids, may replace a route by another of the same ends.
Plan random_plan(TestRandom& random, const Graph& from) {
  Plan out{.base = graph_root(from)};
  out.inputs = {.registry = digest(random),
                .config = digest(random),
                .policy = digest(random),
                .routes = digest(random),
                .topology = digest(random),
                .health = digest(random),
                .flags = digest(random)};
  std::vector<Route> kept;
  for (const Route& route : from.routes) (random.below(3) == 0 ? out.routes_del : kept).push_back(route);
  for (std::size_t n = random.below(6); n > 0; --n) out.routes_add.push_back(random_route(random));
  if (!out.routes_del.empty() && random.below(2) > 0) {
    Route moved = out.routes_del[0];
    moved.lane = moved.lane == LaneKind::kTcp ? LaneKind::kUds : LaneKind::kTcp;
    out.routes_add.push_back(moved);
  }
  std::erase_if(out.routes_add, [&](const Route& added) {
    return std::ranges::any_of(kept, [&](const Route& route) { return route_order(route, added) == 0; });
  });
  tidy(out.routes_add);
  std::uint32_t id = 1;
  for (Route& route : out.routes_add) {
    while (std::ranges::any_of(kept, [&](const Route& other) { return other.id.value == id; })) ++id;
    route.id = {id++};
  }
  for (const View& view : from.views) {
    if (random.below(3) > 0) continue;
    out.views_del.push_back(view);
    if (random.below(2) == 0) out.views_add.push_back({.provider = view.provider, .root = digest(random)});
  }
  if (random.below(2) == 0) out.views_add.push_back({.provider = "zed", .root = digest(random)});
  std::vector<std::string> deletes, adds;
  for (const Route& route : out.routes_del) deletes.push_back("D" + std::to_string(route.id.value));
  for (const Route& route : out.routes_add) adds.push_back("A" + std::to_string(route.id.value));
  if (!deletes.empty()) out.order.push_back(deletes);
  if (!adds.empty()) out.order.push_back(adds);
  out.objective = {
      .latency_ns = static_cast<std::int64_t>(random.next() >> 1), .churn = 3, .bound = -1, .gap_ppm = 20};
  return out;
}

TEST(Graph, the_empty_graph) {
  EXPECT_EQ(text::canonical_json(to_json(Graph{})), R"({"routes":[],"v":1})");
  EXPECT_EQ(graph_root(Graph{}), crypto::sha256(R"({"routes":[],"v":1})"));
}

TEST(Graph, json_round_trip_and_root_follows_the_content) {
  TestRandom random(11);
  for (int i = 0; i < 500; ++i) {
    Graph graph = random_graph(random);
    const auto again = graph_from_json(to_json(graph), "g");
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(*again, graph);
    ASSERT_EQ(graph_root(*again), graph_root(graph));
    if (graph.routes.empty()) continue;
    const Digest before = graph_root(graph);
    const Route kept = graph.routes[0];
    graph.routes[0].lane = kept.lane == LaneKind::kTcp ? LaneKind::kUds : LaneKind::kTcp;
    ASSERT_NE(graph_root(graph), before);
  }
}

TEST(Graph, refuses_what_it_would_not_write) {
  TestRandom random(12);
  Graph graph;
  while (graph.routes.size() < 2) graph = random_graph(random);
  const text::Json good = to_json(graph);
  const auto refused = [&](text::Json json) { return !graph_from_json(json, "g"); };
  text::Json swapped = good;
  std::swap(swapped.as_object().find("routes")->as_array()[0],
            swapped.as_object().find("routes")->as_array()[1]);
  EXPECT_TRUE(refused(swapped));
  text::Json doubled = good;
  doubled.as_object().find("routes")->push(good.find("routes")->as_array().back());
  EXPECT_TRUE(refused(doubled));
  text::Json same_id = good;
  same_id.as_object().find("routes")->as_array()[1].set("id", graph.routes[0].id.value);
  EXPECT_TRUE(refused(same_id));
  text::Json other = good;
  other.set("v", 2);
  EXPECT_TRUE(refused(other));
  text::Json extra = good;
  extra.set("seq", 1);
  EXPECT_TRUE(refused(extra));
  EXPECT_FALSE(refused(good));
  for (const auto& [key, value] : std::initializer_list<std::pair<std::string_view, text::Json>>{
           {"id", 0},
           {"id", std::int64_t{1} << 32},
           {"id", "1"},
           {"from", "rtt://a/api/x"},
           {"to", 3},
           {"lane", "rdma"},
           {"class", "rep"},
           {"contract", "sha256-00"},
           {"origin", "me"},
           {"state", "ready"},
           {"qos", text::Json::object({{"latency_budget_ms", -1}})},
           {"caps", text::Json::array({"b", "a"})},
           {"to", "rtt://a/api/x@1.0.0?io=req"}}) {
    text::Json bad = good;
    bad.as_object().find("routes")->as_array()[0].set(key, value);
    EXPECT_TRUE(refused(bad)) << key;
  }
}

TEST(Plan, laws) {
  TestRandom random(13);
  for (int i = 0; i < 2000; ++i) {
    const Graph before = random_graph(random);
    const Plan plan = random_plan(random, before);
    const auto after = apply_to(before, plan);
    ASSERT_TRUE(after) << after.error().message;
    ASSERT_EQ(inverse(inverse(plan)), plan);
    const Plan back = inverse(plan, graph_root(*after));
    const auto original = apply_to(*after, back);
    ASSERT_TRUE(original) << original.error().message;
    ASSERT_EQ(*original, before);
    ASSERT_EQ(graph_root(*original), graph_root(before));
    ASSERT_EQ(inverse(back, plan.base), plan);
    if (*after == before) continue;
    const auto twice = apply_to(*after, plan);
    ASSERT_FALSE(twice);
    ASSERT_EQ(twice.error().code, Code::kStalePlan);
  }
}

TEST(Plan, impossible_plans_are_refused) {
  TestRandom random(14);
  Graph graph;
  while (graph.routes.size() < 3) graph = random_graph(random);
  const auto code = [&](const Plan& plan) {
    const auto result = apply_to(graph, plan);
    return result ? Code::kInternal : result.error().code;
  };
  Plan plan{.base = graph_root(graph)};
  EXPECT_EQ(apply_to(graph, plan), graph);
  plan.routes_add = {graph.routes[0]};
  EXPECT_EQ(code(plan), Code::kBadShape);
  plan.routes_add = {};
  plan.routes_del = {graph.routes[1]};
  plan.routes_del[0].lane = plan.routes_del[0].lane == LaneKind::kTcp ? LaneKind::kUds : LaneKind::kTcp;
  EXPECT_EQ(code(plan), Code::kBadShape);
  plan.routes_del[0] = graph.routes[1];
  plan.routes_del[0].from.name = "nobody";
  EXPECT_EQ(code(plan), Code::kBadShape);
  plan.routes_del = {};
  plan.routes_add = {graph.routes[1]};
  plan.routes_add[0].from.name = "new";
  EXPECT_EQ(code(plan), Code::kBadShape);  // its id is taken
}

SealedPlan sealed(TestRandom& random) {
  Graph graph = random_graph(random);
  SealedPlan out{.created_at = "2026-01-31T12:00:00.123456Z", .plan = random_plan(random, graph)};
  out.plan_id = plan_id(out.plan);
  for (const View& view : out.plan.views_add)
    out.view_signatures.push_back({.root = view.root, .sign = {{.key_id = "0123456789abcdef"}}});
  std::ranges::sort(out.view_signatures, {}, &ViewSignature::root);
  return out;
}

TEST(Plan, file_round_trip) {
  TestRandom random(15);
  for (int i = 0; i < 300; ++i) {
    const SealedPlan plan = sealed(random);
    const auto again = parse_plan(text::to_pretty_json(to_json(plan)), "p.json");
    ASSERT_TRUE(again) << again.error().message << " " << again.error().where;
    ASSERT_EQ(again->plan, plan.plan);
    ASSERT_EQ(again->plan_id, plan.plan_id);
    ASSERT_EQ(again->created_at, plan.created_at);
    ASSERT_EQ(again->view_signatures, plan.view_signatures);
  }
}

TEST(Plan, id_covers_all_but_id_time_and_signature) {
  TestRandom random(16);
  SealedPlan plan = sealed(random);
  const Digest id = plan_id(plan.plan);
  plan.created_at = "2027-01-31T12:00:00Z";
  plan.signatures.push_back({.key_id = "0123456789abcdef"});
  const auto again = parse_plan(text::to_json(to_json(plan)), "p");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->plan_id, id);
  EXPECT_EQ(again->signatures.size(), 1u);
  plan.plan.objective.churn += 1;
  EXPECT_NE(plan_id(plan.plan), id);
}

TEST(Plan, every_changed_byte_is_noticed) {
  TestRandom random(17);
  SealedPlan plan = sealed(random);
  while (plan.plan.routes_add.empty() || plan.plan.routes_del.empty()) plan = sealed(random);
  const std::string text = text::to_json(to_json(plan));
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string bad = text;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    const auto read = parse_plan(bad, "p");
    // Only the time and the views' signatures are outside the id (and this plan carries no other signature).
    if (!read) continue;
    ASSERT_EQ(read->plan, plan.plan) << at;
    ASSERT_TRUE(read->created_at != plan.created_at || read->view_signatures != plan.view_signatures) << at;
  }
}

TEST(Plan, refusals) {
  TestRandom random(18);
  SealedPlan plan = sealed(random);
  while (plan.plan.routes_add.size() < 2 || plan.view_signatures.size() < 2) plan = sealed(random);
  const auto code = [](const text::Json& json) {
    const auto read = parse_plan(text::to_json(json), "p");
    return read ? Code::kInternal : read.error().code;
  };
  const text::Json good = to_json(plan);
  text::Json bad = good;
  bad.set("plan_id", to_string(Digest{}));
  EXPECT_EQ(code(bad), Code::kTampered);
  bad = good;
  bad.set("note", "x");
  EXPECT_EQ(code(bad), Code::kUnknownKey);
  bad = good;
  bad.set("created_at", "yesterday");
  EXPECT_EQ(code(bad), Code::kBadShape);
  SealedPlan other = plan;
  other.plan.order.pop_back();
  other.plan_id = plan_id(other.plan);
  EXPECT_EQ(code(to_json(other)), Code::kBadShape);
  other = plan;
  std::swap(other.plan.routes_add[0], other.plan.routes_add[1]);
  other.plan_id = plan_id(other.plan);
  EXPECT_EQ(code(to_json(other)), Code::kBadShape);
  other = plan;
  std::swap(other.view_signatures[0], other.view_signatures[1]);
  EXPECT_EQ(code(to_json(other)), Code::kBadShape);
  other = plan;
  other.view_signatures[0].root = Digest{};  // of a view that the plan does not show
  EXPECT_EQ(code(to_json(other)), Code::kBadShape);
  bad = good;
  bad.set("base", "sha256:" + bare_hex(plan.plan.base));  // another spelling of the same hash
  EXPECT_EQ(code(bad), Code::kTampered);
}

TEST(Plan, an_order_says_which_edit_is_wrong) {
  TestRandom random(19);
  SealedPlan plan = sealed(random);
  while (plan.plan.routes_add.size() < 2) plan = sealed(random);
  const std::string last = plan.plan.order.back().back();
  const auto told = [&plan](const auto& change) {
    SealedPlan changed = plan;
    change(changed.plan.order.back());
    changed.plan_id = plan_id(changed.plan);
    const auto read = parse_plan(text::to_json(to_json(changed)), "p");
    return read ? std::string() : read.error().message;
  };
  EXPECT_EQ(told([](auto& batch) { batch.pop_back(); }), "'order' leaves out " + last);
  EXPECT_EQ(told([&](auto& batch) { batch.push_back(last); }), "'order' names " + last + " twice");
  EXPECT_EQ(told([](auto& batch) { batch.push_back("A9999"); }),
            "'order' names A9999, which is no edit of this plan");
}

}  // namespace
}  // namespace rtt::model
