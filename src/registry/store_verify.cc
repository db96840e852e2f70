// SPDX-License-Identifier: Apache-2.0
// verify_all: reads everything the store holds and says what is not as RTT wrote it.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "model/contract.h"
#include "os/file.h"
#include "registry/lineage.h"
#include "registry/object_store.h"
#include "registry/store_names.h"
#include "text/json_canonical.h"

namespace rtt::registry {
namespace {

using text::Json;

constexpr std::size_t kIndexBytesMax = std::size_t{64} << 20;

struct Signed {
  StoredName name;
  SigFile record;
};

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

  // A sig file's id and `supersedes` are under no signature: what they say shows only beside the other sig
  // files of its id, and beside the index.
  void lineages(const std::vector<Signed>& all, const Json& present) {
    std::vector<SigFile> records;
    for (const Signed& one : all) records.push_back(one.record);
    const Lineage lineage(std::move(records));
    std::map<std::string_view, Result<const SigFile*>> lives;  // once an id, however many versions it has
    for (const std::string_view id : lineage.ids()) lives.emplace(id, lineage.live(id));
    for (const Signed& one : all) {
      const auto& live = lives.at(one.record.id);
      if (!live) {
        bad(one.name, live.error().message);
      } else if (**live == one.record && !one.record.id.starts_with("rtt://") && present.is_object()) {
        const Json* listed = present.find(one.record.id);
        if (listed == nullptr || listed->string_or("hash") != to_string(one.record.hash))
          bad(one.name, fmt::format("it and the index do not agree about {}", one.record.id));
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
  std::vector<Signed> records;
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
    records.push_back({.name = stored, .record = std::move(*record)});
  }
  const bool indexed = os::exists(index_file_);
  const auto present = os::read_file(index_file_, kIndexBytesMax);
  const auto parsed =
      text::parse_json(present ? *present : "", {.source_name = index_file_, .bytes_max = kIndexBytesMax});
  verification.lineages(records, parsed ? *parsed : Json());
  if (const auto rebuilt = index(); rebuilt && indexed) {
    if (!present || *present != text::canonical_json(*rebuilt))
      verification.add({}, index_file_, "is not what the objects and signatures give");
  }
  return verification.take();
}

}  // namespace rtt::registry
