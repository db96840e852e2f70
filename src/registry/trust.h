// SPDX-License-Identifier: Apache-2.0
// Trust: the files behind the question whose keys count here (docs/formats/trust.md).
//
// `user_dir/trust.json` remembers, for each repository, the whole public keys this user accepted (a key_id is
// 64 bits and could be ground), and the ones revoked by this user. A key counts if its file is in the
// workspace's trust folder *and* it was accepted; taking either away ends it.
//
// Thread: one.   Fails: kBadShape and kJson* (fails closed: a trust file that cannot be read trusts nobody),
// kIo.
#pragma once

#include <string>
#include <vector>

#include "model/problem.h"
#include "registry/identity.h"

namespace rtt::registry {

struct PublishedKeys {
  std::vector<KeyInfo> keys;  // sorted by (key_id, file)
  std::vector<model::Problem> problems;
};
// Keys lying in the workspace, whoever accepted them. Unreadable files are problems.
Result<PublishedKeys> published_keys(const Workspace& workspace);
// key_ids revoked for this workspace, sorted: by revoked.json and by this user.
Result<std::vector<std::string>> revoked_keys(const Workspace& workspace);
// Every public key known here, trusted or not: enough to tell a damaged signature from a sound one.
Result<crypto::Keyring> known_keys(const Workspace& workspace);

}  // namespace rtt::registry
