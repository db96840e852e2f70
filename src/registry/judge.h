// SPDX-License-Identifier: Apache-2.0
// Judge: whether one authored definition or configuration counts, at which version, and why not.
//
// Three places may carry a signature: the object itself (`sign`), `F.sig` beside its file, and the store. The
// first two come with the file and say what is current. The store's counts only for the live version: an
// older one put back without its signature file is a change like any other. What does not count falls back to
// the last signed version.
//
//     signature        strict     allow_unsigned namespace    strict off
//     trusted          in force   in force                    in force
//     none             refused    in force, unsigned          in force, unsigned
//     unknown signer   refused    in force, warning           in force, warning
//     revoked signer   refused    refused                     refused
//     does not verify  refused    refused                     refused
//
// Thread: one.   Fails: never; problems are in the judgement.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/keyring.h"
#include "model/problem.h"
#include "registry/lineage.h"
#include "registry/snapshot.h"
#include "registry/verified.h"

namespace rtt::os {
class Folder;
}

namespace rtt::registry {

// What everything is judged by, read once.
struct Evidence {
  crypto::Keyring keys;
  std::unique_ptr<VerifiedSignatures> verified;  // where `keys` remembers
  ObjectStore store;
  Lineage lineage;
  enum class Store : std::uint8_t { kSound, kDamaged } state = Store::kSound;
  std::vector<model::Problem> problems;
};
Result<Evidence> gather_evidence(const Workspace& workspace, const std::vector<std::string>& trust_keys);
// Without the history: enough for what carries a trusted signature itself (Judgement::Carried), of which the
// history can say nothing else; what does not has to be judged by all of it.
Result<Evidence> gather_keys(const Workspace& workspace, const std::vector<std::string>& trust_keys);

// The records of `F.sig`, empty if there is none.
struct SigList {
  std::vector<SigFile> records;  // sorted by id
  std::optional<model::Problem> problem;

  [[nodiscard]] const SigFile* find(std::string_view id) const;
};
SigList read_sig_list(const std::string& root, const std::string& file);
SigList read_sig_list(const os::Folder& root, const std::string& file);

struct Case {
  std::string id, file;
  crypto::SignKind kind = crypto::SignKind::kManifest;
  Digest hash;
  std::vector<crypto::SignRecord> inline_records;
  const SigFile* beside = nullptr;  // the record of this id in F.sig
  enum class Leniency : std::uint8_t { kNone, kUnsigned } leniency = Leniency::kNone;
};
struct Judgement {
  Standing standing = Standing::kRefused;
  std::string signed_by;
  std::optional<SigFile> record;   // kSigned, kLastSigned: what vouches for it
  std::optional<text::Json> last;  // kLastSigned: the object in force
  // Whether the signature lies with the file, so that a clone of the repository has it too.
  enum class Carried : std::uint8_t { kNo, kYes } carried = Carried::kNo;
  bool stored = false;  // kSigned: the store has the object, as it was signed
  std::optional<model::Problem> problem;
  std::string unknown_signer;  // key_id of a key not accepted here, for lack of which this does not count
};
Judgement judge(const Evidence& evidence, const Case& matter);

// Whether panel.yaml's allow_unsigned names this namespace: "dev/*" and "dev" both do for `dev`.
[[nodiscard]] bool allows_unsigned(const std::vector<std::string>& patterns, std::string_view ns);

}  // namespace rtt::registry
