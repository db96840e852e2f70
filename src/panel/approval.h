// SPDX-License-Identifier: Apache-2.0
// Approval: a person's word that an agent may apply one plan, given at a terminal.
//
// Plans are signed by `rtt plan`, which asks nobody: that signature says who made the plan. An approval says
// that somebody read it. It names the plan, the workspace and the commit it was given on, is signed by this
// user's own key, and lies beside the plan (docs/formats/approval.md). The commit is in it because a graph
// may come back: what was taken back by `undo` is not done again on an old word.
//
// Thread: one.
// Fails: kNeedsConsent (nobody agreed, or not this user), kBadShape, kBadSignature, kRevokedSigner, kTampered
// (it is for something else), kStalePlan, kIo.   Limits: kApprovalBytesMax.
#pragma once

#include <string>

#include "model/plan.h"
#include "registry/workspace.h"

namespace rtt::panel {

inline constexpr std::size_t kApprovalBytesMax = 16 << 10;

std::string approval_path(const registry::Workspace& workspace, const Digest& plan_id);
// Returns the path.
Result<std::string> store_approval(const registry::Workspace& workspace, const Digest& plan_id, Seq seq,
                                   const crypto::SecretKey& key);
// The commit it was given on.
Result<Seq> read_approval(const registry::Workspace& workspace, const Digest& plan_id);
// kStalePlan unless `given` is the commit in force.
Status still_approved(Seq given, Seq in_force, const Digest& plan_id);

}  // namespace rtt::panel
