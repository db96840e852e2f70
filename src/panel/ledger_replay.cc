// SPDX-License-Identifier: Apache-2.0
#include "panel/ledger_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "crypto/sha256.h"
#include "journal/checkpoint.h"
#include "os/clock.h"
#include "os/file.h"
#include "panel/ledger.h"
#include "registry/identity.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using text::Json;

std::string state_name(const Digest& hash) { return bare_hex(hash) + ".json"; }
std::string states_folder(const registry::Workspace& workspace) { return workspace.dot("wal/states"); }

Result<apply::LedgerState> load_state(const registry::Workspace& workspace, const Digest& hash) {
  const std::string path = states_folder(workspace) + "/" + state_name(hash);
  RTT_TRY_SET(const std::string text, os::read_file(path, kStateBytesMax));
  if (crypto::sha256(text) != hash)
    return fail(Code::kTampered, "the state of a checkpoint is not what its hash says", path);
  RTT_TRY_SET(const Json json, text::parse_json(text, {.source_name = path, .bytes_max = kStateBytesMax}));
  return apply::ledger_state_from_json(json);
}

void remove_states_but(const registry::Workspace& workspace,
                       const std::vector<journal::CheckpointPlace>& places) {
  const std::string folder = states_folder(workspace);
  const auto names = os::list_directory(folder);
  if (!names) return;
  for (const std::string& name : *names) {
    const bool named = std::ranges::any_of(
        places, [&](const journal::CheckpointPlace& place) { return state_name(place.state) == name; });
    if (!named) (void)os::remove_file(folder + "/" + name);
  }
}

void add_graphs_of(const apply::Recovered& ledger, std::set<Digest>& named) {
  named.insert(ledger.root);
  for (const apply::Commit& commit : ledger.history) named.insert({commit.before, commit.root});
  for (const auto& canary : {ledger.canary, ledger.canary_before})
    if (canary) named.insert(canary->before);
}

// Graphs that were named by compacted records alone: no COMMIT that is there, none that can be gone back to,
// and no state of a checkpoint leads to them.
Status remove_unnamed_graphs(const registry::Workspace& workspace, const journal::Journal& journal,
                             const apply::Recovered& now) {
  std::set<Digest> named;
  add_graphs_of(now, named);
  for (const journal::CheckpointPlace& place : journal.checkpoints()) {
    const auto state = load_state(workspace, place.state);
    if (!state) return {};  // what it needs is not known: nothing goes
    add_graphs_of(state->recovered, named);
  }
  RTT_TRY(read_records(workspace, [&](const journal::Record& record) -> Status {
    if (record.type != journal::RecordType::kCommit) return {};
    RTT_TRY_SET(const Json payload, record.payload());
    for (const char* key : {"before", "after"})
      if (const auto root = parse_digest(payload.string_or(key))) named.insert(*root);
    return {};
  }));
  return remove_graphs_but(workspace, named);
}

// Once the graphs that are still asked for lie beside the journal, no old record is needed.
Status compact(const registry::Workspace& workspace, journal::Journal& journal,
               const apply::Recovered& recovered, const Kept& kept) {
  RTT_TRY_SET(const bool too_many, journal.has_more_segments_than(kept.segments));
  if (!too_many) return {};
  for (const apply::Commit& commit : recovered.history) {
    if (is_stored(workspace, commit.root)) continue;
    RTT_TRY_SET(const model::Graph graph, graph_of(workspace, commit.root, commit.graph));
    RTT_TRY(store_graph(workspace, commit.root, graph));
  }
  RTT_TRY_SET(const std::size_t compacted, journal.compact(kept.segments));
  if (compacted == 0 || stored_graphs(workspace) <= kept.graphs) return {};
  return remove_unnamed_graphs(workspace, journal, recovered);
}

}  // namespace

journal::Replay LedgerReplay::hooks() {
  return {.accept = [this](const journal::Checkpoint& checkpoint) { return accept(checkpoint); },
          .visit = [this](const journal::Record& record) { see(record); }};
}

Status LedgerReplay::accept(const journal::Checkpoint& checkpoint) {
  if (!keyring_) {
    RTT_TRY_SET(keyring_, registry::load_keyring(workspace_));
  }
  const auto outcome =
      keyring_->check(crypto::SignKind::kCheckpoint, journal::digest_of(checkpoint), checkpoint.sign);
  if (outcome.verdict != crypto::Verdict::kTrusted)
    return fail(Code::kUnknownSigner, "no key that is trusted here signed it");
  RTT_TRY_SET(apply::LedgerState state, load_state(workspace_, checkpoint.state));
  if (state.recovered.root != checkpoint.graph_root)
    return fail(Code::kTampered, "its state is that of another graph");
  // The graph in force has to be at hand too: the record that holds it may be gone.
  RTT_TRY_SET(state.recovered.graph, graph_of(workspace_, state.recovered.root, state.recovered.graph));
  if (!state.recovered.history.empty()) state.recovered.history.back().graph = state.recovered.graph;
  fold_ = apply::Fold(std::move(state.recovered));
  panel_starts_ = state.panel_starts;
  return {};
}

// An AUDIT record changes no graph: only that a panel started counts, and what does not say so is not parsed.
void LedgerReplay::see(const journal::Record& record) {
  if (!folded_) return;
  const bool audit = record.type == journal::RecordType::kAudit;
  if (audit && record.payload_text.find("\"panel_start\"") == std::string::npos) return;
  auto payload = record.payload();
  if (!payload) {
    folded_ = std::unexpected(std::move(payload).error());
    return;
  }
  if (audit && payload->string_or("action") == "panel_start") ++panel_starts_;
  folded_ = fold_.take({.type = record.type, .seq = record.seq, .payload = std::move(*payload)});
}

bool checkpoint_due(const journal::Journal& journal) {
  const auto since = journal.since_checkpoint();
  return since.records >= kCheckpointEveryRecords || since.bytes >= kCheckpointEveryBytes;
}

Status write_checkpoint(const registry::Workspace& workspace, journal::Journal& journal,
                        const apply::Recovered& now, std::uint64_t panel_starts, Kept kept) {
  if (now.prepare || now.rollback) return {};
  const auto key = registry::load_own_key(workspace.user_dir);
  if (!key) return {};
  for (const apply::Commit& commit : now.history) {
    if (commit.graph) RTT_TRY(store_graph(workspace, commit.root, *commit.graph));
  }
  const std::string text = text::canonical_json(apply::to_json(now, panel_starts));
  const Digest hash = crypto::sha256(text);
  RTT_TRY(os::make_directories(states_folder(workspace), 0700));
  RTT_TRY(os::write_once(states_folder(workspace) + "/" + state_name(hash), text, {.mode = 0600}));
  RTT_TRY(journal.checkpoint({.seq = journal.last_seq(),
                              .graph_root = now.root,
                              .state = hash,
                              .ts = os::rfc3339(os::wall_now()),
                              .who = "key:" + crypto::key_id(key->public_key())},
                             *key));
  remove_states_but(workspace, journal.checkpoints());
  return compact(workspace, journal, now, kept);
}

}  // namespace rtt::panel
