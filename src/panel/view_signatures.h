// SPDX-License-Identifier: Apache-2.0
// ViewSignatures: who vouches for the root of each view, in the registry by root
// (`.rtt/registry/views/signed/<64 hex>.sig.json`) and in the plan that shows it.
//
// Whoever signs a plan signs what it shows. Before a flip and when a panel starts, each view that is to be
// shown needs a signature that counts, by the table of registry/judge.h: in strict mode that of a key this
// user accepted, else any that is not revoked and verifies, or none. A view that was signed and is shown
// stays shown when its signature is lost; it is not shown anew.
//
// A key that is trusted for one run of `apply` (--trust-key) would be unknown to the next panel, so its views
// are signed by this user's own key too when they are taken.
//
// Thread: one, blocking.
// Fails: kUnsigned, kUnknownSigner, kRevokedSigner, kBadSignature, kBadShape, the file in `where`; as
// identity.h. Limits: kViewSignatureBytesMax a file.
#pragma once

#include <string>
#include <vector>

#include "model/graph.h"
#include "model/plan.h"
#include "registry/object_store.h"
#include "registry/workspace.h"

namespace rtt::panel {

inline constexpr std::size_t kViewSignatureBytesMax = std::size_t{64} << 10;

std::string view_signature_path(const registry::Workspace& workspace, const Digest& root);
// What a plan carries of those it shows.
std::vector<model::ViewSignature> signatures_of(const std::vector<model::View>& views,
                                                const crypto::SecretKey& key);
// Writes one for each into the registry where none counts.
Status sign_views(const registry::Workspace& workspace, const std::vector<model::View>& views,
                  const crypto::SecretKey& key);
// Takes what the plan at `path` carries where the registry has nothing.
Status take_view_signatures(const registry::Workspace& workspace, const model::SealedPlan& sealed,
                            const std::string& path, const std::vector<std::string>& trust_keys);

struct RefusedView {
  model::View view;
  Error why;
};
std::vector<RefusedView> refused_views(const registry::Workspace& workspace,
                                       const std::vector<model::View>& views,
                                       const std::vector<std::string>& trust_keys = {});
// Fails as the first that is refused.
Status must_be_signed(const registry::Workspace& workspace, const std::vector<model::View>& views);
// Removes those of other roots.
Status keep_signatures(const registry::Workspace& workspace, const std::vector<Digest>& roots);

// Every signature file and every tree in the registry, added to what `registry verify` tells.
Status verify_views(const registry::Workspace& workspace, const crypto::Keyring& keys,
                    registry::VerifyReport& report);

}  // namespace rtt::panel
