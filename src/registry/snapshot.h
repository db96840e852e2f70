// SPDX-License-Identifier: Apache-2.0
// Snapshot: what is in force in a workspace right now — every definition and configuration file, each at its
// last version signed by somebody trusted — and everything that is not, with the reason.
//
// load_snapshot() scans, then judges each found symbol: signed by a trusted key (inline `sign`, `F.sig`
// beside the file, or a sig file in the store) → in force; changed since signed → the last signed version
// stays in force and the file is a problem (kChangedUnsigned, hint `rtt sign PATH`); never signed → a problem
// (kUnsigned), unless strict mode is off or its namespace is in allow_unsigned. Configuration files
// (panel.yaml, policy.json, routes.json, topology.json, flags.json, drivers/NAME/driver.json) are judged the
// same way as objects of kind config whose id is their path. Nothing is written except objects already signed
// (import into the store is idempotent) and which signatures were found sound (own_cache.h).
//
// Thread: one.   Fails: kNoWorkspace, kIo, kBadConfig (fails closed).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/keyring.h"
#include "model/config.h"
#include "model/connector.h"
#include "model/contract.h"
#include "model/policy.h"
#include "registry/object_store.h"
#include "registry/workspace.h"
#include "scan/scan.h"

namespace rtt::registry {

enum class Standing : std::uint8_t { kSigned, kAllowedUnsigned, kLastSigned, kRefused };

struct SymbolEntry {
  model::Contract contract;  // the version in force (kRefused: as found)
  Standing standing = Standing::kRefused;
  std::string signed_by;  // key_id, empty if unsigned
  std::string source;     // file relative to the root
  std::string pointer;    // inside that file
  Digest found_hash;      // of the file's present content (differs for kLastSigned)
};

// One authored configuration file.
struct ConfigEntry {
  std::string path;  // ".rtt/policy.json", relative to the root
  Standing standing = Standing::kSigned;
  std::string signed_by;
  Digest hash;        // of the object in force; zero when absent
  text::Json object;  // in force; `{}` when absent
  std::string text;   // source text the object came from (for file:line); last signed: canonical JSON
};

struct Snapshot {
  std::vector<SymbolEntry> symbols;  // sorted by canonical order
  std::vector<ConfigEntry> configs;  // sorted by path
  model::PanelConfig panel;
  model::Policy policy;
  model::RoutesFile routes;
  model::Topology topology;
  text::Json flags;
  std::vector<scan::FoundServer> servers;
  std::vector<model::Problem> problems;
  // key_ids that signed something below .rtt which does not count, since nobody accepted them here; sorted.
  std::vector<std::string> unknown_signers;
  std::size_t files_seen = 0;
  // Whether each file is signed, its signature lies with it, and the store has it: items_to_sign() is empty.
  bool all_signed = true;

  [[nodiscard]] std::vector<model::Contract> in_force() const;  // contracts not refused, canonical order
  // Of those the ones whose `driver.use` is this: copying the others is most of the cost of asking for all.
  [[nodiscard]] std::vector<model::Contract> driven_by(std::string_view driver) const;
  [[nodiscard]] text::Json registry_object() const;  // {"<id>":"sha256-…"} of in_force()
  // Why nothing of this workspace counts, where the reason is whose keys signed it: kUnknownSigner.
  [[nodiscard]] Status signers_known() const;
  // The connector of this name in force.   Fails: kDriverStart (none, or refused: then why and where).
  [[nodiscard]] Result<model::Connector> connector(std::string_view name) const;
};

struct LoadOptions {
  std::vector<std::string> trust_keys;  // --trust-key files
  enum class Store : std::uint8_t { kReadOnly, kImportSigned } store = Store::kImportSigned;
  // Whether a signature only this machine's store holds counts. `check` answers for a clone, which has none.
  enum class Vouch : std::uint8_t { kFilesAndStore, kFilesAlone } vouch = Vouch::kFilesAndStore;
};
Result<Snapshot> load_snapshot(const Workspace& workspace, const LoadOptions& options = {});

// What `sign` would do: new or changed symbols and configuration files, each with a readable change.
struct SignItem {
  std::string id;    // address identity, or path for a config
  std::string path;  // file
  enum class Kind : std::uint8_t { kManifest, kConfig } kind = Kind::kManifest;
  Digest hash;
  std::optional<Digest> supersedes;
  text::Json object, previous;  // previous null when new
  // What the signatures that lie with this version amount to: kUnknownSigner means somebody else signed it,
  // and trusting that key is the question, not signing over it.
  crypto::Keyring::Outcome carried;
};
// `paths` limits to files at or below these (relative to the root); empty = all.
Result<std::vector<SignItem>> items_to_sign(const Workspace& workspace,
                                            const std::vector<std::string>& paths);
// Signs them: objects and sig files into the store, `F.sig` beside each authored file, index.json last.
Status sign_items(const Workspace& workspace, const std::vector<SignItem>& items,
                  const crypto::SecretKey& key);

// The text of `F.sig` if F had this text and this key signed it; nothing is written. What a record beside F
// signs already is kept.   Fails: as reading the manifest does.
Result<std::string> signatures_for(const Workspace& workspace, const std::string& file,
                                   const std::string& text, const crypto::SecretKey& key);
// A manifest that came with its `F.sig` is taken into the store now, its versions live, the index written.
// Fails: kUnsigned, kUnknownSigner, kRevokedSigner, kBadSignature; then nothing was taken.
Status take_signed(const Workspace& workspace, const std::string& file);

}  // namespace rtt::registry
