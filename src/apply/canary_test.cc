// SPDX-License-Identifier: Apache-2.0
// Goal: a canary always ends, in force as a whole or not at all, says why, and a panel that dies in any state
// of it leaves a journal from which it is taken back. Method: every run of the real machine over the real
// recovery, against figures that are good, bad, slow or missing; then the split as a law over many plans.
#include "apply/canary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>

#include "apply/recover.h"
#include "crypto/sha256.h"

namespace rtt::apply {
namespace {

using model::Graph;
using model::Plan;
using model::Route;
using Outcome = CanarySettled::Outcome;
using State = CanaryAnswer::State;

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
    .asked = 100, .answered = 100, .errors = 0, .p99_ns = 10'000, .p99_at_least_ns = 10'000};
constexpr CanaryFigures kFailing{
    .asked = 100, .answered = 100, .errors = 50, .p99_ns = 10'000, .p99_at_least_ns = 10'000};
constexpr CanaryFigures kSlow{
    .asked = 100, .answered = 100, .errors = 0, .p99_ns = 9'000'000, .p99_at_least_ns = 9'000'000};
constexpr CanaryFigures kSilent{};
constexpr CanaryFigures kUnanswered{
    .asked = 5, .answered = 0, .errors = 0, .p99_ns = 0, .p99_at_least_ns = 0};

struct World {
  Canary machine;
  std::vector<std::shared_ptr<const Entry>> journal;
  std::string key;  // tells journals apart
  Instant now;
  std::optional<CanaryPart> applying;
  std::optional<Instant> look;
  std::optional<CanaryAnswer> answer;
  CanaryFigures last;
  bool cancelled = false, crossed = false;  // asked to end; a fault was spent
};

class Runs {
 public:
  Runs() : move_(move(4)), split_(*canary_split(move_.plan, move_.base, 25)) {
    between_ = *model::apply_to(move_.base, split_.part);
    target_ = *model::apply_to(between_, split_.rest);
    between_root_ = model::graph_root(between_);
    target_root_ = model::graph_root(target_);
  }
  void all() {
    World first;
    commit(first, Verb::kApply, {}, move_.base);
    feed(first, CanaryStart{nanos_from_ms(1000)});
    visit(first);
  }
  std::size_t promoted = 0, rolled_back = 0, stays = 0, in_doubt = 0, states = 0;

 private:
  const Graph& graph_after(CanaryPart part) const {
    return part == CanaryPart::kPart ? between_ : part == CanaryPart::kRest ? target_ : move_.base;
  }
  static Verb verb_of(CanaryPart part) {
    return part == CanaryPart::kPart   ? Verb::kCanary
           : part == CanaryPart::kRest ? Verb::kPromote
                                       : Verb::kRollback;
  }
  static void append(World& world, journal::RecordType type, text::Json payload) {
    const Seq seq{world.journal.size() + 1};
    world.key += std::to_string(static_cast<int>(type)) + std::string(payload.string_or("action")) +
                 std::string(payload.string_or("after")) + ' ';
    world.journal.push_back(
        std::make_shared<Entry>(Entry{.type = type, .seq = seq, .payload = std::move(payload)}));
  }
  // Each content of the journal is folded once.
  const Recovered& recovered(const World& world) {
    const auto known = folded_.find(world.key);
    if (known != folded_.end()) return known->second;
    std::vector<Entry> entries;
    for (const auto& entry : world.journal) entries.push_back(*entry);
    const auto found = fold(entries);
    EXPECT_TRUE(found) << found.error().message;
    return folded_.emplace(world.key, found.value_or(Recovered())).first->second;
  }
  void commit(World& world, Verb verb, const Graph& from, const Graph& to) {
    append(world, journal::RecordType::kCommit,
           to_json(CommitRecord{.plan_id = crypto::sha256(std::to_string(world.journal.size())),
                                .before = model::graph_root(from),
                                .after = model::graph_root(to),
                                .graph = to,
                                .who = "key:1",
                                .action = verb}));
  }
  // As TwoPhase takes a commit back: decided, then a second COMMIT with the plan's id.
  void take_back(World& world, Seq to, const Graph& from, const Graph& graph) {
    const Digest plan = recovered(world).history.back().plan_id;
    append(world, journal::RecordType::kRollback, to_json(RollbackRecord{.to_seq = to, .plan_id = plan}));
    CommitRecord record{.plan_id = plan,
                        .before = model::graph_root(from),
                        .after = model::graph_root(graph),
                        .graph = graph,
                        .who = "key:1",
                        .action = Verb::kRollback};
    append(world, journal::RecordType::kCommit, to_json(record));
  }

  void feed(World& world, const CanaryEvent& event) {
    for (const CanaryAction& action : world.machine.step(event, world.now)) {
      ASSERT_FALSE(world.answer) << "acts after its answer";
      if (const auto* part = std::get_if<CanaryApply>(&action)) {
        world.applying = part->part;
        world.look.reset();
      } else if (const auto* look = std::get_if<CanaryLookAt>(&action)) {
        world.look = look->at;
      } else {
        world.answer = std::get<CanaryAnswer>(action);
      }
    }
  }

