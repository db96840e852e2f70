// SPDX-License-Identifier: Apache-2.0
// ObjectStore: content-addressed objects and their detached signatures (docs/formats/registry.md).
//
// `cas/sha256/<hh>/<hash>.json` (0444) holds canonical JSON whose SHA-256 is its name, so `sha256sum` proves
// it.
// `<hash>.sig.json` = {"id","hash","supersedes","sign":[…]}; where two ids share one object (two empty
// configuration files), the second's is `<hash>.<16 hex of the id's hash>.sig.json`. `index.json` is a
// function of these files and is rebuilt byte-equal; the live object of an id is the one nobody supersedes.
// Every read verifies.
//
// Owns: nothing but the path.   Thread: one writer at a time (the workspace lock), any readers.
// Fails: kTampered naming the file, kIo, kNoSpace, kNotFound; two live objects of an id: kTampered in
// index(). Limits: kManifestBytesMax an object.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "crypto/keyring.h"
#include "text/json.h"

namespace rtt::registry {

struct SigFile {
  std::string id;
  Digest hash;
  std::optional<Digest> supersedes;
  std::vector<crypto::SignRecord> sign;  // sorted, unique
  friend bool operator==(const SigFile&, const SigFile&) = default;
};
text::Json to_json(const SigFile& signature);
// kBadShape, with the name in `where`, for anything but exactly that shape.
Result<SigFile> sig_file_from_json(const text::Json& json, std::string_view where);

// SHA-256 of the canonical JSON of a value without its top-level `sign`.
Digest object_hash(const text::Json& object);

struct VerifyReport {
  std::size_t objects = 0;
  struct Bad {
    std::string hash, file, reason;
  };
  std::vector<Bad> bad;
};

class ObjectStore {
 public:
  explicit ObjectStore(std::string directory, std::string index_file);

  Result<Digest> put(const text::Json& object) const;              // idempotent; without its top-level `sign`
  [[nodiscard]] Result<text::Json> get(const Digest& hash) const;  // verified
  [[nodiscard]] Status intact(const Digest& hash) const;           // as get(), of its bytes alone
  [[nodiscard]] bool contains(const Digest& hash) const;
  // Makes each the live one of its id: a new version supersedes the live one; going back to an earlier
  // version removes the sig files (not the objects) of the later ones, newest first. What the working tree
  // says is current is current, be it another branch or a change taken back, and a crash between two steps
  // leaves exactly one version live.
  Status promote(std::vector<SigFile> signatures) const;
  [[nodiscard]] Result<std::optional<SigFile>> signature(const Digest& hash) const;
  [[nodiscard]] Result<std::vector<SigFile>> signatures() const;  // all, sorted by hash
  // {"<id>":{"hash","sign"}} canonical, of live objects.
  [[nodiscard]] Result<text::Json> index() const;
  Status write_index() const;
  [[nodiscard]] Result<std::optional<Digest>> live(std::string_view id) const;
  // Every object, every sig file and the index; with the public keys known here also every signature.
  [[nodiscard]] Result<VerifyReport> verify_all(const crypto::Keyring& keys = {}) const;

 private:
  [[nodiscard]] Result<std::string> bytes_of(const Digest& hash) const;
  [[nodiscard]] Result<SigFile> read_signature(const std::string& name) const;
  [[nodiscard]] Result<SigFile> signature_from(const std::string& text, const std::string& name) const;
  [[nodiscard]] Result<std::string> signature_name(const Digest& hash, std::string_view id) const;
  Status write_signature(const SigFile& signature) const;
  Status promote_one(SigFile next, const class Lineage& lineage) const;
  std::string directory_, index_file_;
};

}  // namespace rtt::registry
