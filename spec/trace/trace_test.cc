// SPDX-License-Identifier: Apache-2.0
// Goal: what the real step machine does is what the written spec says. Method: each step of the explorer,
// whose world is the code's, is projected onto the variables of spec/tla and held against Next
// (next_for_test.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <map>
#include <unordered_set>

#include "apply/explorer_for_test.h"
#include "crypto/sha256.h"
#include "next_for_test.h"

namespace rtt::spec {
namespace {

using apply::Explorer;

constexpr int kOld = 1, kNew = 2;  // the graphs; a COMMIT of the old one is the journal's first record

model::Route route(std::uint32_t id, const std::string& to) {
  return {.id = RouteId{id},
          .from = *model::parse_definition("rtt://c/agent/a@1.0.0"),
          .to = *model::parse_definition("rtt://p/tool/" + to + "@1.0.0"),
          .node_from = "local",
          .node_to = "local",
          .origin = "routes"};
}

enum class With : std::uint8_t { kRoutes, kViews, kManifests };

// alpha brings up 3 and gives up 1, then beta brings up 4; views, where there are some, come before both.
apply::Start start_of(With with) {
  apply::Start out;
  out.base.routes = {route(1, "a"), route(2, "b")};
  out.base_seq = Seq{1};
  out.plan.base = model::graph_root(out.base);
  out.plan.routes_del = {route(1, "a")};
  out.plan.routes_add = {route(3, "c"), route(4, "d")};
  out.plan.order = {{"D1", "A3"}, {"A4"}};
  out.participants = {{.name = "alpha", .routes = {RouteId{3}}, .restores = {RouteId{1}}},
                      {.name = "beta", .routes = {RouteId{4}}}};
  if (with == With::kViews) {
    out.plan.views_add = {{.provider = "codex", .root = crypto::sha256("tree")}};
    out.participants.push_back({.name = "views", .shows = apply::Participant::Shows::kViews});
  }
  if (with == With::kManifests)
    out.accepted = {{.path = ".rtt/manifests/mcp.a.json", .before = {}, .after = {.clients = true}}};
  out.plan_id = model::plan_id(out.plan);
  return out;
}

std::vector<apply::Entry> history_of(const apply::Start& start) {
  const apply::CommitRecord first{.plan_id = start.plan_id,
                                  .before = model::graph_root({}),
                                  .after = model::graph_root(start.base),
                                  .graph = start.base,
                                  .who = "key:0123456789abcdef"};
  return {{.type = journal::RecordType::kCommit, .seq = Seq{1}, .payload = to_json(first)}};
}

// The explorer's state as the variables of the spec.
class Projection {
 public:
  Projection(apply::Start start, With with)
      : start_(std::move(start)),
        target_(*model::apply_to(start_.base, start_.plan)),
        views_(with == With::kViews ? 1 : 0) {
    constants_.parties = static_cast<int>(start_.participants.size());
    constants_.accepts = with == With::kManifests;
    if (views_ != 0) constants_.forward = constants_.back = {4};
    for (const unsigned set : {1U, 2U}) constants_.forward.push_back(set);
    for (const unsigned set : {0U, 1U}) constants_.back.push_back(set);
  }
  [[nodiscard]] const Constants& constants() const { return constants_; }

  // Before the first step: the plan waits.
  [[nodiscard]] State before_start(const apply::Budget& budget) const {
    State out = init(constants_, left_of(budget));
    out.tree = out.snapshot = out.plan_target = kNew;
    out.plan_base = out.files = kOld;
    out.disk = {{.type = Type::kCommit, .from = kEmpty, .to = kOld}};
    for (Party& party : out.who) party.carries = kOld;
    out.acked = {.graph = kOld, .seq = 1};
    return out;
  }

