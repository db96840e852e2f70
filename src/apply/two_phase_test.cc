// SPDX-License-Identifier: Apache-2.0
// Goal: the words and the order of one run at a time; the explorer proves the rest.
#include "apply/two_phase.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/sha256.h"

namespace rtt::apply {
namespace {

using journal::RecordType;
using testing::HasSubstr;

model::Route route(std::uint32_t id, const std::string& to) {
  return {.id = RouteId{id},
          .from = *model::parse_definition("rtt://c/agent/a@1.0.0"),
          .to = *model::parse_definition("rtt://p/tool/" + to + "@1.0.0"),
          .node_from = "local",
          .node_to = "local",
          .origin = "routes"};
}

Start start() {
  Start out;
  out.base.routes = {route(1, "a")};
  out.base_seq = Seq{4};
  out.plan.base = model::graph_root(out.base);
  out.plan.routes_add = {route(2, "b"), route(3, "c")};
  out.plan.routes_del = {route(1, "a")};
  out.plan.order = {{"D1", "A2"}, {"A3"}};
  out.participants = {{.name = "beta", .routes = {RouteId{3}}},
                      {.name = "alpha", .routes = {RouteId{2}}, .restores = {RouteId{1}}}};
  out.plan_id = model::plan_id(out.plan);
  out.who = "key:1";
  return out;
}

struct OneRun {
  TwoPhase machine;
  std::vector<Action> actions;
  void feed(const Event& event, Instant now = {}) { actions = machine.step(event, now); }
  template <typename T>
  [[nodiscard]] std::vector<T> all() const {
    std::vector<T> out;
    for (const Action& action : actions) {
      if (const T* found = std::get_if<T>(&action)) out.push_back(*found);
    }
    return out;
  }
  template <typename T>
  [[nodiscard]] T one() const {
    const auto found = all<T>();
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? T{} : found.front();
  }
  // Up to the point where both are asked to flip; the COMMIT is seq 6.
  void to_flip() {
    feed(start());
    feed(Durable{Written::kPrepare, Seq{5}});
    feed(PrepareDone{"alpha", 1});
    feed(PrepareDone{"beta", 2});
    feed(Durable{Written::kCommit, Seq{6}});
  }
  void to_verify() {
    to_flip();
    const auto round = all<Flip>().front().round;
    feed(FlipDone{"alpha", round});
    feed(FlipDone{"beta", round});
  }
};

TEST(TwoPhase, the_good_run_in_order) {
  OneRun run;
  run.feed(start(), Instant{100});
  EXPECT_EQ(run.one<AppendJournal>().type, RecordType::kPrepare);
  EXPECT_TRUE(run.all<Prepare>().empty());  // nothing is asked before PREPARE is durable
  run.feed(Durable{Written::kPrepare, Seq{5}}, Instant{100});
  EXPECT_EQ(run.one<Prepare>().participant, "alpha");  // batch by batch
  EXPECT_EQ(run.one<Prepare>().routes.front().id, RouteId{2});
  EXPECT_EQ(run.one<SetTimer>().deadline, Instant{100 + TwoPhaseOptions{}.prepare_max.value});
  run.feed(PrepareDone{"alpha", 1});
  EXPECT_EQ(run.one<Prepare>().participant, "beta");
  run.feed(PrepareDone{"beta", 2});
  const AppendJournal commit = run.one<AppendJournal>();
  EXPECT_EQ(commit.what, Written::kCommit);
  const auto record = commit_from_json(commit.payload, Seq{6});
  ASSERT_TRUE(record.has_value()) << record.error().message;
  EXPECT_EQ(record->before, start().plan.base);
  EXPECT_EQ(record->graph->routes.size(), 2U);
  EXPECT_EQ(record->who, "key:1");
  run.feed(Durable{Written::kCommit, Seq{6}});
  ASSERT_EQ(run.all<Flip>().size(), 2U);
  const auto round = run.all<Flip>().front().round;
  run.feed(FlipDone{"beta", round});
  EXPECT_TRUE(run.actions.empty());
  run.feed(FlipDone{"alpha", round - 1});
  EXPECT_TRUE(run.actions.empty());  // meant for an earlier round
  run.feed(FlipDone{"alpha", round});
  EXPECT_EQ(*run.one<Verify>().graph, *record->graph);
  run.feed(VerifyOk{});
  const Answer answer = run.one<Answer>();
  EXPECT_EQ(answer.state, Settled::kCommitted);
  EXPECT_EQ(answer.seq, Seq{6});
  EXPECT_EQ(answer.graph, record->after);
  EXPECT_TRUE(run.machine.finished());
}

TEST(TwoPhase, a_nack_names_participant_route_plan_and_reason) {
  OneRun run;
  run.feed(start());
  run.feed(Durable{Written::kPrepare, Seq{5}});
  run.feed(Nack{
      "alpha", 1, RouteId{2},
      Error{.code = Code::kServerStart, .message = "npx is not installed", .hint = "rtt mcp logs alpha"}});
  EXPECT_EQ(run.one<Abort>().participant, "alpha");
  EXPECT_EQ(run.one<AppendJournal>().type, RecordType::kAbort);
  run.feed(Durable{Written::kAbort, Seq{6}});
  const Answer answer = run.one<Answer>();
  EXPECT_EQ(answer.state, Settled::kRolledBack);
  EXPECT_EQ(answer.seq, Seq{4});
  EXPECT_EQ(answer.reason.code, Code::kNack);
  EXPECT_EQ(answer.reason.where, "rtt://c/agent/a@1.0.0 -> rtt://p/tool/b@1.0.0");
  EXPECT_THAT(answer.reason.message, HasSubstr("alpha refused route 2"));
  EXPECT_THAT(answer.reason.message, HasSubstr("npx is not installed"));
  EXPECT_THAT(answer.reason.message, HasSubstr(rtt::to_string(start().plan_id)));
  EXPECT_EQ(answer.reason.hint, "rtt mcp logs alpha");
  EXPECT_THAT(answer.reason.causes.front(), HasSubstr(code_name(Code::kServerStart)));
}

TEST(TwoPhase, a_failed_verification_goes_back_through_the_same_path) {
  OneRun run;
  run.to_verify();
  run.feed(VerifyFailed{Error{.code = Code::kToolFailed, .message = "echo came back wrong"}});
  const auto rollback = rollback_from_json(run.one<AppendJournal>().payload, Seq{7});
  ASSERT_TRUE(rollback.has_value());
  EXPECT_EQ(rollback->to_seq, Seq{4});
  run.feed(Durable{Written::kRollback, Seq{7}});
  EXPECT_EQ(run.one<Prepare>().participant, "alpha");  // brings the deleted route up again
  EXPECT_EQ(run.one<Prepare>().routes.front().id, RouteId{1});
  run.feed(PrepareDone{"alpha", run.one<Prepare>().round});
  const auto commit = commit_from_json(run.one<AppendJournal>().payload, Seq{8});
  ASSERT_TRUE(commit.has_value());
  EXPECT_EQ(commit->after, start().plan.base);
  EXPECT_EQ(commit->action, Verb::kRollback);
  EXPECT_EQ(commit->reason, "echo came back wrong");
  run.feed(Durable{Written::kRollbackCommit, Seq{8}});
  ASSERT_EQ(run.all<Flip>().size(), 2U);
  EXPECT_EQ(*run.all<Flip>()[0].graph, start().base);
  const auto round = run.all<Flip>()[0].round;
  run.feed(FlipDone{"alpha", round});
  run.feed(FlipDone{"beta", round});
  EXPECT_EQ(run.one<Answer>().state, Settled::kRolledBack);
  EXPECT_EQ(run.one<Answer>().seq, Seq{8});
  EXPECT_EQ(run.one<Answer>().graph, start().plan.base);
  EXPECT_TRUE(run.one<Answer>().detached.empty());
}

TEST(TwoPhase, a_silent_participant_is_waited_for_and_then_named) {
  OneRun run;
  run.to_flip();
  const SetTimer timer = run.one<SetTimer>();
  const auto round = run.all<Flip>().front().round;
  run.feed(Timeout{timer.timer - 1});
  EXPECT_TRUE(run.actions.empty());  // an older timer
  run.feed(FlipDone{"alpha", round});
  run.feed(Timeout{timer.timer});
  const auto rollback = rollback_from_json(run.one<AppendJournal>().payload, Seq{7});
  ASSERT_TRUE(rollback.has_value());
  EXPECT_THAT(rollback->reason, HasSubstr("no answer in time from beta"));
  run.feed(Durable{Written::kRollback, Seq{7}});
  run.feed(PrepareDone{"alpha", run.one<Prepare>().round});
  run.feed(Durable{Written::kRollbackCommit, Seq{8}});
  ASSERT_EQ(run.all<Flip>().size(), 2U);  // slow is not gone
  const SetTimer last = run.one<SetTimer>();
  run.feed(FlipDone{"alpha", run.all<Flip>()[0].round});
  run.feed(Timeout{last.timer});
  EXPECT_THAT(run.one<Answer>().detached, testing::ElementsAre("beta"));
}

TEST(TwoPhase, a_journal_that_fails_under_a_commit_leaves_it_in_doubt) {
  OneRun run;
  run.feed(start());
  run.feed(Durable{Written::kPrepare, Seq{5}});
  run.feed(PrepareDone{"alpha", 1});
  run.feed(PrepareDone{"beta", 2});
  run.feed(JournalFailed{Error{.code = Code::kNoSpace, .message = "disk full"}});
  EXPECT_EQ(run.one<Answer>().state, Settled::kInDoubt);
  EXPECT_TRUE(run.all<Abort>().empty());
  EXPECT_EQ(run.one<Answer>().reason.code, Code::kNoSpace);
}

// The canary that was the whole plan ends with it, or the next panel would take it back.
TEST(TwoPhase, a_promotion_of_nothing_is_committed) {
  OneRun run;
  Start nothing = start();
  nothing.plan = {.base = nothing.plan.base};
  nothing.verb = Verb::kPromote;
  run.feed(nothing);
  EXPECT_TRUE(run.all<Answer>().empty());
  EXPECT_EQ(run.one<AppendJournal>().type, journal::RecordType::kPrepare);
}

TEST(TwoPhase, a_plan_of_nothing_is_unchanged_at_once) {
  OneRun run;
  Start nothing = start();
  nothing.plan = {.base = nothing.plan.base};
  run.feed(nothing);
  EXPECT_EQ(run.one<Answer>().state, Settled::kUnchanged);
  EXPECT_EQ(run.one<Answer>().seq, Seq{4});
}

TEST(TwoPhase, an_order_that_leaves_a_route_out_is_refused) {
  OneRun run;
  Start partial = start();
  partial.plan.order = {{"D1", "A2"}};
  run.feed(partial);
  EXPECT_EQ(run.one<Answer>().state, Settled::kRolledBack);
  EXPECT_EQ(run.one<Answer>().reason.code, Code::kBadShape);
  EXPECT_TRUE(run.all<AppendJournal>().empty());
}

TEST(TwoPhase, a_large_graph_is_stored_before_its_commit) {
  OneRun run;
  Start large = start();
  large.participants.clear();
  large.plan = {.base = large.plan.base, .order = {{}}};
  for (std::uint32_t i = 2; i <= 2500; ++i) {
    model::Route each = route(i, "t" + std::to_string(i));
    each.contract = crypto::sha256("contract");
    large.plan.routes_add.push_back(each);
    large.plan.order[0].push_back("A" + std::to_string(i));
  }
  std::ranges::sort(large.plan.routes_add,
                    [](const auto& a, const auto& b) { return model::route_order(a, b) < 0; });
  run.feed(large);
  run.feed(Durable{Written::kPrepare, Seq{5}});  // nobody has to prepare: straight on
  ASSERT_EQ(run.actions.size(), 2U);
  const auto stored = run.one<StoreGraph>();
  EXPECT_EQ(crypto::sha256(*stored.text), stored.root);
  EXPECT_EQ(to_string(stored.root), run.one<AppendJournal>().payload.string_or("graph_root"));
  const SharedGraph target = run.machine.graph_with(stored.root);
  ASSERT_NE(target, nullptr);
  EXPECT_EQ(model::graph_root(*target), stored.root);
  EXPECT_EQ(model::graph_root(*run.machine.graph_with(large.plan.base)), large.plan.base);
  EXPECT_EQ(run.machine.graph_with(crypto::sha256("another")), nullptr);
  EXPECT_EQ(run.one<AppendJournal>().payload.find("graph"), nullptr);
}

// What providers are shown goes from the base's one view to two, one of them as before.
Start views_start() {
  Start out = start();
  const model::View stays{.provider = "claude", .root = crypto::sha256("stays")};
  const model::View comes{.provider = "codex", .root = crypto::sha256("comes")};
  out.base.views = {stays};
  out.plan.base = model::graph_root(out.base);
  out.plan.views_add = {comes};
  out.participants.push_back({.name = "views", .shows = Participant::Shows::kViews});
  out.plan_id = model::plan_id(out.plan);
  return out;
}

TEST(TwoPhase, all_views_are_at_hand_before_any_route_is_prepared) {
  OneRun run;
  const Start begin = views_start();
  run.feed(begin);
  run.feed(Durable{Written::kPrepare, Seq{5}});
  const auto asked = run.one<Prepare>();
  EXPECT_EQ(asked.participant, "views");
  EXPECT_TRUE(asked.routes.empty());
  EXPECT_EQ(asked.views, (std::vector{begin.base.views.front(), begin.plan.views_add.front()}));
  run.feed(Nack{
      .participant = "views", .round = asked.round, .error = {.code = Code::kStalePlan, .message = "gone"}});
  EXPECT_EQ(run.one<Abort>().participant, "views");
}

TEST(TwoPhase, views_whose_flip_fails_are_flipped_back) {
  OneRun run;
  const Start begin = views_start();
  run.feed(begin);
  run.feed(Durable{Written::kPrepare, Seq{5}});
  std::uint32_t round = 0;
  for (const char* name : {"views", "alpha", "beta"}) {
    round = run.one<Prepare>().round;
    run.feed(PrepareDone{name, round});
  }
  run.feed(Durable{Written::kCommit, Seq{6}});
  const auto flips = run.all<Flip>();
  ASSERT_EQ(flips.size(), 3U);
  EXPECT_EQ(flips[0].graph->views.size(), 2U);
  run.feed(
      Nack{.participant = "views", .round = flips[0].round, .error = {.code = Code::kIo, .message = "no"}});
  run.feed(Durable{Written::kRollback, Seq{7}});
  EXPECT_EQ(run.one<Prepare>().views, begin.base.views);
  run.feed(PrepareDone{"views", run.one<Prepare>().round});
  while (!run.all<Prepare>().empty())
    run.feed(PrepareDone{run.one<Prepare>().participant, run.one<Prepare>().round});
  run.feed(Durable{Written::kRollbackCommit, Seq{8}});
  const auto back = run.all<Flip>();
  const auto ours = std::ranges::find(back, "views", &Flip::participant);
  ASSERT_NE(ours, back.end());
  EXPECT_EQ(ours->graph->views, begin.base.views);
}

}  // namespace
}  // namespace rtt::apply
