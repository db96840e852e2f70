// SPDX-License-Identifier: Apache-2.0
// Goal: a part is judged by what certainly happened, and its plan is cut in two that make the whole. Method:
// looks at figures that are good, bad, slow or missing; the split as a law over many plans. Every run of the
// machine is searched in tests/sim/explore.
#include "apply/canary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace rtt::apply {
namespace {

using model::Graph;
using model::Plan;
using model::Route;

Route route(std::uint32_t id, const std::string& from, const std::string& to) {
  return {.id = RouteId{id},
          .from = *model::parse_definition("rtt://c/hook/" + from + "@1.0.0"),
          .to = *model::parse_definition("rtt://p/api/" + to),
          .node_from = "local",
          .node_to = "local",
          .origin = "routes"};
}

// `count` consumers move from version 1 of their provider to version 2.
struct Move {
  Graph base;
  Plan plan;
};
Move move(std::uint32_t count) {
  Move out;
  std::vector<std::string> gone, come;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string name = std::to_string(1000 + i);
    out.base.routes.push_back(route(i + 1, "a" + name, "b" + name + "@1.0.0"));
    out.plan.routes_add.push_back(route(i + 1 + count, "a" + name, "b" + name + "@2.0.0"));
    gone.push_back("D" + std::to_string(i + 1));
    come.push_back("A" + std::to_string(i + 1 + count));
  }
  out.plan.routes_del = out.base.routes;
  out.plan.base = model::graph_root(out.base);
  out.plan.order = {gone, come};
  return out;
}

constexpr CanaryFigures kGood{
    .asked = 100, .answered = 100, .p99_ns = 10'000, .fresh = {100, 10'000, 10'000}};
constexpr CanaryFigures kFailing{
    .asked = 100, .answered = 100, .errors = 50, .p99_ns = 10'000, .fresh = {100, 10'000, 10'000}};
constexpr CanaryFigures kSlow{
    .asked = 100, .answered = 100, .p99_ns = 9'000'000, .fresh = {100, 9'000'000, 9'000'000}};
constexpr CanaryFigures kNoNewCalls{.asked = 100, .answered = 100, .p99_ns = 9'000'000};
constexpr CanaryFigures kSilent{};

// The machine in its window, at the looks given; the last answer of its own is what it does then.
CanaryAction watched(const std::vector<CanarySample>& samples, Unused unused = Unused::kGoesBack) {
  Canary machine;
  machine.step(CanaryStart{nanos_from_ms(1000), unused}, Instant{0});
  machine.step(CanarySettled{.part = CanaryPart::kPart}, Instant{0});
  std::vector<CanaryAction> last;
  Instant now{0};
  for (const CanarySample& sample : samples) {
    now = now + kCanaryLook;
    last = machine.step(sample, now);
  }
  EXPECT_EQ(last.size(), 1U);
  return last.front();
}

TEST(Canary, errors_end_it_at_once_and_say_how_many) {
  const CanaryAction action = watched({{.part = kFailing, .rest = kGood}});
  EXPECT_EQ(std::get<CanaryApply>(action).part, CanaryPart::kBack);
  EXPECT_NE(std::get<CanaryApply>(action).reason.find("50 of 100 calls"), std::string::npos);
}

TEST(Canary, errors_that_the_rest_has_too_do_not_end_it) {
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched({{.part = kFailing, .rest = kFailing}})));
}

TEST(Canary, one_slow_look_is_no_trend_and_two_are) {
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched({{.part = kSlow, .rest = kGood}})));
  const CanaryAction twice = watched({{.part = kSlow, .rest = kGood}, {.part = kSlow, .rest = kGood}});
  EXPECT_EQ(std::get<CanaryApply>(twice).part, CanaryPart::kBack);
  EXPECT_NE(std::get<CanaryApply>(twice).reason.find("9000 us"), std::string::npos);
}

TEST(Canary, a_stall_of_the_machine_is_no_slowness) {
  CanaryFigures stalled = kGood;  // one call of a hundred was slow: the p99 shows it, and it proves nothing
  stalled.p99_ns = stalled.fresh.p99_ns = kSlow.p99_ns;
  const std::vector<CanarySample> looks(3, {.part = stalled, .rest = kGood});
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched(looks)));
}

TEST(Canary, the_percentile_that_is_judged_comes_closer_with_more_calls) {
  EXPECT_EQ(p99_at_least_ppm(100), 950'200U);
  EXPECT_EQ(p99_at_least_ppm(10'000), 986'020U);
  EXPECT_EQ(p99_at_least_ppm(1), 592'005U);
  EXPECT_GT(p99_at_least_ppm(1'000'000'000), 989'980U);
}

TEST(Canary, a_budget_that_is_broken_at_two_looks_ends_it_whatever_the_rest_does) {
  const auto looks = [](int over) {
    return CanarySample{
        .part = kGood, .rest = kSilent, .budget = {over, over == 0 ? "" : "p99 of a is 2 ms"}};
  };
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched({looks(1)})));
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched({looks(1), looks(1)}))) << "nothing new of it";
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched({looks(1), looks(0), looks(1)})));
  EXPECT_EQ(std::get<CanaryApply>(watched({looks(1), looks(0), looks(0), looks(0)})).part, CanaryPart::kRest);
  const CanaryAction twice = watched({looks(1), looks(2)});
  EXPECT_EQ(std::get<CanaryApply>(twice).part, CanaryPart::kBack);
  EXPECT_EQ(std::get<CanaryApply>(twice).reason, "p99 of a is 2 ms");
  const std::vector<CanarySample> last{looks(0), looks(0), looks(0), looks(1)};
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched(last)));
}

