// SPDX-License-Identifier: Apache-2.0
// Acceptance: what is accepted of MCP servers, changed as a commit of the journal that `undo` and `rollback`
// take back.
//
// The new manifests are signed by the asker, and only then committed, by the panel if one runs and otherwise
// here, through the same TwoPhase: PREPARE, the files, COMMIT. A crash in between is put back by whoever
// opens the journal next.
//
// Thread: one, blocking.   Fails: kNoPrivateKey, kChangedUnsigned, kStalePlan (somebody changed it
// meanwhile), kJournalDamaged, kBusy, kIo; then everything is as before.   Limits: kMcpServersMax manifests.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/recover.h"
#include "apply/two_phase.h"
#include "journal/journal.h"
#include "mcp/backends/code_identity.h"
#include "registry/workspace.h"

namespace rtt::panel {

// The journal, ours alone, with what a crash left unfinished brought to its end.
struct OpenJournal {
  std::unique_ptr<journal::Journal> journal;
  apply::Fold fold;
  std::vector<std::string> notices;  // for people
  std::uint64_t panel_starts = 0;
};
Result<OpenJournal> open_journal(const registry::Workspace& workspace);

// The plan that leaves the wiring and accepts this, and the one that leads back to a graph and what was
// accepted with it: their ids cover the changes of both.
model::Plan acceptance_plan(const model::Graph& graph, const apply::AcceptedChanges& changes);
model::Plan return_plan(const model::Graph& from, const model::Graph& to,
                        const apply::AcceptedChanges& changes);
// Fails if somebody changed one of these meanwhile.
Status still_standing(const registry::Workspace& workspace, const apply::AcceptedChanges& changes);

struct Wanted {
  std::string path;                       // of a manifest, relative to the root
  std::optional<std::string> text;        // nothing: it goes
  std::optional<mcp::CodeRecord> code{};  // nothing: as it is
  enum class Clients : std::uint8_t { kAsTheyAre, kAllowed, kWithdrawn } clients = Clients::kAsTheyAre;
};
// The text of this manifest, or of the file if it says the same in other spelling.
Result<std::string> text_to_accept(const registry::Workspace& workspace, const std::string& path,
                                   const text::Json& manifest);
// What was changed; nothing if all of it is so already.
Result<apply::AcceptedChanges> accept(const registry::Workspace& workspace, apply::Verb verb,
                                      const std::vector<Wanted>& wanted);

}  // namespace rtt::panel