  [[nodiscard]] State of(const Explorer::State& state) const {
    State out = before_start(state.left);
    out.plan_base = out.plan_target = kNone;
    out.m = machine(state);
    for (const char mark : state.durable_key) out.disk.push_back(record(mark));
    for (const auto& append : state.pending) out.queue.push_back(record(kMarks[place(append.what)]));
    for (const auto& news : state.news)
      out.news.push_back({.type = record(kMarks[place(news.what)]).type,
                          .seq = static_cast<int>(news.seq.value),
                          .ok = news.ok});
    out.broken = state.journal_broken;
    for (std::size_t p = 0; p < out.who.size(); ++p) out.who[p] = party(state.parties[p]);
    using Files = Explorer::State::Files;
    out.files = state.files == Files::kMixed ? kMixed : state.files == Files::kNew ? kNew : kOld;
    for (const auto& write : state.writes)
      out.writes.push_back(write.changes == start_.accepted ? kNew : kOld);
    out.refused = state.refused;
    const Said said = out.m.answer.state;
    if (said == Said::kInDoubt) out.panel = Life::kStopped;
    if (said == Said::kCommitted || said == Said::kRolledBack)
      out.acked = {.graph = out.m.answer.graph, .seq = out.m.answer.seq};
    return out;
  }

 private:
  static constexpr const char* kMarks = "PCARB";  // by Written, as in the explorer's durable_key
  static std::size_t place(apply::Written what) { return static_cast<std::size_t>(what); }

  static Record record(char mark) {
    switch (mark) {
      case 'P':
        return {.type = Type::kPrepare, .from = kOld, .to = kNew};
      case 'C':
        return {.type = Type::kCommit, .from = kOld, .to = kNew};
      case 'A':
        return {.type = Type::kAbort};
      case 'R':
        return {.type = Type::kRollback, .to = kOld};
      default:
        return {.type = Type::kCommit, .from = kNew, .to = kOld};
    }
  }

  static Left left_of(const apply::Budget& budget) {
    return {0,
            0,
            budget.nacks,
            budget.deaths,
            budget.lost_messages,
            budget.doubled_answers,
            budget.verify_failures,
            budget.journal_failures,
            budget.write_failures,
            0};
  }

  static Phase phase(const text::Json& now) {
    const std::string_view name = now.string_or("phase");
    const bool writing = now.bool_or("writing", false);
    const bool touched = now.int_or("write", 0) != 0 || now.int_or("round", 0) != 0;
    if (name == "preparing")
      return writing ? Phase::kFiling : touched ? Phase::kPreparing : Phase::kRecording;
    if (name == "aborting") return writing ? Phase::kUnfiling : Phase::kAborting;
    if (name == "rollback-prepare") return writing ? Phase::kBackFiling : Phase::kBackPreparing;
    const std::map<std::string_view, Phase> others{{"committing", Phase::kCommitting},
                                                   {"flipping", Phase::kFlipping},
                                                   {"verifying", Phase::kVerifying},
                                                   {"rollback", Phase::kBackRecording},
                                                   {"rollback-commit", Phase::kBackCommitting},
                                                   {"rollback-flip", Phase::kBackFlipping},
                                                   {"done", Phase::kIdle}};
    return others.at(name);
  }

  [[nodiscard]] unsigned bit_of(const std::string& name) const {
    for (std::size_t i = 0; i < start_.participants.size(); ++i) {
      if (start_.participants[i].name == name) return 1U << i;
    }
    ADD_FAILURE() << name;
    return 0;
  }
  [[nodiscard]] unsigned names(const text::Json& now, std::string_view field) const {
    unsigned out = 0;
    for (const text::Json& name : now.find(field)->as_array()) out |= bit_of(std::string(name.as_string()));
    return out;
  }

