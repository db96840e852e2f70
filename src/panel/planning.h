// SPDX-License-Identifier: Apache-2.0
// Planning: from a workspace on disk to a plan, and plans as files.
//
// Gathers the pure planner's inputs (snapshot, committed graph), and reads, signs and stores `.rtt/plans/`.
// The panel and the command line plan through this one function, so they cannot differ.
//
// Thread: one.   Fails: as the snapshot, the ledger and the planner do; kForeignPlan, kTampered for a plan
// file.
#pragma once

#include <optional>
#include <string>

#include "crypto/ed25519.h"
#include "model/plan.h"
#include "panel/ledger.h"
#include "panel/shown_views.h"
#include "plan/plan.h"
#include "registry/snapshot.h"

namespace rtt::panel {

struct Planned {
  registry::Snapshot snapshot;
  model::Graph base;
  bool wired = false;  // whether wiring was ever committed here
  Rendered rendered;   // what providers would be shown
  plan::Outcome outcome;
};
enum class QuickConnects : std::uint8_t { kKeep, kDrop };
Result<Planned> make_plan(const registry::Workspace& workspace, const registry::LoadOptions& options,
                          QuickConnects quick_connects);
Result<Planned> make_plan(const registry::Workspace& workspace, registry::Snapshot snapshot,
                          QuickConnects quick_connects);

// The planner's inputs as the snapshot has them, over the graph given.
plan::Inputs plan_inputs(const registry::Snapshot& snapshot, const model::Graph& base,
                         QuickConnects quick_connects);
// The first configuration file that cannot be read as it stands. What it asks for is unknown, so a plan made
// without it could take wiring away that nobody asked to lose. One merely unsigned or changed is another
// matter: its last signed version stays in force.
std::optional<Error> unreadable_config(const registry::Snapshot& snapshot);

std::string plan_path(const registry::Workspace& workspace, const Digest& plan_id);
enum class MakeLatest : std::uint8_t { kYes, kNo };  // a rollback's own plan is not what `apply` means next
// Signs and stores it with the views it adds; an existing file of the same id whose signatures all count is
// kept. Returns the path.
Result<std::string> store_plan(const registry::Workspace& workspace, const model::Plan& plan,
                               const crypto::SecretKey& key, MakeLatest make_latest);
// The same of what was planned here, as the latest; views that stay are signed where they were not.
Result<std::string> store_planned(const registry::Workspace& workspace, const Planned& planned,
                                  const crypto::SecretKey& key);

// Where a user's word for a plan leads: a path, a plan id (or its unique beginning), or LATEST when empty.
Result<std::string> find_plan(const registry::Workspace& workspace, const std::string& word,
                              const std::string& directory);
// Reads the file, recomputes its id and requires a signature of a trusted key.
Result<model::SealedPlan> load_trusted_plan(const registry::Workspace& workspace, const std::string& path,
                                            const std::vector<std::string>& trust_keys);

}  // namespace rtt::panel