  void visit(const World& world) {
    ASSERT_LT(++states, 200'000U) << "a run without an end";
    crash(world);
    if (world.answer) return judge(world);
    ASSERT_TRUE(world.applying || world.look) << "nothing can move it";
    if (world.applying) visit_transition(world);
    if (world.look) visit_looks(world);
    if (world.cancelled) return;
    World next = world;
    next.cancelled = true;
    feed(next, CanaryCancelled{"undo"});
    visit(next);
    next = world;
    next.cancelled = true;
    feed(next, CanaryLost{"its host ended"});
    visit(next);
  }

  void visit_transition(const World& world) {
    const CanaryPart part = *world.applying;
    const Recovered& before = recovered(world);
    World done = world;
    done.applying.reset();
    commit(done, verb_of(part), *before.graph, graph_after(part));
    crash(done);  // durable, and the machine does not know
    World back = done;
    feed(done, CanarySettled{.part = part, .outcome = Outcome::kDone});
    visit(done);
    if (world.crossed && part != CanaryPart::kBack) return;
    const Error no{.code = Code::kNack, .message = "refused"};
    take_back(back, before.seq, graph_after(part), *before.graph);
    back.crossed = true;
    feed(back, CanarySettled{.part = part, .outcome = Outcome::kRefused, .reason = no});
    visit(back);
    World refused = world;
    refused.applying.reset();
    refused.crossed = true;
    feed(refused, CanarySettled{.part = part, .outcome = Outcome::kRefused, .reason = no});
    visit(refused);
    World doubt = world;
    doubt.applying.reset();
    feed(doubt, CanarySettled{.part = part, .outcome = Outcome::kInDoubt, .reason = no});
    visit(doubt);
  }

  void visit_looks(const World& world) {
    for (const CanaryFigures& figures : {kGood, kFailing, kSlow, kSilent, kUnanswered}) {
      World next = world;
      next.now = *world.look;
      next.look.reset();
      next.last = figures;
      feed(next, CanarySample{.part = figures, .rest = kGood});
      visit(next);
    }
  }

  // The next panel takes a watched canary back, and nothing else.
  void crash(const World& world) {
    const Recovered& found = recovered(world);
    const bool is_part = found.root == between_root_;
    ASSERT_EQ(found.canary.has_value(), is_part) << "a part is in force, and recovery does not know";
    if (is_part) {
      ASSERT_EQ(found.canary->before, move_.plan.base);
    }
  }

  void judge(const World& world) {
    const Digest root = recovered(world).root;
    switch (world.answer->state) {
      case State::kPromoted:
        ++promoted;
        EXPECT_EQ(root, target_root_);
        EXPECT_EQ(world.last, kGood) << "promoted on bad figures";
        return;
      case State::kRolledBack:
        ++rolled_back;
        EXPECT_EQ(root, move_.plan.base);
        EXPECT_FALSE(world.answer->reason.message.empty());
        return;
      case State::kStays:
        ++stays;
        EXPECT_EQ(root, between_root_);
        return;
      case State::kInDoubt:
        ++in_doubt;
        return;
    }
  }

  Move move_;
  CanarySplit split_;
  Graph between_, target_;
  Digest between_root_, target_root_;
  std::unordered_map<std::string, Recovered> folded_;
};

TEST(Canary, every_run_ends_whole_or_not_at_all_and_survives_a_crash) {
  Runs runs;
  runs.all();
  EXPECT_GT(runs.promoted, 0U);
  EXPECT_GT(runs.rolled_back, 100U);
  EXPECT_GT(runs.stays, 0U);
  EXPECT_GT(runs.in_doubt, 0U);
}

// The machine in its window, at the looks given; the last answer of its own is what it does then.
CanaryAction watched(const std::vector<CanarySample>& samples) {
  Canary machine;
  machine.step(CanaryStart{nanos_from_ms(1000)}, Instant{0});
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
  stalled.p99_ns = kSlow.p99_ns;
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
  const CanarySample broken{.part = kGood, .rest = kSilent, .over_budget = "p99 of a is 2 ms, not 1 ms"};
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched({broken})));
  EXPECT_TRUE(std::holds_alternative<CanaryLookAt>(watched({broken, {.part = kGood, .rest = kSilent}})));
  const CanaryAction twice = watched({broken, broken});
  EXPECT_EQ(std::get<CanaryApply>(twice).part, CanaryPart::kBack);
  EXPECT_EQ(std::get<CanaryApply>(twice).reason, broken.over_budget);
}

TEST(Canary, what_nobody_called_is_not_promoted) {
  const std::vector<CanarySample> silence(4, {.part = kSilent, .rest = kGood});
  EXPECT_EQ(std::get<CanaryApply>(watched(silence)).part, CanaryPart::kBack);
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