  [[nodiscard]] Machine machine(const Explorer::State& state) const {
    const text::Json now = state.machine->describe();
    Machine m;
    m.phase = phase(now);
    m.round = static_cast<int>(now.int_or("round", 0));
    const int views_begun = now.bool_or("views", false) ? views_ : 0;
    m.batch = 1 + views_begun + static_cast<int>(now.int_or("batch", 0));
    m.base = kOld;
    m.target = kNew;
    const int committed = static_cast<int>(now.int_or("commit_seq", 0));
    m.seq = committed != 0 ? committed : static_cast<int>(start_.base_seq.value);
    m.asked = names(now, "asked");
    m.lost = names(now, "lost");
    m.owing = names(now, "waiting");
    m.silent = names(now, "unconfirmed");
    m.timer = state.timer.has_value();
    m.checking = state.verifying;
    if (!state.answer) return m;
    const apply::Answer& answer = *state.answer;
    for (const std::string& name : answer.detached) m.detached |= bit_of(name);
    const bool new_graph = answer.graph == model::graph_root(target_);
    m.answer.seq = static_cast<int>(answer.seq.value);
    m.answer.state = answer.state == apply::Settled::kCommitted    ? Said::kCommitted
                     : answer.state == apply::Settled::kRolledBack ? Said::kRolledBack
                     : answer.state == apply::Settled::kInDoubt    ? Said::kInDoubt
                                                                   : Said::kUnchanged;
    m.answer.graph = m.answer.state == Said::kInDoubt ? kNone : new_graph ? kNew : kOld;
    return m;
  }

  // The batch in which a route is brought up; 0 for one that is brought back.
  [[nodiscard]] int batch_of(RouteId route) const {
    return route == RouteId{3} ? views_ + 1 : route == RouteId{4} ? views_ + 2 : 0;
  }

  [[nodiscard]] Party party(const Explorer::Party& from) const {
    Party out{.alive = from.alive, .carries = from.on_new ? kNew : kOld};
    for (const RouteId route : from.up) {
      if (route == RouteId{0}) {
        out.up |= 2U;  // views are the first batch
      } else if (batch_of(route) != 0) {
        out.up |= 1U << static_cast<unsigned>(batch_of(route));
      }
    }
    for (const Explorer::Letter& letter : from.inbox) out.inbox.push_back(this->letter(letter));
    using ReplyKind = Explorer::Reply::Kind;
    for (const Explorer::Reply& reply : from.outbox) {
      const Kind kind = reply.kind == ReplyKind::kPrepareDone ? Kind::kPrepared
                        : reply.kind == ReplyKind::kFlipDone  ? Kind::kFlipped
                        : reply.kind == ReplyKind::kNack      ? Kind::kNack
                                                              : Kind::kLost;
      out.outbox.push_back({.kind = kind, .round = static_cast<int>(reply.round)});
    }
    return out;
  }

  [[nodiscard]] Letter letter(const Explorer::Letter& from) const {
    const int round = static_cast<int>(from.round);
    if (from.kind == Explorer::Letter::Kind::kAbort) return {.kind = Kind::kDrop};
    if (from.kind == Explorer::Letter::Kind::kFlip)
      return {.kind = Kind::kFlip, .round = round, .what = from.to_new ? kNew : kOld};
    const bool views = from.route == RouteId{0};
    if (views ? round == 1 : batch_of(from.route) != 0)
      return {.kind = Kind::kPrepare, .round = round, .what = views ? 1 : batch_of(from.route)};
    return {.kind = Kind::kRestore, .round = round, .what = views ? 1 : views_ + 2};
  }

