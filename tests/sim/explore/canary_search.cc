// SPDX-License-Identifier: Apache-2.0
#include "canary_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "apply/canary.h"
#include "apply/recover.h"
#include "crypto/sha256.h"

namespace rtt::explore {
namespace {

using apply::CanaryAnswer;
using apply::CanaryFigures;
using apply::CanaryPart;
using apply::CanarySample;
using apply::CanarySettled;
using apply::Entry;
using journal::RecordType;
using Outcome = CanarySettled::Outcome;

constexpr Nanos kWindow = apply::kCanaryWindowMin;
constexpr CanaryFigures kGoodCalls{
    .asked = 100, .answered = 100, .p99_ns = 10'000, .fresh = {100, 10'000, 10'000}};
constexpr CanaryFigures kFailingCalls{
    .asked = 100, .answered = 100, .errors = 50, .p99_ns = 10'000, .fresh = {100, 10'000, 10'000}};
constexpr CanaryFigures kSlowCalls{
    .asked = 100, .answered = 100, .p99_ns = 9'000'000, .fresh = {100, 9'000'000, 9'000'000}};
constexpr CanaryFigures kNoNewCalls{.asked = 100, .answered = 100, .p99_ns = 10'000};
constexpr CanaryFigures kUnansweredCalls{.asked = 5};

enum class Seen : std::uint8_t {
  kGood,
  kFailing,
  kSlow,
  kOverOnce,
  kOverTwice,
  kNothingNew,
  kSilent,
  kUnanswered
};
struct Look {
  Seen seen = Seen::kGood;
  std::string_view words;
  CanarySample sample;
};
const std::vector<Look>& looks() {
  static const std::vector<Look> all{
      {Seen::kGood, "all is well", {.part = kGoodCalls, .rest = kGoodCalls}},
      {Seen::kFailing, "calls fail", {.part = kFailingCalls, .rest = kGoodCalls}},
      {Seen::kSlow, "calls are slow", {.part = kSlowCalls, .rest = kGoodCalls}},
      {Seen::kOverOnce,
       "a budget is broken",
       {.part = kGoodCalls, .rest = kGoodCalls, .budget = {1, "too slow"}}},
      {Seen::kOverTwice,
       "a budget is broken again",
       {.part = kGoodCalls, .rest = kGoodCalls, .budget = {2, "too slow"}}},
      {Seen::kNothingNew, "no call is new", {.part = kNoNewCalls, .rest = kGoodCalls}},
      {Seen::kSilent, "nobody calls", {.part = {}, .rest = kGoodCalls}},
      {Seen::kUnanswered, "nobody answers", {.part = kUnansweredCalls, .rest = kGoodCalls}}};
  return all;
}

struct Run {
  apply::Canary machine;
  std::vector<std::shared_ptr<const Entry>> journal;
  std::string disk;  // tells journals apart
  Instant now;
  std::optional<CanaryPart> applying;
  std::optional<Instant> look;
  std::optional<Instant> wired;  // the watch began
  std::optional<CanaryAnswer> answer;
  bool slow_before = false;   // the last look that told anything
  bool looked_again = false;  // behind the window's end
  bool guilty = false;        // there is a reason to take it back
  bool must_go = false;       // and it is known while the part is watched
  bool disturbed = false;     // the one loss, cancellation or doubled event was spent
  bool refused = false;       // the one refusal on the way forward was spent
  int backs_refused = 0;
  bool doubt = false;  // a journal failed
  Law broken = Law::kHolds;
};

class CanarySearch {
 public:
  explicit CanarySearch(apply::Unused unused)
      : unused_(unused),
        start_(scenario({.parties = 4}, {}).start),
        split_(*apply::canary_split(start_.plan, start_.base, 25)) {
    between_ = *model::apply_to(start_.base, split_.part);
    target_ = *model::apply_to(between_, split_.rest);
    between_root_ = model::graph_root(between_);
    target_root_ = model::graph_root(target_);
  }

  Report run() {
    Run first;
    commit(first, apply::Verb::kApply, {}, start_.base);
    feed(first, apply::CanaryStart{kWindow, unused_});
    visit(first, "start");
    report_.complete = report_.law == Law::kHolds && report_.states < kCanaryStatesMax;
    report_.machine_steps = report_.transitions;
    report_.disks = folded_.size();
    return std::move(report_);
  }

 private:
  const model::Graph& graph_after(CanaryPart part) const {
    return part == CanaryPart::kPart ? between_ : part == CanaryPart::kRest ? target_ : start_.base;
  }
  static apply::Verb verb_of(CanaryPart part) {
    return part == CanaryPart::kPart   ? apply::Verb::kCanary
           : part == CanaryPart::kRest ? apply::Verb::kPromote
                                       : apply::Verb::kRollback;
  }

  // ---- the journal
  static void append(Run& run, RecordType type, text::Json payload) {
    const Seq seq{run.journal.size() + 1};
    run.disk += fmt::format("{}{}{} ", static_cast<int>(type), payload.string_or("action"),
                            payload.string_or("after"));
    run.journal.push_back(
        std::make_shared<Entry>(Entry{.type = type, .seq = seq, .payload = std::move(payload)}));
  }
  // Each content of the journal is folded once.
  const apply::Recovered& recovered(Run& run) {
    if (const auto known = folded_.find(run.disk); known != folded_.end()) return known->second;
    std::vector<Entry> entries;
    for (const auto& entry : run.journal) entries.push_back(*entry);
    auto found = apply::fold(entries);
    if (found) return folded_.emplace(run.disk, *std::move(found)).first->second;
    run.broken = Law::kRecoveryRefuses;
    static const apply::Recovered nothing;
    return nothing;
  }
  static void commit(Run& run, apply::Verb verb, const model::Graph& from, const model::Graph& to) {
    append(run, RecordType::kCommit,
           to_json(apply::CommitRecord{.plan_id = crypto::sha256(std::to_string(run.journal.size())),
                                       .before = model::graph_root(from),
                                       .after = model::graph_root(to),
                                       .graph = to,
                                       .who = "key:1",
                                       .action = verb}));
  }
  // As TwoPhase takes a commit back: decided, then a second COMMIT with the plan's id.
  void take_back(Run& run, Seq to, const model::Graph& from, const model::Graph& graph) {
    const Digest plan = recovered(run).history.back().plan_id;
    append(run, RecordType::kRollback,
           to_json(apply::RollbackRecord{.to_seq = to, .plan_id = plan, .reason = {}}));
    append(run, RecordType::kCommit,
           to_json(apply::CommitRecord{.plan_id = plan,
                                       .before = model::graph_root(from),
                                       .after = model::graph_root(graph),
                                       .graph = graph,
                                       .who = "key:1",
                                       .action = apply::Verb::kRollback}));
  }

  // ---- the machine
  void feed(Run& run, const apply::CanaryEvent& event) {
    for (const apply::CanaryAction& action : run.machine.step(event, run.now)) {
      if (run.answer) run.broken = Law::kActsAfterAnswer;
      if (const auto* part = std::get_if<apply::CanaryApply>(&action)) {
        if (run.applying) run.broken = Law::kTwoAtOnce;
        if (part->part == CanaryPart::kRest && (!run.wired || run.now < *run.wired + kWindow))
          run.broken = Law::kUnverified;
        if (part->part == CanaryPart::kBack && !run.guilty) run.broken = Law::kGaveUp;
        if (part->part == CanaryPart::kBack && run.backs_refused >= 16) run.broken = Law::kEndless;
        run.applying = part->part;
        run.look.reset();
      } else if (const auto* look = std::get_if<apply::CanaryLookAt>(&action)) {
        if (look->at <= run.now) run.broken = Law::kEndless;
        run.look = look->at;
      } else {
        if (run.answer) run.broken = Law::kAnswersTwice;
        run.answer = std::get<CanaryAnswer>(action);
      }
    }
    if (run.machine.phase() == apply::Canary::Phase::kWatching && !run.wired) run.wired = run.now;
    if (run.must_go && run.look) run.broken = Law::kBadPartStays;
  }

  // Whether a run came to the very same place: the machine is compared whole, what is around it by its text.
  bool met(const Run& run) {
    const auto at = [](const std::optional<Instant>& when) { return when ? when->ns : -1; };
    const std::string around = fmt::format(
        "{}|{}|{}|{}|{}|{}|{}", run.disk, run.now.ns, run.applying ? static_cast<int>(*run.applying) : -1,
        at(run.look), at(run.wired), run.backs_refused,
        (run.slow_before ? 1 : 0) | (run.guilty ? 2 : 0) | (run.must_go ? 4 : 0) | (run.disturbed ? 8 : 0) |
            (run.refused ? 16 : 0) | (run.doubt ? 32 : 0) | (run.looked_again ? 64 : 0));
    std::vector<apply::Canary>& machines = met_[around];
    if (std::ranges::find(machines, run.machine) != machines.end()) return true;
    machines.push_back(run.machine);
    return false;
  }

  void visit(Run run, std::string_view step) {
    if (report_.law != Law::kHolds || (!run.answer && run.broken == Law::kHolds && met(run))) return;
    path_.emplace_back(step);
    ++report_.states;
    Law law = judge(run);
    if (law == Law::kHolds && report_.states >= kCanaryStatesMax) law = Law::kEndless;
    if (law != Law::kHolds) {
      report_.law = law;
      report_.trace = path_;
    } else if (!run.answer) {
      if (run.applying) visit_change(run);
      if (run.look) visit_looks(run);
      if (!run.disturbed) visit_disturbances(run);
    }
    path_.pop_back();
  }
  void next(Run run, const apply::CanaryEvent& event, std::string_view step) {
    ++report_.transitions;
    feed(run, event);
    visit(std::move(run), step);
  }

  void visit_change(Run& run) {
    const CanaryPart part = *run.applying;
    const apply::Recovered& before = recovered(run);
    const Error no{.code = Code::kNack, .message = "refused"};
    Run done = run;
    done.applying.reset();
    Run refused = done;
    Run doubt = done;
    commit(done, verb_of(part), *before.graph, graph_after(part));
    Run back = done, written = done;
    next(done, CanarySettled{.part = part, .outcome = Outcome::kDone, .reason = {}}, "the change is made");
    for (Run* each : {&doubt, &written}) {
      each->doubt = true;
      next(*each, CanarySettled{.part = part, .outcome = Outcome::kInDoubt, .reason = no},
           "the journal fails");
    }
    if (run.refused && part != CanaryPart::kBack) return;
    take_back(back, before.seq, graph_after(part), *before.graph);
    for (Run* each : {&refused, &back}) {
      each->refused = each->guilty = true;
      if (part == CanaryPart::kBack) ++each->backs_refused;
      next(*each, CanarySettled{.part = part, .outcome = Outcome::kRefused, .reason = no},
           each == &back ? "the change is taken back" : "the change is refused");
    }
  }

  void visit_looks(const Run& run) {
    for (const Look& look : looks()) {
      for (const bool late : {false, true}) {  // a loop that was busy looks when it can
        Run after = run;
        after.now = late ? *run.wired + kWindow + Nanos{1} : *run.look;
        if (late && after.now <= *run.look) continue;
        after.look.reset();
        const bool slow = look.seen == Seen::kSlow;
        const bool over = after.now >= *run.wired + kWindow;
        const bool tells =
            look.seen != Seen::kNothingNew && look.seen != Seen::kSilent && look.seen != Seen::kUnanswered;
        if (tells) after.slow_before = slow;
        const bool pending = after.slow_before || look.seen == Seen::kOverOnce;
        after.looked_again = over && pending;
        const bool unproven = unused_ == apply::Unused::kGoesBack &&
                              (look.seen == Seen::kUnanswered || look.seen == Seen::kSilent);
        after.must_go = look.seen == Seen::kFailing || look.seen == Seen::kOverTwice ||
                        (slow && run.slow_before) || (pending && run.looked_again) ||
                        (over && !pending && unproven);
        after.guilty = after.guilty || after.must_go;
        next(std::move(after), look.sample, fmt::format("{}{}", look.words, late ? ", seen late" : ""));
      }
    }
  }

  void visit_disturbances(const Run& run) {
    using Phase = apply::Canary::Phase;
    Run after = run;
    after.disturbed = true;
    for (const CanaryPart part : {CanaryPart::kPart, CanaryPart::kRest, CanaryPart::kBack}) {
      if (run.applying != part)
        next(after, CanarySettled{.part = part, .outcome = Outcome::kDone, .reason = {}},
             "an answer comes again");
    }
    Run again = after;
    again.slow_before = again.looked_again = false;
    next(std::move(again), CanarySample{.part = kGoodCalls, .rest = kGoodCalls}, "figures come again");
    after.must_go = run.machine.phase() == Phase::kWatching;
    after.guilty = after.guilty || after.must_go || run.machine.phase() == Phase::kWiring;
    next(after, apply::CanaryCancelled{"undo"}, "an undo is asked for");
    next(after, apply::CanaryLost{"its host ended"}, "a host of the part ends");
  }

  // ---- the laws
  // A panel that is killed now: the next one takes a watched part back, and nothing else.
  Law judge(Run& run) {
    if (run.broken != Law::kHolds) return run.broken;
    const apply::Recovered& found = recovered(run);
    if (run.broken != Law::kHolds) return run.broken;
    if (!found.graph) return Law::kRecoveryMixed;
    const bool is_part = found.root == between_root_;
    if (found.canary.has_value() != is_part || (is_part && found.canary->before != start_.plan.base))
      return Law::kCanaryForgotten;
    if (!run.answer) return run.applying || run.look ? Law::kHolds : Law::kHang;
    return judge_answer(run, found.root);
  }

  Law judge_answer(const Run& run, const Digest& root) {
    switch (run.answer->state) {
      case CanaryAnswer::State::kPromoted:
        ++report_.committed;
        if (root != target_root_) return Law::kAnswerGraph;
        return run.guilty || run.slow_before || run.looked_again ? Law::kCommittedAgainstWill : Law::kHolds;
      case CanaryAnswer::State::kRolledBack:
        ++report_.rolled_back;
        if (root != start_.plan.base) return Law::kAnswerGraph;
        if (run.answer->reason.message.empty()) return Law::kNoReason;
        return run.guilty ? Law::kHolds : Law::kGaveUp;
      case CanaryAnswer::State::kStays:
        ++report_.rolled_back;
        if (root != between_root_) return Law::kAnswerGraph;
        if (run.answer->reason.message.empty()) return Law::kNoReason;
        return run.backs_refused == apply::kBackTries ? Law::kHolds : Law::kGaveUp;
      case CanaryAnswer::State::kInDoubt:
        ++report_.in_doubt;
        return run.doubt ? Law::kHolds : Law::kNeedlessDoubt;
    }
    return Law::kHolds;
  }

  apply::Unused unused_;
  apply::Start start_;
  apply::CanarySplit split_;
  model::Graph between_, target_;
  Digest between_root_, target_root_;
  std::unordered_map<std::string, apply::Recovered> folded_;
  std::unordered_map<std::string, std::vector<apply::Canary>> met_;
  std::vector<std::string> path_;
  Report report_;
};

}  // namespace

Report explore_canary(apply::Unused unused) { return CanarySearch(unused).run(); }

}  // namespace rtt::explore
