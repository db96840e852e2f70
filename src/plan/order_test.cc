// SPDX-License-Identifier: Apache-2.0
// Goal: batches keep every order that matters and no other. Method: random edits against a quadratic
// reference that takes the rules literally (longest path over all pairs).
#include "plan/order.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "plan/world_for_test.h"

namespace rtt::plan {
namespace {

using model::Route;

Route route(std::uint32_t id, const std::string& from, const std::string& to, const std::string& origin) {
  return {.id = RouteId{id},
          .from = definition("rtt://x/service/" + from + "@1.0.0"),
          .to = definition("rtt://x/service/" + to + "@1.0.0"),
          .origin = origin};
}

struct Edit {
  bool adds;
  const Route* route;
};

bool waits_for(const Edit& later, const Edit& earlier) {
  const Route& a = *earlier.route;
  const Route& b = *later.route;
  if (earlier.adds && later.adds) return a.origin == "requires" && a.from == b.to;
  if (!earlier.adds && !later.adds) return b.origin == "requires" && b.from == a.to;
  if (earlier.adds) return false;
  const bool same_link = a.from == b.from && a.to.ns == b.to.ns && a.to.name == b.to.name &&
                         a.route_class == b.route_class && a.route_class != model::RouteClass::kPubsub;
  return a.id == b.id || same_link;
}

std::map<std::string, std::size_t> reference_levels(const std::vector<Route>& add,
                                                    const std::vector<Route>& del) {
  std::vector<Edit> edits;
  for (const Route& each : add) edits.push_back({true, &each});
  for (const Route& each : del) edits.push_back({false, &each});
  std::vector<std::size_t> level(edits.size());
  for (std::size_t pass = 0; pass <= edits.size(); ++pass) {
    for (std::size_t i = 0; i < edits.size(); ++i) {
      for (std::size_t j = 0; j < edits.size(); ++j) {
        if (i != j && waits_for(edits[i], edits[j])) level[i] = std::max(level[i], level[j] + 1);
      }
    }
  }
  std::map<std::string, std::size_t> out;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    out[(edits[i].adds ? "A" : "D") + std::to_string(edits[i].route->id.value)] = level[i];
  }
  return out;
}

std::vector<Route> random_routes(std::mt19937& random, std::uint32_t first_id) {
  std::vector<Route> out;
  const auto below = [&random](std::uint32_t bound) { return static_cast<std::uint32_t>(random() % bound); };
  const std::uint32_t count = below(9);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t from = below(6), to = below(6);
    if (from >= to) continue;  // numbered upwards: no circle
    Route made =
        route(first_id + i, std::string(1, static_cast<char>('a' + from)),
              std::string(1, static_cast<char>('a' + to)), random() % 2 == 0 ? "requires" : "routes");
    if (random() % 4 == 0) made.route_class = model::RouteClass::kPubsub;
    const bool twice = std::any_of(out.begin(), out.end(),
                                   [&](const Route& each) { return model::route_order(each, made) == 0; });
    if (!twice) out.push_back(made);
  }
  std::sort(out.begin(), out.end(),
            [](const Route& a, const Route& b) { return model::route_order(a, b) < 0; });
  return out;
}

TEST(Order, equals_the_literal_reference_on_random_edits) {
  for (std::uint32_t seed = 1; seed <= 2000; ++seed) {
    std::mt19937 random(seed);
    const std::vector<Route> add = random_routes(random, 1);
    const std::vector<Route> del = random_routes(random, random() % 2 == 0 ? 1 : 100);
    const auto levels = reference_levels(add, del);
    const Batches batches = order_batches(add, del);
    std::size_t seen = 0;
    std::map<std::size_t, std::size_t> dense;  // reference levels that occur, numbered without holes
    for (const auto& [name, level] : levels) dense[level] = 0;
    std::size_t next = 0;
    for (auto& [level, place] : dense) place = next++;
    for (std::size_t batch = 0; batch < batches.size(); ++batch) {
      for (const std::string& name : batches[batch]) {
        ++seen;
        ASSERT_TRUE(levels.contains(name)) << "seed " << seed;
        EXPECT_EQ(dense[levels.at(name)], batch) << "seed " << seed << " " << name;
      }
    }
    ASSERT_EQ(seen, levels.size()) << "seed " << seed;
  }
}

TEST(Order, requirements_come_up_first_and_go_down_last) {
  const std::vector<Route> routes{route(1, "agent", "store", "routes"), route(2, "auth", "keys", "requires"),
                                  route(3, "store", "auth", "requires")};
  EXPECT_EQ(order_batches(routes, {}), (Batches{{"A2"}, {"A3"}, {"A1"}}));
  EXPECT_EQ(order_batches({}, routes), (Batches{{"D1"}, {"D3"}, {"D2"}}));
}

TEST(Order, entries_of_a_batch_are_sorted_by_from_type_to) {
  std::vector<Route> routes{route(9, "b", "z", "routes"), route(3, "a", "z", "routes"),
                            route(5, "a", "y", "routes")};
  routes[1].to.type = model::SymbolType::kApi;
  EXPECT_EQ(order_batches(routes, {}), (Batches{{"A3", "A5", "A9"}}));
}

TEST(Order, a_circle_is_found_and_walked_in_order) {
  std::vector<Route> routes{route(1, "a", "b", "requires"), route(2, "b", "c", "requires"),
                            route(3, "c", "b", "requires"), route(4, "c", "d", "requires")};
  EXPECT_EQ(find_cycle(routes), (std::vector<std::size_t>{1, 2}));
  routes[2].origin = "routes";
  EXPECT_TRUE(find_cycle(routes).empty());
}

TEST(Order, a_long_chain_needs_no_recursion) {
  std::vector<Route> routes;
  constexpr std::uint32_t kLength = 20'000;
  for (std::uint32_t i = 0; i < kLength; ++i) {
    routes.push_back(route(i + 1, "n" + std::to_string(i), "n" + std::to_string(i + 1), "requires"));
  }
  EXPECT_TRUE(find_cycle(routes).empty());
  const Batches batches = order_batches(routes, {});
  ASSERT_EQ(batches.size(), kLength);
  EXPECT_EQ(batches.front().front(), "A" + std::to_string(kLength));
  routes.push_back(route(kLength + 1, "n" + std::to_string(kLength), "n0", "requires"));
  EXPECT_EQ(find_cycle(routes).size(), kLength + 1);
}

}  // namespace
}  // namespace rtt::plan
