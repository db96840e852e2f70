// SPDX-License-Identifier: Apache-2.0
// Identity and trust: this person's signing key on this machine, and whose keys count in this workspace.
//
// The private key is `user_dir/keys/<key_id>.key` (0600: a 32-byte seed, base64).
// `.rtt/registry/trust/keys/*.pub` travel with the repository but count only after this user accepted them
// for it (`user_dir/trust.json`); one's own key always counts. `revoked.json` revokes for everybody. kKeyFile
// lines are `ed25519 <base64 public key> <label>`.
//
// Thread: one.   Fails: kNoPrivateKey, kCryptoFailed, kPermission (a private key others can read), kIo.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "crypto/keyring.h"
#include "registry/workspace.h"

namespace rtt::registry {

struct KeyInfo {
  std::string key_id, label;
  crypto::PublicKey key;
  bool own = false, accepted = false, revoked = false;
  std::string file;  // relative to the workspace, empty for keys only the user holds
};

struct OwnKey {
  std::string key_id;
  crypto::PublicKey key;
  std::string label;
};
Result<std::vector<OwnKey>> own_keys(const std::string& user_dir);  // sorted by key_id

Result<crypto::SecretKey> load_own_key(const std::string& user_dir);                      // the current one
Result<std::string> create_own_key(const std::string& user_dir, std::string_view label);  // returns key_id
bool has_own_key(const std::string& user_dir);
// The key of this user's keyed hashes in receipts, `user_dir/receipts.key` (0600); made when first asked for.
Result<std::array<std::byte, 32>> receipts_key(const std::string& user_dir);
// The key by which this user's own files in a workspace's cache are told (own_cache.h), made of the own key.
Result<std::array<std::byte, 32>> cache_key(const std::string& user_dir);
// Writes the public half to trust/keys/<key_id>.pub of the workspace.
Status publish_key(const Workspace& workspace, const crypto::PublicKey& key, std::string_view label);
Result<std::vector<KeyInfo>> list_keys(const Workspace& workspace);  // sorted by key_id
Status accept_key(const Workspace& workspace,
                  std::string_view key_id);  // for this repository and its worktrees
Status revoke_key(const Workspace& workspace, std::string_view key_id, std::string_view reason);
// Own keys + accepted ones + `extra_files` (--trust-key), minus revoked (kept, marked).
Result<crypto::Keyring> load_keyring(const Workspace& workspace,
                                     const std::vector<std::string>& extra_files = {});

}  // namespace rtt::registry
