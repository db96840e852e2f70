// SPDX-License-Identifier: Apache-2.0
#include "apply/ledger_state.h"

#include "journal/record.h"

namespace rtt::apply {
namespace {

using text::Json;

std::unexpected<Error> damaged(std::string_view what) {
  return fail(Code::kJournalDamaged, "the state of a checkpoint has no valid " + std::string(what), {},
              "rtt audit --verify");
}

Json commit_json(const Commit& commit) {
  Json out = to_json(CommitRecord{.plan_id = commit.plan_id,
                                  .before = commit.before,
                                  .after = commit.root,
                                  .graph = std::nullopt,
                                  .who = commit.who,
                                  .action = commit.action,
                                  .reason = commit.reason,
                                  .ts = commit.ts,
                                  .accepted = commit.accepted});
  out.set("seq", commit.seq.value);
  return out;
}

Json canary_json(const std::optional<WatchedCanary>& canary) {
  if (!canary) return Json();
  return Json::object({{"before", rtt::to_string(canary->before)}, {"seq", canary->seq.value}});
}

Result<std::optional<WatchedCanary>> canary_from(const Json& state, std::string_view member) {
  const Json* const json = state.find(member);
  if (json == nullptr || json->is_null()) return std::nullopt;
  const auto seq = journal::seq_member(*json, "seq");
  const auto before = parse_digest(json->string_or("before"));
  if (!seq || !before) return damaged(member);
  return WatchedCanary{.seq = *seq, .before = *before};
}

Result<Commit> commit_from(const Json& json) {
  const auto seq = journal::seq_member(json, "seq");
  if (!seq) return damaged("seq of a commit");
  RTT_TRY_SET(CommitRecord record, commit_from_json(json, *seq));
  return to_commit(*seq, std::move(record));
}

}  // namespace

Json to_json(const Recovered& now, std::uint64_t panel_starts) {
  RTT_ASSERT(!now.prepare && !now.rollback);
  Json history(text::JsonArray{});
  for (const Commit& commit : now.history) history.push(commit_json(commit));
  return Json::object({{"canary", canary_json(now.canary)},
                       {"canary_before", canary_json(now.canary_before)},
                       {"forgotten", Json::object({{"accepted", to_json(now.forgotten.accepted)},
                                                   {"seq", now.forgotten.seq.value},
                                                   {"wired", now.forgotten.wired}})},
                       {"graph_root", rtt::to_string(now.root)},
                       {"history", std::move(history)},
                       {"panel_starts", panel_starts},
                       {"v", 1}});
}

Result<LedgerState> ledger_state_from_json(const Json& json) {
  const Json *forgotten = json.find("forgotten"), *history = json.find("history");
  if (json.int_or("v", 0) != 1) return damaged("version");
  if (forgotten == nullptr || history == nullptr || !history->is_array() ||
      history->as_array().size() > kHistoryCommitsMax) {
    return damaged("history");
  }
  LedgerState state;
  Recovered& now = state.recovered;
  const auto forgotten_seq = journal::seq_member(*forgotten, "seq");
  if (!forgotten_seq) return damaged("forgotten.seq");
  now.forgotten.seq = *forgotten_seq;
  now.forgotten.wired = forgotten->bool_or("wired", false);
  RTT_TRY_SET(now.forgotten.accepted, accepted_from_json(*forgotten, "state", now.forgotten.seq));
  for (const Json& one : history->as_array()) {
    RTT_TRY_SET(Commit commit, commit_from(one));
    const bool follows =
        now.history.empty() ? now.forgotten.seq < commit.seq
                            : now.history.back().seq < commit.seq && now.history.back().root == commit.before;
    if (!follows) return damaged("history: its commits do not follow one another");
    now.history.push_back(std::move(commit));
  }
  const auto root = parse_digest(json.string_or("graph_root"));
  if (!root) return damaged("graph_root");
  now.root = *root;
  if (now.history.empty()) {
    now.graph = model::Graph{};
    if (model::graph_root(*now.graph) != now.root) return damaged("graph_root");
  } else {
    const Commit& last = now.history.back();
    if (last.root != now.root) return damaged("graph_root");
    now.seq = last.seq;
    now.plan_id = last.plan_id;
  }
  RTT_TRY_SET(now.canary, canary_from(json, "canary"));
  RTT_TRY_SET(now.canary_before, canary_from(json, "canary_before"));
  const std::int64_t starts = json.int_or("panel_starts", -1);
  if (starts < 0) return damaged("panel_starts");
  state.panel_starts = static_cast<std::uint64_t>(starts);
  return state;
}

}  // namespace rtt::apply
