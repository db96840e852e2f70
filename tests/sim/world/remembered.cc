// SPDX-License-Identifier: Apache-2.0
// What is the same in every run is worked out once a process: what the panel reads of the workspace's files,
// which no fault reaches and no run may change (Stage::sweep fails if one did), and what a signature amounts
// to. Half of a run's time went there.
#include <map>

#include "crypto/ed25519.h"
#include "nature.h"
#include "registry/identity.h"
#include "registry/snapshot.h"
#include "registry/source_state.h"
#include "seam.h"

namespace rtt::sim {

// NOLINTBEGIN(bugprone-reserved-identifier)
RTT_WORLD_SEAM("_ZN3rtt8registry13load_snapshotERKNS0_9WorkspaceERKNS0_11LoadOptionsE",
               Result<registry::Snapshot>, load_snapshot, const registry::Workspace& workspace,
               const registry::LoadOptions& options);
RTT_WORLD_SEAM("_ZN3rtt8registry16add_source_stateERKNS0_9WorkspaceERKNS0_10ScanPlacesERNS0_9StateHashE",
               Status, add_source_state, const registry::Workspace& workspace,
               const registry::ScanPlaces& places, registry::StateHash& state);
RTT_WORLD_SEAM("_ZN3rtt8registry15clock_offset_nsERKNS0_9WorkspaceE", Result<std::int64_t>, clock_offset_ns,
               const registry::Workspace& workspace);
RTT_WORLD_SEAM(
    "_ZN3rtt8registry12load_keyringERKNS0_9WorkspaceERKSt6vectorINSt7__cxx1112basic_stringIcSt11"
    "char_traitsIcESaIcEEESaISA_EE",
    Result<crypto::Keyring>, load_keyring, const registry::Workspace& workspace,
    const std::vector<std::string>& extra_files);
RTT_WORLD_SEAM("_ZN3rtt6crypto13is_public_keyERKNS0_9PublicKeyE", bool, is_public_key,
               const crypto::PublicKey& key);
RTT_WORLD_SEAM(
    "_ZN3rtt6crypto6verifyERKNS0_9PublicKeyESt4spanIKSt4byteLm18446744073709551615EERKNS0_"
    "9SignatureE",
    bool, verify, const crypto::PublicKey& key, ByteView message, const crypto::Signature& signature);
// NOLINTEND(bugprone-reserved-identifier)

namespace {

constexpr std::size_t kAnswersMax = 10'000;  // of each

bool remembers() { return Nature::current() != nullptr && Nature::current()->remembers(); }

// The answer of `work` to these arguments, from the first time.
template <typename Answer, typename Key, typename Work>
Answer once(std::map<Key, Answer>& answers, Key key, Work work) {
  if (!remembers() || answers.size() >= kAnswersMax) return work();
  const auto known = answers.find(key);
  if (known != answers.end()) return known->second;
  return answers.emplace(std::move(key), work()).first->second;
}

struct Answers {
  std::map<std::pair<std::string, bool>, Result<registry::Snapshot>> snapshots;
  std::map<std::string, Result<crypto::Keyring>> keyrings;
  std::map<std::string, bool> keys, signatures;
};
Answers answers;  // the linker's seam has no place for an argument

}  // namespace

void Nature::workspace_stays() { remembers_ = true; }

Result<registry::Snapshot> wrap_load_snapshot(const registry::Workspace& workspace,
                                              const registry::LoadOptions& options) {
  const auto load = [&] { return real_load_snapshot(workspace, options); };
  if (!options.trust_keys.empty() || options.vouch != registry::LoadOptions::Vouch::kFilesAndStore)
    return load();
  const bool imports = options.store == registry::LoadOptions::Store::kImportSigned;
  return once(answers.snapshots, std::pair(workspace.root, imports), load);
}
Status wrap_add_source_state(const registry::Workspace& workspace, const registry::ScanPlaces& places,
                             registry::StateHash& state) {
  return remembers() ? Status() : real_add_source_state(workspace, places, state);
}
Result<std::int64_t> wrap_clock_offset_ns(const registry::Workspace& workspace) {
  return remembers() ? Result<std::int64_t>(0) : real_clock_offset_ns(workspace);
}
Result<crypto::Keyring> wrap_load_keyring(const registry::Workspace& workspace,
                                          const std::vector<std::string>& extra_files) {
  const auto load = [&] { return real_load_keyring(workspace, extra_files); };
  return extra_files.empty() ? once(answers.keyrings, workspace.root, load) : load();
}
bool wrap_is_public_key(const crypto::PublicKey& key) {
  return once(answers.keys, std::string(as_text(key.bytes)), [&] { return real_is_public_key(key); });
}
bool wrap_verify(const crypto::PublicKey& key, ByteView message, const crypto::Signature& signature) {
  std::string all(as_text(key.bytes));
  all += as_text(signature.bytes);
  all += as_text(message);
  return once(answers.signatures, std::move(all), [&] { return real_verify(key, message, signature); });
}

}  // namespace rtt::sim
