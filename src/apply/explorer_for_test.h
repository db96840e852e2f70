// SPDX-License-Identifier: Apache-2.0
// Explorer: every run of one plan through the real TwoPhase machine and the real recovery, by depth-first
// search.
//
// The world around the machine is as hostile as budgets allow: participants answer, refuse, answer twice,
// die; messages to them get lost; timers fire at any time; the journal writes late, fails, or fails after
// having written; the panel is killed in every state. Messages to one participant keep their order,
// everything else interleaves freely. In every state the laws of `violation` are checked; a state in which
// nothing but a fault could happen next must have given its answer. Bugs are seeded by mangling what passes
// between the machine and this world.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "apply/recover.h"
#include "apply/two_phase.h"

namespace rtt::apply {

enum class Bug : std::uint8_t {
  kNone,
  kFlipBeforeCommitIsDurable,  // the COMMIT is reported durable when it is only handed over
  kNackCountsAsDone,
  kLostCountsAsDone,
  kStaleAnswersCount,    // an answer of an earlier round is taken for the present one
  kRollbackFlipsNobody,  // flips back are confirmed without being sent
  kAnswersBeforeFlip,
  kVerifyFailureIgnored,
  kTimerNeverFires,
  kAbortRecordForgotten,
  kDoubtIsCalledRollback,  // a failed COMMIT is answered as if it were surely not written
  kRecoveryDropsCommit,
  kRecoveryForgetsRollback,
  kRecoveryKeepsPrepare,
  kCommitsBeforePrepared,  // every Prepare is answered at once, unseen
  kRecoveryLeavesFiles,    // manifests that an unfinished commit wrote are not put back
  kWriteFailureIgnored,    // manifests that could not be written are said to be
};
inline constexpr int kBugCount = 17;

struct Budget {  // how often each fault may happen in one run
  int nacks = 1, deaths = 1, lost_messages = 1, doubled_answers = 1, journal_failures = 1,
      verify_failures = 1, write_failures = 1;
};

struct Report {
  std::size_t states = 0, transitions = 0, finished = 0, committed = 0, rolled_back = 0, in_doubt = 0;
  std::string violation;           // empty: none
  std::vector<std::string> trace;  // how it came about
};

class Explorer {
 public:
  Explorer(Start start, std::vector<Entry> history, Budget budget, Bug bug);
  Report run();

  struct Letter {
    enum class Kind : std::uint8_t { kPrepare, kFlip, kAbort } kind = Kind::kPrepare;
    std::uint32_t round = 0;
    bool to_new = false;
    RouteId route;
  };
  struct Reply {
    enum class Kind : std::uint8_t { kPrepareDone, kNack, kFlipDone, kLost } kind = Kind::kPrepareDone;
    std::uint32_t round = 0;
    RouteId route;
  };
  struct Party {
    std::deque<Letter> inbox;
    std::deque<Reply> outbox;
    bool alive = true, on_new = false;
    std::vector<RouteId> up;  // prepared
  };
  struct Step {
    std::string what;
    std::shared_ptr<const Step> before;
  };
  struct Append {
    Entry entry;
    Written what = Written::kPrepare;
  };
  struct JournalNews {
    Written what = Written::kPrepare;
    Seq seq;
    bool ok = true;
  };
  struct State {
    std::shared_ptr<const TwoPhase> machine;
    std::vector<Party> parties;
    std::deque<Append> pending;
    std::deque<JournalNews> news;
    std::vector<std::shared_ptr<const Entry>> durable;
    std::string durable_key;
    std::deque<WriteAccepted> writes;
    enum class Files : std::uint8_t { kOld, kNew, kMixed } files = Files::kOld;
    bool journal_broken = false, write_broken = false, verifying = false, refused = false;
    std::optional<std::uint32_t> timer;
    std::optional<Answer> answer;
    Budget left;
    std::shared_ptr<const Step> trace;
  };
  // Is shown every step as it is taken; the first one has no state before it. What it returns, unless empty,
  // is the violation that ends the search.
  using Observer =
      std::function<std::string(const State* before, const std::string& what, const State& after)>;
  void observe(Observer observer) { observer_ = std::move(observer); }

 private:
  [[nodiscard]] std::string key(const State& state) const;
  [[nodiscard]] std::string violation(const State& state);
  [[nodiscard]] std::string crash_violation(const State& state);
  [[nodiscard]] std::string files_violation(const State& state, const Recovered& recovered) const;
  [[nodiscard]] std::string answer_violation(const State& state, const Recovered& recovered) const;
  [[nodiscard]] const Recovered* recovered(const State& state);
  // Pushes every next state; returns whether one of them is no fault.
  bool expand(const State& state);
  bool expand_parties(const State& state);
  bool expand_journal(const State& state);
  bool expand_files(const State& state);
  bool expand_rest(const State& state);
  void push(State next, std::string what);
  void feed(State& state, const Event& event);
  void perform(State& state, const std::vector<Action>& actions);
  void views_come_first(const State& state);
  void perform_append(State& state, const AppendJournal& action);
  void perform_letter(State& state, const std::string& name, Letter letter);
  void deliver(State& state, std::size_t party, const Reply& reply);
  void note(const State& state, std::string violation);

  Start start_;
  model::Graph target_;
  Digest old_root_, new_root_;
  Budget budget_;
  Bug bug_;
  std::vector<Entry> history_;
  std::vector<State> stack_;
  std::unordered_set<std::string> seen_;
  std::unordered_map<std::string, Recovered> folded_;
  std::unordered_map<std::string, std::string> crashes_;
  Report report_;
  Observer observer_;
  const State* expanded_ = nullptr;  // whose next states are being pushed
};

}  // namespace rtt::apply
