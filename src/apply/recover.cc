// SPDX-License-Identifier: Apache-2.0
#include "apply/recover.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace rtt::apply {
namespace {

using journal::RecordType;

std::unexpected<Error> damaged(Seq seq, std::string what) {
  const std::string place = "seq " + std::to_string(seq.value);
  return fail(Code::kJournalDamaged, "record " + std::to_string(seq.value) + " " + std::move(what), place,
              "rtt audit --verify");
}

const Commit* find_commit(const std::vector<Commit>& history, Seq seq) {
  const auto at = std::lower_bound(history.begin(), history.end(), seq,
                                   [](const Commit& commit, Seq wanted) { return commit.seq < wanted; });
  return at != history.end() && at->seq == seq ? &*at : nullptr;
}

}  // namespace

Commit to_commit(Seq seq, CommitRecord record) {
  return {.seq = seq,
          .plan_id = record.plan_id,
          .before = record.before,
          .root = record.after,
          .graph = std::move(record.graph),
          .action = record.action,
          .who = std::move(record.who),
          .reason = std::move(record.reason),
          .ts = std::move(record.ts),
          .accepted = std::move(record.accepted)};
}

Fold::Fold() {
  state_.graph = model::Graph{};
  state_.root = model::graph_root(*state_.graph);
}

Status Fold::take(const Entry& entry, const KnownGraphs& known) {
  switch (entry.type) {
    case RecordType::kPrepare: {
      RTT_TRY_SET(auto record, prepare_from_json(entry.payload, entry.seq));
      state_.prepare = UnfinishedPrepare{.seq = entry.seq, .record = std::move(record)};
      return {};
    }
    case RecordType::kCommit:
      return take_commit(entry, known);
    case RecordType::kAbort: {
      RTT_TRY_SET(const auto record, abort_from_json(entry.payload, entry.seq));
      if (state_.prepare && state_.prepare->record.plan_id == record.plan_id) state_.prepare.reset();
      return {};
    }
    case RecordType::kRollback:
      return take_rollback(entry);
    case RecordType::kCheckpoint:
      return take_checkpoint(entry);
    case RecordType::kAudit:
      return {};
  }
  return damaged(entry.seq, "has no known type");
}

Status Fold::take_commit(const Entry& entry, const KnownGraphs& known) {
  RTT_TRY_SET(auto record, commit_from_json(entry.payload, entry.seq, known));
  if (record.before != state_.root) {
    return damaged(entry.seq, "commits a change of graph " + rtt::to_string(record.before) +
                                  ", but the graph is " + rtt::to_string(state_.root));
  }
  follow_canary(record, entry.seq);
  state_.seq = entry.seq;
  state_.root = record.after;
  state_.plan_id = record.plan_id;
  state_.graph = record.graph;
  state_.prepare.reset();
  state_.rollback.reset();
  state_.history.push_back(to_commit(entry.seq, std::move(record)));
  if (state_.history.size() > kHistoryCommitsMax) forget_oldest();
  if (state_.history.size() > kHistoryGraphsMax) {
    state_.history[state_.history.size() - 1 - kHistoryGraphsMax].graph.reset();
  }
  return {};
}

// A canary ends with the next commit, which promotes it or goes back, unless that commit is taken back
// itself.
void Fold::follow_canary(const CommitRecord& record, Seq seq) {
  if (state_.rollback && state_.rollback->record.plan_id == record.plan_id) {
    state_.canary = state_.canary_before;
    return;
  }
  state_.canary_before = std::exchange(state_.canary, std::nullopt);
  if (record.action == Verb::kCanary) state_.canary = WatchedCanary{.seq = seq, .before = record.before};
}

void Fold::forget_oldest() {
  const Commit& oldest = state_.history.front();
  state_.forgotten.seq = oldest.seq;
  state_.forgotten.wired = state_.forgotten.wired || oldest.before != oldest.root;
  state_.forgotten.accepted = composed(state_.forgotten.accepted, oldest.accepted);
  state_.history.erase(state_.history.begin());
}

