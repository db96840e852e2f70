// SPDX-License-Identifier: Apache-2.0
// Goal: the search returns the one cheapest set of choices. Method: random components against enumeration of
// all sets compared field by field, without packed integers.
#include "plan/solve_exact.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>

namespace rtt::plan {
namespace {

using Fields = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::uint64_t>;

struct Best {
  Fields fields;
  std::vector<std::optional<std::size_t>> chosen;
};

void enumerate(const Component& component, std::vector<std::optional<std::size_t>>& chosen,
               std::optional<Best>& best) {
  const std::size_t place = chosen.size();
  if (place == component.size()) {
    Fields sum{};
    for (std::size_t i = 0; i < place; ++i) {
      if (!chosen[i]) {
        std::get<0>(sum) += 1;
        continue;
      }
      const Option& option = component[i].options[*chosen[i]];
      std::get<1>(sum) += option.latency_ns;
      std::get<2>(sum) += option.churn;
      std::get<3>(sum) += option.rank;
      std::get<4>(sum) += option.weight;
      for (std::size_t j = 0; j < i; ++j) {
        if (!chosen[j]) continue;
        const Option& other = component[j].options[*chosen[j]];
        if (option.link != 0 && option.link == other.link && option.provider != other.provider) return;
      }
    }
    if (!best || sum < best->fields) best = Best{sum, chosen};
    return;
  }
  for (std::size_t i = 0; i < component[place].options.size(); ++i) {
    chosen.push_back(i);
    enumerate(component, chosen, best);
    chosen.pop_back();
  }
  if (component[place].may_stay_open) {
    chosen.push_back(std::nullopt);
    enumerate(component, chosen, best);
    chosen.pop_back();
  }
}

Component random_component(std::mt19937_64& random) {
  Component out(1 + random() % 5);
  for (Choice& choice : out) {
    choice.may_stay_open = random() % 3 == 0;
    const std::size_t count = random() % 5;
    for (std::size_t i = 0; i < count; ++i) {
      choice.options.push_back({.latency_ns = static_cast<std::int64_t>(random() % 4) * 15'000,
                                .churn = static_cast<std::uint32_t>(random() % 2),
                                .rank = static_cast<std::uint32_t>(i),
                                .weight = random() & ((std::uint64_t{1} << 48) - 1),
                                .provider = random() % 4,
                                .link = static_cast<std::uint32_t>(random() % 3)});
    }
  }
  return out;
}

TEST(SolveExact, agrees_with_enumeration_on_random_components) {
  int feasible = 0;
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    std::mt19937_64 random(seed);
    const Component component = random_component(random);
    std::optional<Best> best;
    std::vector<std::optional<std::size_t>> chosen;
    enumerate(component, chosen, best);
    const auto solution = solve_exact(component);
    ASSERT_TRUE(solution.has_value()) << "seed " << seed;
    ASSERT_EQ(solution->has_value(), best.has_value()) << "seed " << seed;
    if (!best) continue;
    ++feasible;
    EXPECT_EQ((*solution)->chosen, best->chosen) << "seed " << seed;
  }
  EXPECT_GT(feasible, 1000);
}

TEST(SolveExact, fields_never_carry_into_each_other) {
  const Option dearest{
      .latency_ns = kLatencyNsMax, .churn = 1, .rank = 4095, .weight = (std::uint64_t{1} << 48) - 1};
  Cost all;
  for (std::size_t i = 0; i < kComponentRoutesMax; ++i) all = all + cost_of(dearest);
  EXPECT_LT(all, cost_of_open());  // 64 of the dearest routes are cheaper than one wish left open
  Cost ranks;
  for (std::size_t i = 0; i < kComponentRoutesMax; ++i)
    ranks = ranks + cost_of({.rank = 4095, .weight = dearest.weight});
  EXPECT_LT(ranks, cost_of({.churn = 1}));
  Cost churns;
  for (std::size_t i = 0; i < kComponentRoutesMax; ++i) churns = churns + cost_of({.churn = 1, .rank = 4095});
  EXPECT_LT(churns, cost_of({.latency_ns = 1}));
  Cost weights;
  for (std::size_t i = 0; i < kComponentRoutesMax; ++i)
    weights = weights + cost_of({.weight = dearest.weight});
  EXPECT_LT(weights, cost_of({.rank = 1}));
}

TEST(SolveExact, a_component_over_the_limit_is_refused) {
  const Component component(kComponentRoutesMax + 1, Choice{.options = {Option{}}});
  const auto solution = solve_exact(component);
  ASSERT_FALSE(solution.has_value());
  EXPECT_EQ(solution.error().code, Code::kPlanTooLarge);
}

TEST(SolveExact, work_is_counted_and_bounded) {
  // Nothing prunes: every option costs the same, and the last choice contradicts all others.
  Component component(40);
  for (std::size_t i = 0; i + 1 < component.size(); ++i) {
    component[i].options = {{.provider = i, .link = 0}, {.provider = i + 100, .link = 0}};
  }
  component[0].options = {{.provider = 1, .link = 7}};
  component.back().options = {{.provider = 2, .link = 7}};
  const auto solution = solve_exact(component);
  ASSERT_FALSE(solution.has_value());
  EXPECT_EQ(solution.error().code, Code::kPlanTooLarge);
}

}  // namespace
}  // namespace rtt::plan