// One stall of a machine is in the calls of one look; the calls that come then are quick, or there are none.
TEST(Canary, a_slow_look_at_the_end_is_looked_at_again) {
  const CanarySample good{.part = kGood, .rest = kGood}, slow{.part = kSlow, .rest = kGood},
      nothing{.part = kNoNewCalls, .rest = kNoNewCalls};
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched({good, good, good, slow})));
  EXPECT_EQ(std::get<CanaryApply>(watched({good, good, good, slow, good})).part, CanaryPart::kRest);
  EXPECT_EQ(std::get<CanaryApply>(watched({good, good, good, slow, slow})).part, CanaryPart::kBack);
  EXPECT_EQ(std::get<CanaryApply>(watched({good, good, good, slow, nothing})).part, CanaryPart::kBack);
  EXPECT_EQ(std::get<CanaryApply>(watched({slow, nothing, slow})).part, CanaryPart::kBack);
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched({slow, good, slow})));
}

TEST(Canary, what_nobody_called_is_not_promoted) {
  const std::vector<CanarySample> silence(4, {.part = kSilent, .rest = kGood});
  EXPECT_EQ(std::get<CanaryApply>(watched(silence)).part, CanaryPart::kBack);
  EXPECT_EQ(std::get<CanaryApply>(watched(silence, Unused::kStays)).part, CanaryPart::kRest);
  const std::vector<CanarySample> deaf(4, {.part = {.asked = 5}, .rest = kGood});
  EXPECT_EQ(std::get<CanaryApply>(watched(deaf)).part, CanaryPart::kBack);
  EXPECT_EQ(std::get<CanaryApply>(watched(deaf, Unused::kStays)).part, CanaryPart::kRest)
      << "events and long calls are not answered in a window";
  const std::vector<CanarySample> good(4, {.part = kGood, .rest = kSilent});
  EXPECT_EQ(std::get<CanaryApply>(watched(good)).part, CanaryPart::kRest);
}

TEST(CanarySplit, part_and_rest_make_the_plan_for_every_share) {
  for (const std::uint32_t count : {2U, 3U, 10U, 100U}) {
    const Move one = move(count);
    const Graph target = *model::apply_to(one.base, one.plan);
    for (const int percent : {1, 10, 33, 50, 99, 100}) {
      const auto split = canary_split(one.plan, one.base, percent);
      ASSERT_TRUE(split) << split.error().message;
      EXPECT_GE(split->routes, 1U);
      EXPECT_EQ(split->routes < split->of, percent < 100);
      EXPECT_EQ(split->part.routes_add.size(), split->part.routes_del.size()) << "a consumer lost its route";
      const Graph between = *model::apply_to(one.base, split->part);
      EXPECT_EQ(*model::apply_to(between, split->rest), target);
      EXPECT_EQ(*model::apply_to(between, model::inverse(split->part, model::graph_root(between))), one.base);
      EXPECT_EQ(canary_split(one.plan, one.base, percent)->part, split->part) << "the choice is not the same";
    }
  }
}

// A planner gives the lowest numbers that are free, so those of routes that go are given again.
TEST(CanarySplit, numbers_that_are_given_again_go_together) {
  for (const std::uint32_t shift : {0U, 1U, 3U}) {
    Move one = move(8);
    for (std::uint32_t i = 0; i < 8; ++i) one.plan.routes_add[i].id = RouteId{(i + shift) % 8 + 1};
    one.plan.order = {};
    const Graph target = *model::apply_to(one.base, one.plan);
    for (const int percent : {1, 25, 100}) {
      const auto split = canary_split(one.plan, one.base, percent);
      if (shift != 0 && percent < 100) {  // one after the other, round to the first
        ASSERT_FALSE(split);
        EXPECT_EQ(split.error().code, Code::kBadArgument);
        continue;
      }
      ASSERT_TRUE(split) << split.error().message;
      EXPECT_EQ(split->routes, percent == 100 ? 8U : percent == 25 ? 2U : 1U);
      EXPECT_EQ(*model::apply_to(*model::apply_to(one.base, split->part), split->rest), target);
    }
  }
}

TEST(CanarySplit, the_whole_leaves_nothing_that_the_plan_deletes) {
  Move one = move(2);
  one.plan.routes_add.pop_back();
  one.plan.order = {};
  EXPECT_EQ(canary_split(one.plan, one.base, 100)->part.routes_del.size(), 2U);
  EXPECT_TRUE(canary_split(one.plan, one.base, 100)->rest.routes_del.empty());
}

TEST(CanarySplit, ten_percent_of_ten_is_one_and_of_nothing_is_refused) {
  const Move ten = move(10);
  EXPECT_EQ(canary_split(ten.plan, ten.base, 10)->routes, 1U);
  const Move one = move(1);
  EXPECT_EQ(canary_split(one.plan, one.base, 10).error().code, Code::kBadArgument);
  EXPECT_EQ(canary_split(one.plan, one.base, 100)->routes, 1U) << "the whole of it may be watched";
  EXPECT_EQ(canary_split(ten.plan, ten.base, 0).error().code, Code::kBadArgument);
  EXPECT_EQ(canary_split(ten.plan, ten.base, 101).error().code, Code::kBadArgument);
}

}  // namespace
}  // namespace rtt::apply
