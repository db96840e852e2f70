// SPDX-License-Identifier: Apache-2.0
// Goal: what the real step machine does is what the written spec says. Method: each step of the explorer
// (tests/sim/explore), whose world is the code's, is projected onto the variables of spec/tla and held
// against Next (next_for_test.h). That a step of another machine would be refused is held by seeded bugs
// (CMakeLists.txt).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <span>
#include <unordered_set>

#include "base/assert.h"
#include "next_for_test.h"
#include "seen.h"
#include "world.h"

namespace rtt::spec {
namespace {

using explore::Faults;
using explore::ScenarioOptions;

constexpr int kOld = 1, kNew = 2;  // the graphs; a COMMIT of the old one is the journal's first record

// A state of the explorer, and what only the spec keeps: the batches that a participant ever brought up, of
// which the explorer's forgets those that carry.
struct Place {
  explore::State world;
  std::array<unsigned, explore::kPartiesMax> up{};
};
static_assert(std::has_unique_object_representations_v<Place>, "places are told apart by their bytes");

// A place as the variables of the spec. The first participant brings up route 3 and gives up 1, then the
// second one brings up 4; views, where there are some, come before both.
class Projection {
 public:
  Projection(const explore::Scenario& scenario, const explore::MachineTable& machines,
             const explore::DiskTable& disks)
      : scenario_(scenario), machines_(machines), disks_(disks) {
    constants_.parties = static_cast<int>(scenario.start.participants.size());
    constants_.accepts = !scenario.start.accepted.empty();
    views_ = constants_.parties - 2;
    if (views_ != 0) constants_.forward = constants_.back = {4};
    for (const unsigned set : {1U, 2U}) constants_.forward.push_back(set);
    for (const unsigned set : {0U, 1U}) constants_.back.push_back(set);
  }
  [[nodiscard]] const Constants& constants() const { return constants_; }

  // Before the first step: the plan waits.
  [[nodiscard]] State before_start(const Faults& left) const {
    State out = init(constants_, {0, 0, left.nacks, left.deaths, left.lost, left.doubled, left.verify,
                                  left.journal, left.files, 0});
    out.tree = out.snapshot = out.plan_target = kNew;
    out.plan_base = out.files = kOld;
    out.disk = {{.type = Type::kCommit, .from = kEmpty, .to = kOld}};
    for (Party& party : out.who) party.carries = kOld;
    out.acked = {.graph = kOld, .seq = 1};
    return out;
  }

  [[nodiscard]] State of(const Place& place) const {
    const explore::State& world = place.world;
    State out = before_start(world.left);
    out.plan_base = out.plan_target = kNone;
    out.m = machine(world);
    for (std::uint32_t at = world.disk; at != disks_.first(); at = disks_.at(at).before)
      out.disk.insert(out.disk.begin() + 1, record(machines_.records()[disks_.at(at).record].what));
    for (const std::uint16_t append : world.pending) {
      if (append != 0) out.queue.push_back(record(machines_.records()[append - 1U].what));
    }
    for (const explore::State::News& news : world.news) {
      const auto what = static_cast<apply::Written>(news.what);
      if (news.there != 0)
        out.news.push_back({.type = record(what).type, .seq = news.seq, .ok = news.ok != 0});
    }
    out.broken = world.journal_broken != 0;
    for (std::size_t p = 0; p < out.who.size(); ++p) out.who[p] = party(world.parties[p], place.up[p]);
    using Files = explore::State::Files;
    out.files = world.files == Files::kHalf ? kMixed : world.files == Files::kNew ? kNew : kOld;
    for (const explore::State::Write& write : world.writes) {
      if (write.number != 0) out.writes.push_back(write.to_new != 0 ? kNew : kOld);
    }
    out.refused = world.refused != 0;
    const Said said = out.m.answer.state;
    if (said == Said::kInDoubt) out.panel = Life::kStopped;
    if (said == Said::kCommitted || said == Said::kRolledBack)
      out.acked = {.graph = out.m.answer.graph, .seq = out.m.answer.seq};
    return out;
  }

  [[nodiscard]] Place after(const Place& from, const explore::Next& next) const {
    Place out{.world = next.state, .up = from.up};
    if (next.step.kind != explore::Step::Kind::kObeys) return out;
    unsigned& up = out.up[next.step.party];
    const Letter obeyed = letter(next.step.letter);
    if (obeyed.kind == Kind::kPrepare) up |= 1U << static_cast<unsigned>(obeyed.what);
    if (obeyed.kind == Kind::kDrop) up = 0;
    return out;
  }

