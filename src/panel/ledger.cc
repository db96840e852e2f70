// SPDX-License-Identifier: Apache-2.0
#include "panel/ledger.h"

#include <fmt/format.h>

#include "os/file.h"
#include "panel/ledger_replay.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

constexpr std::size_t kGraphBytesMax = std::size_t{256} << 20;

// Beside the signed objects but not among them: a graph is no symbol, has no signature of its own (its root
// is in the journal's chain) and may be far larger than an object may be.
std::string graph_path(const registry::Workspace& workspace, const Digest& root) {
  return workspace.dot("wal/graphs/" + bare_hex(root) + ".json");
}

// A commit older than recovery keeps in memory: its record still holds the graph.
Result<model::Graph> graph_in_journal(const registry::Workspace& workspace, const Digest& root) {
  std::optional<model::Graph> found;
  RTT_TRY_SET(const auto report, journal::read_journal(workspace.wal(), [&](const journal::Record& record) {
                if (record.type != journal::RecordType::kCommit || found) return;
                const auto payload = record.payload();
                if (!payload) return;
                auto commit = apply::commit_from_json(*payload, record.seq);
                if (commit && commit->after == root) found = std::move(commit->graph);
              }));
  static_cast<void>(report);
  if (found) return *std::move(found);
  return fail(Code::kNotFound, "the graph " + to_string(root) + " is not in the journal", workspace.wal(),
              "rtt log");
}

}  // namespace

Result<model::Graph> load_graph(const registry::Workspace& workspace, const Digest& root) {
  const std::string path = graph_path(workspace, root);
  RTT_TRY_SET(const std::string text, os::read_file(path, kGraphBytesMax));
  RTT_TRY_SET(const text::Json json,
              text::parse_json(text, {.source_name = path, .bytes_max = kGraphBytesMax}));
  RTT_TRY_SET(model::Graph graph, model::graph_from_json(json, path));
  if (model::graph_root(graph) != root) {
    return fail(Code::kTampered, "the stored graph does not have the root it is stored under", path,
                "restore the file from a backup");
  }
  return graph;
}

bool is_stored(const registry::Workspace& workspace, const Digest& root) {
  return os::exists(graph_path(workspace, root));
}

Status store_graph(const registry::Workspace& workspace, const Digest& root, const model::Graph& graph) {
  if (is_stored(workspace, root)) return {};
  return store_graph(workspace, root, text::canonical_json(model::to_json(graph)));
}

Status store_graph(const registry::Workspace& workspace, const Digest& root, std::string_view text) {
  RTT_TRY(os::make_directories(workspace.dot("wal/graphs")));
  return os::write_once(graph_path(workspace, root), text, {.mode = 0444});
}

std::size_t stored_graphs(const registry::Workspace& workspace) {
  const auto names = os::list_directory(workspace.dot("wal/graphs"));
  return names ? names->size() : 0;
}

Status remove_graphs_but(const registry::Workspace& workspace, const std::set<Digest>& named) {
  const std::string folder = workspace.dot("wal/graphs");
  if (!os::is_directory(folder)) return {};
  RTT_TRY_SET(const auto names, os::list_directory(folder));
  std::set<std::string> kept;
  for (const Digest& root : named) kept.insert(bare_hex(root) + ".json");
  for (const std::string& name : names)
    if (!kept.contains(name)) RTT_TRY(os::remove_file(folder + "/" + name));
  return {};
}

Result<model::Graph> graph_of(const registry::Workspace& workspace, const Digest& root,
                              const std::optional<model::Graph>& stored_inline) {
  if (stored_inline) return *stored_inline;
  if (root == model::graph_root(model::Graph{})) return model::Graph{};
  if (is_stored(workspace, root)) return load_graph(workspace, root);
  return graph_in_journal(workspace, root);
}

Error damaged(const journal::ReadReport& report) {
  return {.code = Code::kJournalDamaged,
          .message = fmt::format("the journal is damaged at seq {}", report.bad_seq.value),
          .where = report.bad_file,
          .hint = "rtt audit --verify"};
}

Result<LedgerView> read_ledger(const registry::Workspace& workspace) {
  LedgerView view;
  LedgerReplay replay(workspace);
  if (os::is_directory(workspace.wal())) {
    RTT_TRY_SET(auto replayed, journal::replay_journal(workspace.wal(), replay.hooks()));
    view.report = std::move(replayed.report);
    view.passed_over = std::move(replayed.passed_over);
  }
  RTT_TRY(replay.folded());
  if (view.report.end == journal::ReadReport::End::kDamaged) {
    return std::unexpected(damaged(view.report));
  }
  view.recovered = replay.fold().state();
  RTT_TRY_SET(view.graph, graph_of(workspace, view.recovered.root, view.recovered.graph));
  return view;
}

Status read_records(const registry::Workspace& workspace,
                    const std::function<Status(const journal::Record&)>& visit) {
  Status taken;
  RTT_TRY_SET(const auto report, journal::read_journal(workspace.wal(), [&](const journal::Record& record) {
                if (taken) taken = visit(record);
              }));
  RTT_TRY(taken);
  if (report.end == journal::ReadReport::End::kDamaged) return std::unexpected(damaged(report));
  return {};
}

}  // namespace rtt::panel
