// SPDX-License-Identifier: Apache-2.0
// Ledger: reading the journal as a history — the committed graph, each commit, each audit record — without a
// panel.
//
// Thread: one per call; safe while a panel appends.   Fails: kJournalDamaged naming the seq, kIo, kTampered
// (a graph object that is not what its root says). A torn tail is no failure for a reader: it ends before it.
// Limits: the journal's.
#pragma once

#include <functional>
#include <set>

#include "apply/recover.h"
#include "journal/journal.h"
#include "model/graph.h"
#include "registry/workspace.h"

namespace rtt::panel {

struct LedgerView {
  apply::Recovered recovered;
  model::Graph graph;  // in force
  journal::ReadReport report;
  std::vector<std::string> passed_over;  // checkpoints, and why
};
// The state as of the last durable record; the empty graph when there is no journal yet. Reads what follows
// the last checkpoint.
Result<LedgerView> read_ledger(const registry::Workspace& workspace);
// Every record that is kept, in order.   Fails: kJournalDamaged behind the last that verifies.
Status read_records(const registry::Workspace& workspace,
                    const std::function<Status(const journal::Record&)>& visit);

// What to say of a journal that does not verify.
Error damaged(const journal::ReadReport& report);

// A graph too large to ride in its COMMIT record lives in the object store under its root.
Result<model::Graph> load_graph(const registry::Workspace& workspace, const Digest& root);
bool is_stored(const registry::Workspace& workspace, const Digest& root);
// Nothing is done where it lies there already.   REQUIRES: `root` is that of the graph.
Status store_graph(const registry::Workspace& workspace, const Digest& root, const model::Graph& graph);
// `text`: its canonical JSON.   REQUIRES: `root` is its hash.
Status store_graph(const registry::Workspace& workspace, const Digest& root, std::string_view text);
[[nodiscard]] std::size_t stored_graphs(const registry::Workspace& workspace);  // how many
// Removes every stored graph whose root is not among these.
Status remove_graphs_but(const registry::Workspace& workspace, const std::set<Digest>& named);
// The graph a recovered state names, inline or stored.
Result<model::Graph> graph_of(const registry::Workspace& workspace, const Digest& root,
                              const std::optional<model::Graph>& stored_inline);

}  // namespace rtt::panel