 private:
  static Record record(apply::Written what) {
    switch (what) {
      case apply::Written::kPrepare:
        return {.type = Type::kPrepare, .from = kOld, .to = kNew};
      case apply::Written::kCommit:
        return {.type = Type::kCommit, .from = kOld, .to = kNew};
      case apply::Written::kAbort:
        return {.type = Type::kAbort};
      case apply::Written::kRollback:
        return {.type = Type::kRollback, .to = kOld};
      case apply::Written::kRollbackCommit:
        return {.type = Type::kCommit, .from = kNew, .to = kOld};
    }
    RTT_ASSERT(false);
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

  [[nodiscard]] unsigned names(const text::Json& now, std::string_view field) const {
    const auto& all = scenario_.start.participants;
    unsigned out = 0;
    for (const text::Json& name : now.find(field)->as_array()) {
      const auto at = std::ranges::find(all, name.as_string(), &apply::Participant::name);
      RTT_ASSERT(at != all.end());
      out |= 1U << static_cast<unsigned>(at - all.begin());
    }
    return out;
  }

  [[nodiscard]] Machine machine(const explore::State& world) const {
    const text::Json now = machines_.machine(world.machine).describe();
    Machine m;
    m.phase = phase(now);
    m.round = static_cast<int>(now.int_or("round", 0));
    const int views_begun = now.bool_or("views", false) ? views_ : 0;
    m.batch = 1 + views_begun + static_cast<int>(now.int_or("batch", 0));
    m.base = kOld;
    m.target = kNew;
    const int committed = static_cast<int>(now.int_or("commit_seq", 0));
    m.seq = committed != 0 ? committed : static_cast<int>(scenario_.start.base_seq.value);
    m.asked = names(now, "asked");
    m.lost = names(now, "lost");
    m.owing = names(now, "waiting");
    m.silent = names(now, "unconfirmed");
    m.timer = world.timer != 0;
    m.checking = world.verifying != 0;
    if (world.answered == 0) return m;
    m.detached = world.detached;
    const auto settled = static_cast<apply::Settled>(world.settled);
    m.answer.seq = world.answer_seq;
    m.answer.state = settled == apply::Settled::kCommitted    ? Said::kCommitted
                     : settled == apply::Settled::kRolledBack ? Said::kRolledBack
                     : settled == apply::Settled::kInDoubt    ? Said::kInDoubt
                                                              : Said::kUnchanged;
    m.answer.graph = m.answer.state == Said::kInDoubt ? kNone : world.answer_side == 1 ? kNew : kOld;
    return m;
  }

  [[nodiscard]] Party party(const explore::Party& from, unsigned up) const {
    Party out{.alive = from.alive != 0, .carries = from.on_new != 0 ? kNew : kOld, .up = up};
    for (std::size_t i = 0; i < from.in; ++i) out.inbox.push_back(letter(from.inbox[i]));
    for (std::size_t i = 0; i < from.out; ++i) out.outbox.push_back(letter(from.outbox[i]));
    return out;
  }

  [[nodiscard]] Letter letter(const explore::Letter& from) const {
    using Sent = explore::Letter::Kind;
    const int round = from.round;
    switch (from.kind) {
      case Sent::kPrepare:
        return prepare(machines_.share(static_cast<std::uint8_t>(from.share - 1)), round);
      case Sent::kFlip:
        return {.kind = Kind::kFlip, .round = round, .what = from.to_new() ? kNew : kOld};
      case Sent::kAbort:
        return {.kind = Kind::kDrop};
      case Sent::kPrepareDone:
        return {.kind = Kind::kPrepared, .round = round};
      case Sent::kNack:
        return {.kind = Kind::kNack, .round = round};
      case Sent::kFlipDone:
        return {.kind = Kind::kFlipped, .round = round};
      case Sent::kLost:
        return {.kind = Kind::kLost};
      case Sent::kNone:
        break;
    }
    RTT_ASSERT(false);
  }
  // Of views or one route, by its bit; views are the first that is asked for, there and back.
  [[nodiscard]] Letter prepare(std::uint32_t share, int round) const {
    const bool views = share == 1U;
    const bool restores = views ? round != 1 : share == 1U << 1U;
    const int batch = views ? 1 : views_ + (share == 1U << 3U ? 1 : 2);
    return {.kind = restores ? Kind::kRestore : Kind::kPrepare, .round = round, .what = batch};
  }

  const explore::Scenario& scenario_;
  const explore::MachineTable& machines_;
  const explore::DiskTable& disks_;
  int views_ = 0;
  Constants constants_;
};

// Every step of every run of a scenario, those behind an answer too. A message to a participant that comes
// twice is no step of the spec, so no run goes on from there.
class Walk {
 public:
  Walk(const ScenarioOptions& options, const Faults& faults)
      : scenario_(explore::scenario(options, faults)),
        machines_(scenario_.start),
        disks_(scenario_, machines_),
        world_(scenario_, machines_, disks_),
        projection_(scenario_, machines_, disks_) {}
  [[nodiscard]] const Projection& projection() const { return projection_; }
  [[nodiscard]] State before_start() const { return projection_.before_start(scenario_.faults); }

