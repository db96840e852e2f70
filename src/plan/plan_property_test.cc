// SPDX-License-Identifier: Apache-2.0
// Goal: the plan is a function of what the inputs mean. Method: one world in 1,000 orders has one plan_id;
// one route more leaves the others alone; random small worlds agree with an oracle that enumerates every
// wiring.
#include <map>
#include <set>
#include <tuple>

#include "plan/plan.h"
#include "plan/world_for_test.h"
#include "text/json_canonical.h"

namespace rtt::plan {
namespace {

std::string number(std::size_t value) { return std::to_string(value); }

// A mixed world: agents with tools, requirements, versions, variants, buses, denials, pins, optional wishes.
World mixed_world() {
  World world;
  for (std::size_t i = 0; i < 12; ++i) {
    for (const char* version : {"1.0.0", "1.1.0", "2.0.0"}) {
      world.provider("rtt://srv" + number(i % 3) + "/tool/t" + number(i) + "@" + version);
    }
    auto& agent = world.consumer("rtt://common/agent/a" + number(i) + "@1.0.0");
    for (std::size_t k = 0; k < 3; ++k) {
      const std::size_t tool = (i + k) % 12;
      agent.requirements.push_back(
          {.to = reference("rtt://srv" + number(tool % 3) + "/tool/t" + number(tool) + (k == 0 ? "@^1" : "")),
           .optional = k == 2,
           .pointer = "/agent/tools/" + number(k)});
    }
  }
  world.both("rtt://core/bus/events@1.0.0");
  for (const char* variant : {"ndjson", "syslog"}) {
    world.provider("rtt://obs/extension/logger@1.0.0#" + std::string(variant));
    world.want("rtt://core/bus/events", "rtt://obs/extension/logger#" + std::string(variant));
  }
  world.want("rtt://common/agent/a0", "rtt://srv1/tool/t4@>=1.0 <3");
  world.want_optional("rtt://common/agent/a1", "rtt://nowhere/tool/none");
  world.pin("rtt://common/agent/a2", "rtt://srv2/tool/t2@1.0.0");
  world.deny("rtt://common/agent/*", "rtt://srv0/tool/t3@2.0.0");
  return world;
}

text::Json shuffled_keys(const text::Json& json, std::mt19937& random) {
  if (!json.is_object()) return json;
  std::vector<std::pair<std::string, text::Json>> members;
  for (const auto& [key, value] : json.as_object()) members.emplace_back(key, value);
  std::shuffle(members.begin(), members.end(), random);
  text::JsonObject out;
  for (auto& [key, value] : members) out.set(key, value);
  return text::Json(std::move(out));
}

void shuffle(World& world, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::shuffle(world.inputs.contracts.begin(), world.inputs.contracts.end(), random);
  std::shuffle(world.inputs.desired.begin(), world.inputs.desired.end(), random);
  std::shuffle(world.inputs.policy.allow.begin(), world.inputs.policy.allow.end(), random);
  std::shuffle(world.inputs.policy.deny.begin(), world.inputs.policy.deny.end(), random);
  for (model::Contract& each : world.inputs.contracts) {
    std::shuffle(each.requirements.begin(), each.requirements.end(), random);
  }
  world.inputs.registry = shuffled_keys(world.inputs.registry, random);
}

TEST(PlanProperty, one_plan_id_over_a_thousand_shuffles) {
  const World world = mixed_world();
  const Outcome reference_outcome = world.solved();
  ASSERT_TRUE(reference_outcome.conflicts.empty()) << reference_outcome.conflicts[0].constraint;
  ASSERT_GT(reference_outcome.plan.routes_add.size(), 30U);
  const Digest id = model::plan_id(reference_outcome.plan);
  for (std::uint32_t seed = 1; seed <= 1000; ++seed) {
    World mixed = world;
    shuffle(mixed, seed);
    const Outcome outcome = mixed.solved();
    ASSERT_EQ(model::plan_id(outcome.plan), id) << "seed " << seed;
    ASSERT_EQ(outcome.warnings, reference_outcome.warnings) << "seed " << seed;
  }
}

TEST(PlanProperty, conflicts_do_not_depend_on_order_either) {
  World world = mixed_world();
  world.deny("rtt://common/agent/a5", "rtt://*/tool/*");
  world.pin("rtt://common/agent/a7", "rtt://srv1/tool/t7@9");
  const auto words = [](const Outcome& outcome) {
    std::vector<std::tuple<std::string, std::string, Code>> out;
    for (const Conflict& each : outcome.conflicts) out.emplace_back(each.constraint, each.where, each.code);
    return out;
  };
  const auto expected = words(world.solved());
  ASSERT_GE(expected.size(), 3U);
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    World mixed = world;
    shuffle(mixed, seed);
    ASSERT_EQ(words(mixed.solved()), expected) << "seed " << seed;
  }
}

TEST(PlanProperty, every_input_has_a_part_in_the_id) {
  const World world = mixed_world();
  std::set<Digest> ids{model::plan_id(world.solved().plan)};
  const auto changed = [&](auto&& change) {
    World other = world;
    change(other.inputs);
    return model::plan_id(other.solved().plan);
  };
  const auto object = text::Json::object({{"x", 1}});
  ids.insert(changed([&](Inputs& inputs) { inputs.registry = object; }));
  ids.insert(changed([&](Inputs& inputs) { inputs.policy.object = object; }));
  ids.insert(changed([&](Inputs& inputs) { inputs.flags = object; }));
  ids.insert(changed([&](Inputs& inputs) { inputs.health = object; }));
  ids.insert(changed([&](Inputs& inputs) { inputs.topology.object = object; }));
  ids.insert(changed([&](Inputs& inputs) { inputs.config.prefer = {model::LaneKind::kUds}; }));
  ids.insert(changed([&](Inputs& inputs) { inputs.routes = object; }));
  EXPECT_EQ(ids.size(), 8U);
  World absent = world;
  absent.inputs.flags = text::Json();
  EXPECT_EQ(model::plan_id(absent.solved().plan), model::plan_id(world.solved().plan));
  EXPECT_EQ(world.solved().plan.inputs.flags, crypto::sha256("{}"));
}

World wide_world(std::size_t routes) {
  World world;
  for (std::size_t i = 0; i < routes; ++i) {
    world.consumer("rtt://c/agent/a" + number(i) + "@1.0.0");
    world.provider("rtt://p/tool/t" + number(i) + "@1.0.0");
    world.provider("rtt://p/tool/t" + number(i) + "@1.1.0");
    world.want("rtt://c/agent/a" + number(i), "rtt://p/tool/t" + number(i));
  }
  return world;
}

TEST(PlanProperty, one_route_more_leaves_a_thousand_alone) {
  World world = wide_world(1000);
  ASSERT_EQ(world.commit().plan.routes_add.size(), 1000U);
  world.consumer("rtt://c/agent/a0extra@1.0.0");
  world.want("rtt://c/agent/a0extra", "rtt://p/tool/t500");
  const Outcome outcome = world.solved();
  EXPECT_EQ(outcome.unchanged, 1000U);
  EXPECT_EQ(outcome.plan.routes_add.size(), 1U);
  EXPECT_TRUE(outcome.plan.routes_del.empty());
}

TEST(PlanProperty, ten_thousand_routes_are_planned_whole) {
  World world = wide_world(10'000);
  EXPECT_EQ(world.solved().plan.routes_add.size(), 10'000U);
}

TEST(PlanProperty, a_plan_and_its_inverse_are_nothing) {
  World world = mixed_world();
  world.commit();
  world.inputs.desired.erase(world.inputs.desired.begin());
  world.want("rtt://common/agent/a3", "rtt://srv2/tool/t11");
  const model::Plan plan = world.solved().plan;
  ASSERT_FALSE(plan.routes_add.empty());
  ASSERT_FALSE(plan.routes_del.empty());
  EXPECT_EQ(model::inverse(model::inverse(plan)), plan);
  const auto there = model::apply_to(world.inputs.base, plan);
  ASSERT_TRUE(there.has_value());
  model::Plan back = model::inverse(plan);
  back.base = model::graph_root(*there);
  const auto again = model::apply_to(*there, back);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, world.inputs.base);
}

// ---- the oracle ----

// Wishes of two consumers over two symbols with six versions each: majors lo..hi, some versions denied, some
// wired.
struct Small {
  struct Wish {
    std::size_t consumer, symbol, lo, hi;
    bool optional;
  };
  std::vector<Wish> wishes;
  std::set<std::pair<std::size_t, std::size_t>> denied;              // symbol, version index
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> wired;  // consumer, symbol -> version index
};
constexpr std::size_t kVersions = 5;

std::string provider_name(std::size_t symbol, std::size_t version) {
  return "rtt://p/tool/s" + number(symbol) + "@" + number(version + 1) + ".0.0";
}

Small random_small(std::mt19937& random) {
  Small out;
  const std::size_t wishes = 1 + random() % 4;
  for (std::size_t i = 0; i < wishes; ++i) {
    const std::size_t lo = random() % kVersions;
    out.wishes.push_back(
        {random() % 2, random() % 2, lo, lo + random() % (kVersions - lo), random() % 3 == 0});
  }
  for (std::size_t i = random() % 5; i > 0; --i) out.denied.insert({random() % 2, random() % kVersions});
  for (std::size_t i = random() % 3; i > 0; --i)
    out.wired[{random() % 2, random() % 2}] = random() % kVersions;
  return out;
}

World world_of(const Small& small) {
  World world;
  for (std::size_t c = 0; c < 2; ++c) world.consumer("rtt://c/agent/a" + number(c) + "@1.0.0");
  for (std::size_t s = 0; s < 2; ++s) {
    for (std::size_t v = 0; v < kVersions; ++v) world.provider(provider_name(s, v));
  }
  for (const auto& [place, version] : small.wired) {
    World one = world;
    one.want("rtt://c/agent/a" + number(place.first),
             provider_name(place.second, version));  // an exact reference
    model::Route route = one.solved().plan.routes_add.at(0);
    route.id = RouteId{static_cast<std::uint32_t>(world.inputs.base.routes.size() + 1)};
    world.inputs.base.routes.push_back(route);
  }
  std::sort(world.inputs.base.routes.begin(), world.inputs.base.routes.end(),
            [](const auto& a, const auto& b) { return model::route_order(a, b) < 0; });
  for (const auto& wish : small.wishes) {
    world.want("rtt://c/agent/a" + number(wish.consumer), "rtt://p/tool/s" + number(wish.symbol) +
                                                              "@>=" + number(wish.lo + 1) +
                                                              ".0.0 <=" + number(wish.hi + 1) + ".0.0");
    world.inputs.desired.back().optional = wish.optional;
  }
  for (const auto& [symbol, version] : small.denied)
    world.deny("rtt://c/agent/*", provider_name(symbol, version));
  return world;
}

// (open, churn, rank) of one wiring; latency is the same for every provider. Nothing: not allowed.
using Price = std::tuple<int, int, std::size_t>;

std::optional<Price> price_of(const Small& small, const std::vector<std::optional<std::size_t>>& chosen) {
  Price price{};
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> links;
  for (std::size_t i = 0; i < small.wishes.size(); ++i) {
    const auto& wish = small.wishes[i];
    if (!chosen[i]) {
      if (!wish.optional) return std::nullopt;
      ++std::get<0>(price);
      continue;
    }
    const std::size_t version = *chosen[i];
    if (version < wish.lo || version > wish.hi || small.denied.contains({wish.symbol, version}))
      return std::nullopt;
    const std::pair link{wish.consumer, wish.symbol};
    if (const auto at = links.find(link); at != links.end() && at->second != version) return std::nullopt;
    links[link] = version;
    const auto wired = small.wired.find(link);
    std::get<1>(price) += wired != small.wired.end() && wired->second == version ? 0 : 1;
    for (std::size_t higher = version + 1; higher <= wish.hi; ++higher) {
      std::get<2>(price) += small.denied.contains({wish.symbol, higher}) ? 0 : 1;
    }
  }
  return price;
}

void enumerate(const Small& small, std::vector<std::optional<std::size_t>>& chosen,
               std::optional<Price>& best) {
  if (chosen.size() == small.wishes.size()) {
    const auto price = price_of(small, chosen);
    if (price && (!best || *price < *best)) best = price;
    return;
  }
  for (std::size_t version = 0; version <= kVersions; ++version) {
    chosen.push_back(version < kVersions ? std::optional(version) : std::nullopt);
    enumerate(small, chosen, best);
    chosen.pop_back();
  }
}

// Which version each wish got, read back from the planned graph.
std::vector<std::optional<std::size_t>> read_back(const Small& small, const model::Graph& graph) {
  std::vector<std::optional<std::size_t>> chosen;
  for (const auto& wish : small.wishes) {
    std::optional<std::size_t> found;
    for (const model::Route& route : graph.routes) {
      if (route.from.name != "a" + number(wish.consumer) || route.to.name != "s" + number(wish.symbol))
        continue;
      const std::size_t version = route.to.version->major - 1;
      if (version >= wish.lo && version <= wish.hi) found = version;
    }
    chosen.push_back(found);
  }
  return chosen;
}

// The same wish twice is one wish: the oracle counts it once, required if either is.
Small without_twins(Small small) {
  std::vector<Small::Wish> unique;
  for (const auto& wish : small.wishes) {
    bool twin = false;
    for (auto& other : unique) {
      const bool same = std::tie(other.consumer, other.symbol, other.lo, other.hi) ==
                        std::tie(wish.consumer, wish.symbol, wish.lo, wish.hi);
      if (same) other.optional = other.optional && wish.optional;
      twin = twin || same;
    }
    if (!twin) unique.push_back(wish);
  }
  small.wishes = unique;
  return small;
}

TEST(PlanProperty, agrees_with_enumeration_on_random_worlds) {
  int solved = 0, refused = 0, left_open = 0;
  for (std::uint32_t seed = 1; seed <= 1500; ++seed) {
    std::mt19937 random(seed);
    const Small small = without_twins(random_small(random));
    const World world = world_of(small);
    const Outcome outcome = world.solved();
    std::optional<Price> best;
    std::vector<std::optional<std::size_t>> chosen;
    enumerate(small, chosen, best);
    ASSERT_EQ(outcome.conflicts.empty(), best.has_value()) << "seed " << seed;
    if (!best) {
      ++refused;
      continue;
    }
    const auto graph = model::apply_to(world.inputs.base, outcome.plan);
    ASSERT_TRUE(graph.has_value()) << "seed " << seed;
    const auto price = price_of(small, read_back(small, *graph));
    ASSERT_TRUE(price.has_value()) << "seed " << seed;
    EXPECT_EQ(*price, *best) << "seed " << seed;
    ++solved;
    left_open += std::get<0>(*best) > 0 ? 1 : 0;
  }
  EXPECT_GT(solved, 500);
  EXPECT_GT(refused, 100);
  EXPECT_GT(left_open, 50);
}

}  // namespace
}  // namespace rtt::plan
