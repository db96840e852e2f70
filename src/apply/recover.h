// SPDX-License-Identifier: Apache-2.0
// Recover: folds journal records, oldest first, into what is true now and what a crash left unfinished.
//
// The graph of the last COMMIT is the truth, whatever was happening. A PREPARE that found neither COMMIT nor
// ABORT is dropped; a ROLLBACK that found no COMMIT was decided and is finished. `repairs` are the records
// that say so: append them in one batch before anything new, then fold them too; folding them leaves nothing
// unfinished (recover_test). A canary that was in force goes back as well: that needs the wiring, so the
// panel does it, by a change like any other.
//
// Owns: the folded state.   Thread: one.   Fails: kJournalDamaged naming the record whose payload makes no
// sense. Limits: kHistoryCommitsMax commits are kept, of the newest kHistoryGraphsMax the graphs too; another
// graph is read again when asked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apply/records.h"

namespace rtt::apply {

inline constexpr std::size_t kHistoryGraphsMax = 64;
// Whoever restarts reads them all, at some 500 bytes each, so they cannot be all there ever were.
inline constexpr std::size_t kHistoryCommitsMax = 128;

struct Entry {
  journal::RecordType type = journal::RecordType::kAudit;
  Seq seq;
  text::Json payload;
};

struct Commit {
  Seq seq;
  Digest plan_id, before, root;
  std::optional<model::Graph> graph;  // of recent commits, if it stood inline
  Verb action = Verb::kApply;
  std::string who, reason, ts;
  AcceptedChanges accepted{};
};
struct UnfinishedPrepare {
  Seq seq;
  PrepareRecord record;
};
struct UnfinishedRollback {
  Seq seq;
  RollbackRecord record;
  Digest root;  // of the graph to come back
  std::optional<model::Graph> graph;
  AcceptedChanges accepted{};  // what comes back with it
};

struct WatchedCanary {  // a part of a plan is in force, and nobody said yet that the rest follows
  Seq seq;              // of its COMMIT
  Digest before;        // root of the graph to go back to
  friend bool operator==(const WatchedCanary&, const WatchedCanary&) = default;
};

// What is left of commits older than those kept: nothing leads back to them.
struct Forgotten {
  Seq seq;                     // of the newest of them; 0: none
  bool wired = false;          // one of them changed the graph
  AcceptedChanges accepted{};  // all of them together
};

struct Recovered {
  Seq seq;                            // of the last COMMIT; 0 = the empty graph
  Digest root;                        // of the graph in force
  std::optional<model::Graph> graph;  // nothing: not inline, load it by `root`
  std::optional<Digest> plan_id;      // nothing at seq 0
  std::vector<Commit> history;        // the last COMMITs, oldest first
  Forgotten forgotten{};              // those before
  std::optional<UnfinishedPrepare> prepare;
  std::optional<UnfinishedRollback> rollback;
  std::optional<WatchedCanary> canary;
  std::optional<WatchedCanary> canary_before;  // the last commit: in force again if that is taken back
};

class Fold {
 public:
  Fold();
  explicit Fold(Recovered state) : state_(std::move(state)) {}  // goes on from there
  // REQUIRES: entries in order of seq. AUDIT entries change nothing: a reader may leave them out, unparsed.
  Status take(const Entry& entry, const KnownGraphs& known = {});
  [[nodiscard]] const Recovered& state() const { return state_; }

 private:
  Status take_commit(const Entry& entry, const KnownGraphs& known);
  void follow_canary(const CommitRecord& record, Seq seq);
  Status take_rollback(const Entry& entry);
  Status take_checkpoint(const Entry& entry) const;
  void forget_oldest();
  Recovered state_;
};
Commit to_commit(Seq seq, CommitRecord record);

Result<Recovered> fold(const std::vector<Entry>& entries);

// What a restarted panel appends before anything else: an ABORT for a dropped PREPARE, a COMMIT that finishes
// a decided ROLLBACK. Payloads are without ts. Empty: the journal is settled.
std::vector<journal::NewRecord> repairs(const Recovered& recovered);
// The files that must be as these changes leave them before the repairs are appended: an interrupted commit
// may have written some of its manifests.
AcceptedChanges unfinished(const Recovered& recovered);
// From what is accepted now to what was after the commit `seq` (0: before the first).
AcceptedChanges accepted_back_to(const Recovered& recovered, Seq seq);

// The commit with this seq (0 = the empty graph is no commit). kNotACommit names the nearest one, or says
// that it is not kept any more.
Result<const Commit*> commit_at(const Recovered& recovered, Seq seq);
// The root of the graph that undoing the last commit leads to. A promotion goes back with its canary: the two
// were one change for whoever asked for it.   REQUIRES: there is a commit in the history.
Digest before_last(const Recovered& recovered);

}  // namespace rtt::apply
