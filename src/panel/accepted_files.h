// SPDX-License-Identifier: Apache-2.0
// AcceptedFiles: the signed manifests of MCP servers as a commit knows them, read from the workspace and put
// back into it.
//
// Bytes of manifests and their signature lists lie in `wal/accepted/` under their hash, beside the journal
// whose commits name them. Putting a manifest back puts its signatures back with it, so it counts for exactly
// as long as its signer does; only the policy's rule for AI clients is written anew and needs the owner's
// key.
//
// Thread: one, blocking.   Fails: kChangedUnsigned, kTampered (bytes that are not what their name says),
// kUnsigned, kUnknownSigner, kRevokedSigner, kBadSignature, kNotFound, kIo. Putting may fail half way: put
// the inverse.
// Limits: kManifestBytesMax a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apply/accepted.h"
#include "registry/workspace.h"

namespace rtt::panel {

// The namespace of `.rtt/manifests/mcp.NS.json`; empty for a manifest of another name, which no rule is for.
std::string namespace_in(const std::string& path);

// Keeps these bytes; their name.
Result<Digest> keep_bytes(const registry::Workspace& workspace, const std::string& bytes);

// A manifest as it is accepted now, its bytes kept. One that nobody trusted signed is none. One that was
// changed since it was signed could not be put back: it fails, or is none where it is to go anyhow.
enum class Edited : std::uint8_t { kFails, kIsNone };
Result<apply::AcceptedState> accepted_now(const registry::Workspace& workspace, const std::string& path,
                                          Edited edited = Edited::kFails);

// What of `changes` can still be made: those whose file is as the change expects it, from what it is now.
struct Standing {
  apply::AcceptedChanges changes;
  std::vector<std::string> kept;  // the others: somebody changed them since
};
Result<Standing> as_they_stand(const registry::Workspace& workspace, const apply::AcceptedChanges& changes);

// Makes the files what `after` says, whatever they are and whether or not it counts.
Status put_accepted(const registry::Workspace& workspace, const apply::AcceptedChanges& changes);
// The same, and fails where what is put does not count: its signer is not trusted now, or another file
// defines it.
Status bring_in_force(const registry::Workspace& workspace, const apply::AcceptedChanges& changes);

}  // namespace rtt::panel