Status Fold::take_rollback(const Entry& entry) {
  RTT_TRY_SET(auto record, rollback_from_json(entry.payload, entry.seq));
  UnfinishedRollback rollback{.seq = entry.seq, .record = std::move(record)};
  if (rollback.record.to_seq == Seq{0}) {
    rollback.graph = model::Graph{};
    rollback.root = model::graph_root(*rollback.graph);
  } else {
    const Commit* commit = find_commit(state_.history, rollback.record.to_seq);
    // Of one that is forgotten only its COMMIT, which follows, knows the graph.
    if (commit == nullptr && rollback.record.to_seq <= state_.forgotten.seq) return {};
    if (commit == nullptr) {
      return damaged(entry.seq, "rolls back to " + std::to_string(rollback.record.to_seq.value) +
                                    ", which is no commit");
    }
    rollback.root = commit->root;
    rollback.graph = commit->graph;
  }
  // It follows the COMMIT that it takes back.
  if (!state_.history.empty() && state_.history.back().plan_id == rollback.record.plan_id)
    rollback.accepted = inverse(state_.history.back().accepted);
  state_.rollback = std::move(rollback);
  return {};
}

Status Fold::take_checkpoint(const Entry& entry) const {
  const auto root = parse_digest(entry.payload.string_or("graph_root"));
  if (root && *root == state_.root) return {};
  return damaged(entry.seq, "is a checkpoint of another graph than the commits before it lead to");
}

Result<Recovered> fold(const std::vector<Entry>& entries) {
  Fold folding;
  for (const Entry& entry : entries) RTT_TRY(folding.take(entry));
  return folding.state();
}

std::vector<journal::NewRecord> repairs(const Recovered& recovered) {
  std::vector<journal::NewRecord> out;
  if (recovered.prepare) {
    const AbortRecord abort{.plan_id = recovered.prepare->record.plan_id,
                            .reason = "interrupted before its COMMIT; dropped by recovery"};
    out.push_back({.type = RecordType::kAbort, .payload = to_json(abort)});
  }
  if (recovered.rollback) {
    const UnfinishedRollback& rollback = *recovered.rollback;
    const CommitRecord commit{
        .plan_id = rollback.record.plan_id,
        .before = recovered.root,
        .after = rollback.root,
        .graph = rollback.graph ? inline_graph(*rollback.graph) : std::optional<model::Graph>(),
        .who = "recovery",
        .action = Verb::kRollback,
        .reason = rollback.record.reason,
        .accepted = rollback.accepted};
    out.push_back({.type = RecordType::kCommit, .payload = to_json(commit)});
  }
  return out;
}

AcceptedChanges unfinished(const Recovered& recovered) {
  if (recovered.rollback) return recovered.rollback->accepted;
  return recovered.prepare ? inverse(recovered.prepare->record.accepted) : AcceptedChanges();
}

AcceptedChanges accepted_back_to(const Recovered& recovered, Seq seq) {
  AcceptedChanges since;
  if (seq < recovered.forgotten.seq) since = recovered.forgotten.accepted;
  for (const Commit& commit : recovered.history) {
    if (seq < commit.seq) since = composed(since, commit.accepted);
  }
  return inverse(std::move(since));
}

Digest before_last(const Recovered& recovered) {
  RTT_ASSERT(!recovered.history.empty());
  const Commit& last = recovered.history.back();
  if (last.action != Verb::kPromote || recovered.history.size() < 2) return last.before;
  const Commit& part = recovered.history[recovered.history.size() - 2];
  return part.action == Verb::kCanary ? part.before : last.before;
}

Result<const Commit*> commit_at(const Recovered& recovered, Seq seq) {
  const auto& history = recovered.history;
  if (const Commit* found = find_commit(history, seq)) return found;
  const std::string number = std::to_string(seq.value);
  if (history.empty())
    return fail(Code::kNotACommit, number + " is no commit: nothing was committed yet", "seq " + number,
                "rtt plan, then rtt apply");
  if (seq <= recovered.forgotten.seq) {
    const std::string oldest = std::to_string(history.front().seq.value);
    return fail(Code::kNotACommit,
                number + " is not kept any more: nothing before " + oldest + " is, the oldest of the last " +
                    std::to_string(history.size()) + " commits",
                "seq " + number, "rtt rollback " + oldest);
  }
  const auto after = std::lower_bound(history.begin(), history.end(), seq,
                                      [](const Commit& commit, Seq wanted) { return commit.seq < wanted; });
  const Commit* nearest = after == history.end() ? &history.back() : &*after;
  if (after != history.begin() && after != history.end()) {
    const Commit* below = &*std::prev(after);
    if (seq.value - below->seq.value <= nearest->seq.value - seq.value) nearest = below;
  }
  const std::string other = std::to_string(nearest->seq.value);
  return fail(Code::kNotACommit, number + " is no commit; the nearest one is " + other, "seq " + number,
              "rtt rollback " + other);
}

}  // namespace rtt::apply