  apply::Start start_;
  model::Graph target_;
  int views_;
  Constants constants_;
};

struct Checked {
  apply::Report report;
  std::size_t steps = 0;
};

// Runs the explorer, each of its steps held against Next.
Checked check(With with, apply::Budget budget, apply::Bug bug) {
  const apply::Start start = start_of(with);
  const Projection projection(start, with);
  Explorer explorer(start, history_of(start), budget, bug);
  Checked out;
  std::string from;
  std::unordered_set<std::string> allowed;  // after `from`
  explorer.observe([&](const Explorer::State* before, const std::string& what, const Explorer::State& after) {
    const State now = before == nullptr ? projection.before_start(budget) : projection.of(*before);
    if (std::string told = text(now); told != from) {
      from = std::move(told);
      allowed = {from};
      for (const Successor& each : next(projection.constants(), now)) allowed.insert(text(each.state));
    }
    ++out.steps;
    const std::string to = text(projection.of(after));
    return allowed.contains(to) ? std::string()
                                : "not in the spec: " + what + "\n  from " + from + "\n  to   " + to;
  });
  out.report = explorer.run();
  return out;
}

constexpr apply::Budget kNoFault{.nacks = 0,
                                 .deaths = 0,
                                 .lost_messages = 0,
                                 .doubled_answers = 0,
                                 .journal_failures = 0,
                                 .verify_failures = 0,
                                 .write_failures = 0};

void expect_in_spec(With with, apply::Budget budget) {
  const Checked checked = check(with, budget, apply::Bug::kNone);
  EXPECT_EQ(checked.report.violation, "");
  EXPECT_GT(checked.steps, 1000U);
  EXPECT_GT(checked.report.committed, 0U);
}

TEST(SpecTrace, routes_under_refusals_deaths_and_lost_messages) {
  apply::Budget budget = kNoFault;
  budget.nacks = budget.deaths = budget.lost_messages = 1;
  expect_in_spec(With::kRoutes, budget);
}

TEST(SpecTrace, routes_under_doubled_answers_a_failing_journal_and_a_failing_verification) {
  apply::Budget budget = kNoFault;
  budget.doubled_answers = budget.journal_failures = budget.verify_failures = 1;
  expect_in_spec(With::kRoutes, budget);
}

TEST(SpecTrace, views_come_first) {
  apply::Budget budget = kNoFault;
  budget.nacks = budget.verify_failures = 1;
  expect_in_spec(With::kViews, budget);
}

TEST(SpecTrace, manifests_go_with_the_graph) {
  apply::Budget budget = kNoFault;
  budget.nacks = budget.deaths = budget.journal_failures = budget.write_failures = 1;
  expect_in_spec(With::kManifests, budget);
}

// The world of the explorer mangled between machine and participants: steps no spec allows.
class SpecTraceBug : public testing::TestWithParam<apply::Bug> {};
TEST_P(SpecTraceBug, is_a_step_the_spec_does_not_have) {
  apply::Budget budget = kNoFault;
  budget.nacks = budget.deaths = budget.lost_messages = budget.verify_failures = 1;
  const Checked checked = check(With::kRoutes, budget, GetParam());
  EXPECT_TRUE(checked.report.violation.starts_with("not in the spec")) << checked.report.violation;
}
INSTANTIATE_TEST_SUITE_P(All, SpecTraceBug,
                         testing::Values(apply::Bug::kFlipBeforeCommitIsDurable,
                                         apply::Bug::kNackCountsAsDone, apply::Bug::kLostCountsAsDone,
                                         apply::Bug::kRollbackFlipsNobody, apply::Bug::kAnswersBeforeFlip,
                                         apply::Bug::kVerifyFailureIgnored, apply::Bug::kAbortRecordForgotten,
                                         apply::Bug::kCommitsBeforePrepared));

// One run as text: what the explorer calls the step, and the state after it.
struct Written {
  State first;
  std::vector<std::string> words, lines;
};
Written run_as_text(const Projection& projection, const apply::Start& start) {
  Written out{.first = projection.before_start(kNoFault), .words = {}, .lines = {}};
  std::map<std::string, std::pair<std::string, std::string>> came_from;  // state: the one before, and how
  std::string end;
  Explorer explorer(start, history_of(start), kNoFault, apply::Bug::kNone);
  explorer.observe([&](const Explorer::State* before, const std::string& what, const Explorer::State& after) {
    const std::string from = text(before == nullptr ? out.first : projection.of(*before));
    const State to = projection.of(after);
    came_from.try_emplace(text(to), from, what);
    if (end.empty() && to.m.answer.state == Said::kCommitted) end = text(to);
    return std::string();
  });
  explorer.run();
  std::unordered_set<std::string> seen;
  while (came_from.contains(end) && seen.insert(end).second) {
    out.lines.push_back(end);
    out.words.push_back(came_from[end].second);
    end = came_from[end].first;
  }
  std::ranges::reverse(out.lines);
  std::ranges::reverse(out.words);
  return out;
}

TEST(SpecTrace, a_run_as_text_is_accepted_and_a_wrong_one_is_not) {
  const apply::Start start = start_of(With::kRoutes);
  const Projection projection(start, With::kRoutes);
  const Written run = run_as_text(projection, start);
  ASSERT_GT(run.lines.size(), 10U);
  EXPECT_EQ(refusal(projection.constants(), run.first, run.lines), "");
  if (std::getenv("RTT_TRACE") != nullptr) {
    for (std::size_t i = 0; i < run.lines.size(); ++i)
      std::printf("%s\t%s\n", run.words[i].c_str(), run.lines[i].c_str());
  }
  for (std::size_t gone = 0; gone + 1 < run.lines.size();
       ++gone) {  // no step of the spec is two of its steps
    std::vector<std::string> wrong = run.lines;
    wrong.erase(wrong.begin() + static_cast<std::ptrdiff_t>(gone));
    EXPECT_NE(refusal(projection.constants(), run.first, wrong), "") << "without line " << gone + 1;
  }
  std::vector<std::string> wrong = run.lines;
  std::swap(wrong[3], wrong[4]);
  EXPECT_NE(refusal(projection.constants(), run.first, wrong), "");
}

// tla/states.txt has what each run of tla/Runs.tla reaches. `make spec` compares TLC with the same numbers: a
// port that reaches as many states by as many kinds of steps as the text it was made of.
std::size_t reachable(const Constants& constants, const Left& budget) {
  std::unordered_set<std::string> seen;
  std::deque<State> open{init(constants, budget)};
  seen.insert(text(open.front()));
  while (!open.empty()) {
    const State now = std::move(open.front());
    open.pop_front();
    for (Successor& each : next(constants, now)) {
      if (seen.insert(text(each.state)).second) open.push_back(std::move(each.state));
    }
  }
  return seen.size();
}

//                      edits plans nacks deaths losses doubles verifies journals files crashes
constexpr Left kWiring{0, 1, 1, 1, 0, 0, 1, 0, 0, 0}, kMessages{0, 1, 1, 0, 1, 1, 0, 0, 0, 0},
    kCrashes{1, 2, 0, 0, 0, 0, 0, 0, 0, 1}, kFiles{0, 1, 1, 0, 0, 0, 0, 1, 1, 1},
    kViews{0, 1, 1, 0, 0, 0, 0, 0, 0, 1};

TEST(SpecNext, reaches_as_many_states_as_tlc) {
  const Constants two{.parties = 2, .forward = {1, 2}, .back = {0, 1}};
  const Constants files{.parties = 2, .forward = {1, 2}, .back = {0, 1}, .accepts = true};
  const Constants views{.parties = 3, .forward = {4, 3}, .back = {4, 1}};
  const std::map<std::string, std::size_t> reached{{"wiring", reachable(two, kWiring)},
                                                   {"messages", reachable(two, kMessages)},
                                                   {"crashes", reachable(two, kCrashes)},
                                                   {"files", reachable(files, kFiles)},
                                                   {"views", reachable(views, kViews)}};
  std::ifstream file(RTT_SPEC_STATES);
  std::map<std::string, std::size_t> written;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t space = line.find(' ');
    written[line.substr(0, space)] = std::stoul(line.substr(space + 1));
  }
  EXPECT_EQ(reached, written);
}

}  // namespace
}  // namespace rtt::spec