  // Is shown each step; what it returns, unless empty, is why the walk ends.
  using Observer =
      std::function<std::string(const State& before, const std::string& what, const State& after)>;
  std::string run(const Observer& observer) {
    std::vector<Place> open{{.world = world_.first()}};
    explore::Seen seen;
    seen.open(key(open.back()));
    std::string over = observer(before_start(), "start", projection_.of(open.back()));
    std::vector<explore::Next> nexts;
    while (over.empty() && !open.empty()) {
      const Place from = open.back();
      open.pop_back();
      const State now = projection_.of(from);
      nexts.clear();
      world_.expand(from.world, nexts);
      for (const explore::Next& next : nexts) {
        if (next.step.kind == explore::Step::Kind::kMessageDoubled) continue;
        const Place to = projection_.after(from, next);
        if (over.empty()) over = observer(now, world_.words(next.step), projection_.of(to));
        if (seen.open(key(to)) == explore::Seen::Found::kNew) open.push_back(to);
      }
    }
    return over;
  }

 private:
  static explore::Fingerprint key(const Place& place) {
    return explore::fingerprint(std::as_bytes(std::span(&place, 1)));
  }

  explore::Scenario scenario_;
  explore::MachineTable machines_;
  explore::DiskTable disks_;
  explore::World world_;
  Projection projection_;
};

// Each step of a scenario, held against Next.
void expect_in_spec(const ScenarioOptions& options, const Faults& faults) {
  Walk walk(options, faults);
  std::string from;
  std::unordered_set<std::string> allowed;  // after `from`
  std::size_t steps = 0, committed = 0;
  const auto refused = walk.run([&](const State& before, const std::string& what, const State& after) {
    if (std::string told = text(before); told != from) {
      from = std::move(told);
      allowed = {from};
      for (const Successor& each : next(walk.projection().constants(), before))
        allowed.insert(text(each.state));
    }
    ++steps;
    committed += after.m.answer.state == Said::kCommitted ? 1U : 0U;
    const std::string to = text(after);
    return allowed.contains(to) ? std::string()
                                : "not in the spec: " + what + "\n  from " + from + "\n  to   " + to;
  });
  EXPECT_EQ(refused, "");
  EXPECT_GT(steps, 1000U);
  EXPECT_GT(committed, 0U);
}

TEST(SpecTrace, routes_under_refusals_deaths_and_lost_messages) {
  expect_in_spec({.parties = 2}, {.nacks = 1, .deaths = 1, .lost = 1});
}

TEST(SpecTrace, routes_under_doubled_answers_a_failing_journal_and_a_failing_verification) {
  expect_in_spec({.parties = 2}, {.doubled = 1, .journal = 1, .verify = 1});
}

TEST(SpecTrace, views_come_first) {
  expect_in_spec({.parties = 2, .views = ScenarioOptions::Views::kShown}, {.nacks = 1, .verify = 1});
}

TEST(SpecTrace, manifests_go_with_the_graph) {
  expect_in_spec({.parties = 2, .accepts = ScenarioOptions::Accepts::kAServer},
                 {.nacks = 1, .deaths = 1, .journal = 1, .files = 1});
}

// One run as text: what the explorer calls the step, and the state after it.
struct Written {
  std::vector<std::string> words, lines;
};
Written run_as_text(Walk& walk) {
  Written out;
  std::map<std::string, std::pair<std::string, std::string>> came_from;  // state: the one before, and how
  std::string end;
  walk.run([&](const State& before, const std::string& what, const State& after) {
    came_from.try_emplace(text(after), text(before), what);
    if (end.empty() && after.m.answer.state == Said::kCommitted) end = text(after);
    return std::string();
  });
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
  Walk walk({.parties = 2}, {});
  const Constants& constants = walk.projection().constants();
  const State first = walk.before_start();
  const Written run = run_as_text(walk);
  ASSERT_GT(run.lines.size(), 10U);
  EXPECT_EQ(refusal(constants, first, run.lines), "");
  if (std::getenv("RTT_TRACE") != nullptr) {
    for (std::size_t i = 0; i < run.lines.size(); ++i)
      std::printf("%s\t%s\n", run.words[i].c_str(), run.lines[i].c_str());
  }
  for (std::size_t gone = 0; gone + 1 < run.lines.size();
       ++gone) {  // no step of the spec is two of its steps
    std::vector<std::string> wrong = run.lines;
    wrong.erase(wrong.begin() + static_cast<std::ptrdiff_t>(gone));
    EXPECT_NE(refusal(constants, first, wrong), "") << "without line " << gone + 1;
  }
  std::vector<std::string> wrong = run.lines;
  std::swap(wrong[3], wrong[4]);
  EXPECT_NE(refusal(constants, first, wrong), "");
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
