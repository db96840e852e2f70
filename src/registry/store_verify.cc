// SPDX-License-Identifier: Apache-2.0
// verify_all: reads everything the store holds and says what is not as RTT wrote it.
#include <fmt/format.h>

#include <algorithm>

#include "model/contract.h"
#include "os/file.h"
#include "registry/lineage.h"
#include "registry/object_store.h"
#include "registry/store_names.h"
#include "text/json_canonical.h"

namespace rtt::registry {
namespace {

using text::Json;

class Verification {
 public:
  Verification(const ObjectStore& store, const crypto::Keyring& keys, const std::string& directory)
      : store_(store), keys_(keys), directory_(directory) {}

  void object(const StoredName& stored) {
    ++report_.objects;
    const auto object = store_.get(stored.hash);
    if (!object) bad(stored, object.error().message);
  }

  void signature(const StoredName& stored, const SigFile& record) {
    const auto object = store_.get(stored.hash);
    if (!object) {
      if (object.error().code == Code::kNotFound) bad(stored, "the object it signs is gone");
      return;  // a damaged object is listed as itself
    }
    const std::string own = identity_in(*object);
    if (record.id.starts_with("rtt://") && own != record.id)
      bad(stored, "its id is not the address in the object");
    if (record.sign.empty()) bad(stored, "it carries no signature");
    const crypto::SignKind kind =
        record.id.starts_with("rtt://") ? crypto::SignKind::kManifest : crypto::SignKind::kConfig;
    for (const crypto::SignRecord& sign : record.sign) {
      const crypto::KeyEntry* key = keys_.find(sign.key_id);
      if (key == nullptr) {
        if (!keys_.keys().empty()) bad(stored, "signed by a key nobody published here: " + sign.key_id);
      } else if (!crypto::verify(key->key, as_bytes(crypto::signing_message(kind, record.hash)),
                                 sign.signature)) {
        bad(stored, "the signature by " + sign.key_id + " does not verify");
      }
    }
  }

  void bad(const StoredName& stored, std::string reason) {
    const bool hashed = stored.kind != StoredName::Kind::kForeign;
    add(hashed ? to_string(stored.hash) : std::string(), directory_ + "/" + stored.name, std::move(reason));
  }
  void add(std::string hash, std::string file, std::string reason) {
    report_.bad.push_back({.hash = std::move(hash), .file = std::move(file), .reason = std::move(reason)});
  }
  VerifyReport take() { return std::move(report_); }

 private:
  static std::string identity_in(const Json& object) {
    const Json* symbol = object.find("symbol");
    if (symbol == nullptr) return {};
    const auto saddr = model::parse_definition(symbol->string_or("saddr"));
    return saddr ? model::identity(*saddr) : std::string();
  }

  const ObjectStore& store_;
  const crypto::Keyring& keys_;
  const std::string& directory_;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> ObjectStore::verify_all(const crypto::Keyring& keys) const {
  RTT_TRY_SET(const std::vector<StoredName> names, list_store(directory_));
  Verification verification(*this, keys, directory_);
  std::vector<SigFile> records;
  for (const StoredName& stored : names) {
    if (stored.kind == StoredName::Kind::kForeign) verification.bad(stored, "not a file of the store");
    if (stored.kind == StoredName::Kind::kObject) verification.object(stored);
    if (stored.kind != StoredName::Kind::kSignature) continue;
    auto record = read_signature(stored.name);
    if (!record) {
      verification.bad(stored, record.error().message);
      continue;
    }
    verification.signature(stored, *record);
    records.push_back(std::move(*record));
  }
  const Lineage lineage(std::move(records));
  for (const std::string_view id : lineage.ids()) {
    if (const auto live = lineage.live(id); !live) verification.add({}, directory_, live.error().message);
  }
  if (const auto rebuilt = index(); rebuilt && os::exists(index_file_)) {
    const auto present = os::read_file(index_file_, std::size_t{64} << 20);
    if (!present || *present != text::canonical_json(*rebuilt)) {
      verification.add({}, index_file_, "is not what the objects and signatures give");
    }
  }
  return verification.take();
}

}  // namespace rtt::registry
