// SPDX-License-Identifier: Apache-2.0
#include "registry/object_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "crypto/sha256.h"
#include "model/contract.h"
#include "model/limits.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/parallel.h"
#include "registry/lineage.h"
#include "registry/store_names.h"
#include "text/json_canonical.h"

namespace rtt::registry {
namespace {

using text::Json;

std::unexpected<Error> tampered(const std::string& path, std::string_view why) {
  return fail(Code::kTampered, fmt::format("{} {}", path, why), path, "rtt registry verify");
}

// Reads below the store without following links; the path in an error is the full one.
Result<std::string> stored_text(Result<os::BeneathFile> file, const std::string& directory,
                                const std::string& name) {
  if (file) return std::move(file->content);
  return std::unexpected(std::move(file.error()).at(directory + "/" + name));
}
Result<std::string> read_stored(const std::string& directory, const std::string& name) {
  return stored_text(os::read_beneath(directory, name, limits::kManifestBytesMax), directory, name);
}

std::vector<crypto::SignRecord> merged(std::vector<crypto::SignRecord> a,
                                       const std::vector<crypto::SignRecord>& b) {
  a.insert(a.end(), b.begin(), b.end());
  std::ranges::sort(a);
  const auto rest = std::ranges::unique(a);
  a.erase(rest.begin(), rest.end());
  return a;
}

}  // namespace

ObjectStore::ObjectStore(std::string directory, std::string index_file)
    : directory_(std::move(directory)), index_file_(std::move(index_file)) {}

Result<SigFile> ObjectStore::read_signature(const std::string& name) const {
  RTT_TRY_SET(const std::string text, read_stored(directory_, name));
  return signature_from(text, name);
}

Result<SigFile> ObjectStore::signature_from(const std::string& text, const std::string& name) const {
  const std::string path = directory_ + "/" + name;
  const auto json = text::parse_json(text, {.source_name = path});
  if (!json) return tampered(path, "is not what RTT wrote: " + json.error().message);
  auto record = sig_file_from_json(*json, path);
  if (!record) return tampered(path, "is not what RTT wrote: " + record.error().message);
  if (text::canonical_json(to_json(*record)) != text) return tampered(path, "is not in canonical form");
  if (name != store_name_of_signature(record->hash) &&
      name != store_name_of_signature(record->hash, record->id)) {
    return tampered(path, "holds the signature of another object");
  }
  return record;
}

bool ObjectStore::contains(const Digest& hash) const {
  return os::exists(directory_ + "/" + store_name_of_object(hash));
}

Result<Digest> ObjectStore::put(const Json& object) const {
  Json stored = object;
  if (stored.find("sign") != nullptr) stored.as_object().erase("sign");
  const std::string bytes = text::canonical_json(stored);
  if (bytes.size() > limits::kManifestBytesMax) {
    return fail(Code::kTooLarge, fmt::format("an object of {} bytes; the limit is 1 MiB", bytes.size()));
  }
  const Digest hash = crypto::sha256(bytes);
  if (contains(hash)) {
    // Writing over it would hide that somebody changed it; leaving it unread would build on it.
    RTT_TRY(get(hash));
    return hash;
  }
  const std::string path = directory_ + "/" + store_name_of_object(hash);
  RTT_TRY(os::make_directories(path.substr(0, path.rfind('/'))));
  RTT_TRY(os::write_once(path, bytes, {.mode = 0444}));
  return hash;
}

Result<std::string> ObjectStore::bytes_of(const Digest& hash) const {
  const std::string name = store_name_of_object(hash);
  const std::string path = directory_ + "/" + name;
  auto bytes = read_stored(directory_, name);
  if (!bytes && bytes.error().code == Code::kNotFound) {
    return fail(Code::kNotFound, "no object " + to_string(hash) + " is stored here", path, "rtt scan");
  }
  if (!bytes && bytes.error().code == Code::kTooLarge) return tampered(path, "is larger than any object");
  if (bytes && crypto::sha256(*bytes) != hash) return tampered(path, "does not have the hash in its name");
  return bytes;
}

Status ObjectStore::intact(const Digest& hash) const {
  RTT_TRY(bytes_of(hash));
  return {};
}

Result<Json> ObjectStore::get(const Digest& hash) const {
  RTT_TRY_SET(const std::string bytes, bytes_of(hash));
  const std::string path = directory_ + "/" + store_name_of_object(hash);
  auto json = text::parse_json(bytes, {.source_name = path});
  if (!json || text::canonical_json(*json) != bytes) return tampered(path, "is not canonical JSON");
  return json;
}

Result<std::string> ObjectStore::signature_name(const Digest& hash, std::string_view id) const {
  const std::string first = store_name_of_signature(hash);
  const std::string second = store_name_of_signature(hash, id);
  if (os::exists(directory_ + "/" + second)) return second;
  if (!os::exists(directory_ + "/" + first)) return first;
  RTT_TRY_SET(const SigFile there, read_signature(first));
  return there.id == id ? first : second;
}

Status ObjectStore::write_signature(const SigFile& signature) const {
  RTT_TRY_SET(const std::string name, signature_name(signature.hash, signature.id));
  const std::string path = directory_ + "/" + name;
  RTT_TRY(os::make_directories(path.substr(0, path.rfind('/'))));
  return os::write_atomic(path, text::canonical_json(to_json(signature)));
}

Status ObjectStore::promote(std::vector<SigFile> wanted) const {
  std::ranges::stable_sort(wanted, {}, &SigFile::id);
  Lineage lineage;  // read once for all ids, and again where one id is promoted twice
  for (std::size_t at = 0; at < wanted.size(); ++at) {
    if (at == 0 || wanted[at].id == wanted[at - 1].id) {
      RTT_TRY_SET(std::vector<SigFile> all, signatures());
      lineage = Lineage(std::move(all));
    }
    RTT_TRY(promote_one(wanted[at], lineage));
  }
  return {};
}

Status ObjectStore::promote_one(SigFile next, const Lineage& lineage) const {
  RTT_TRY_SET(const SigFile* live, lineage.live(next.id));
  const SigFile* old = lineage.find(next.id, next.hash);
  if (old == nullptr) {
    next.supersedes = live == nullptr ? std::nullopt : std::optional(live->hash);
    next.sign = merged(std::move(next.sign), {});
    return write_signature(next);
  }
  // Going back takes away what came after, newest first: after each removal exactly one version is live.
  for (const SigFile* above = live; above != nullptr && above != old;) {
    RTT_TRY_SET(const std::string name, signature_name(above->hash, above->id));
    RTT_TRY(os::remove_file(directory_ + "/" + name));
    above = above->supersedes ? lineage.find(next.id, *above->supersedes) : nullptr;
  }
  next.sign = merged(old->sign, next.sign);
  next.supersedes = old->supersedes;
  return next == *old ? Status() : write_signature(next);
}

Result<std::optional<SigFile>> ObjectStore::signature(const Digest& hash) const {
  auto record = read_signature(store_name_of_signature(hash));
  if (record) return std::optional(std::move(*record));
  if (record.error().code == Code::kNotFound) return std::optional<SigFile>();
  return std::unexpected(record.error());
}

Result<std::vector<SigFile>> ObjectStore::signatures() const {
  RTT_TRY_SET(std::vector<StoredName> names, list_store(directory_));
  std::erase_if(names, [](const StoredName& one) { return one.kind != StoredName::Kind::kSignature; });
  if (names.empty()) return std::vector<SigFile>();
  std::vector<std::optional<Result<SigFile>>> read(names.size());
  RTT_TRY_SET(const os::Folder folder, os::Folder::open(directory_));
  os::in_parallel(names.size(), [&](std::size_t i) {
    auto text = stored_text(folder.read(names[i].name, limits::kManifestBytesMax), directory_, names[i].name);
    read[i] = text ? signature_from(*text, names[i].name) : std::unexpected(std::move(text).error());
  });
  std::vector<SigFile> all;
  all.reserve(read.size());
  for (auto& record : read) {
    if (!*record) return std::unexpected(std::move(*record).error());
    all.push_back(std::move(**record));
  }
  std::ranges::sort(all, [](const SigFile& a, const SigFile& b) {
    return std::tie(a.hash, a.id) < std::tie(b.hash, b.id);
  });
  return all;
}

Result<std::optional<Digest>> ObjectStore::live(std::string_view id) const {
  RTT_TRY_SET(std::vector<SigFile> all, signatures());
  const Lineage lineage(std::move(all));
  RTT_TRY_SET(const SigFile* record, lineage.live(id));
  return record == nullptr ? std::nullopt : std::optional(record->hash);
}

Result<Json> ObjectStore::index() const {
  RTT_TRY_SET(std::vector<SigFile> all, signatures());
  const Lineage lineage(std::move(all));
  Json index = text::JsonObject{};
  for (const std::string_view id : lineage.ids()) {
    RTT_TRY_SET(const SigFile* record, lineage.live(id));
    if (!contains(record->hash)) {
      return tampered(directory_ + "/" + store_name_of_object(record->hash),
                      fmt::format("is gone, but {} is signed as it", id));
    }
    index.set(id, Json::object({{"hash", to_string(record->hash)},
                                {"sign", model::sign_records_to_json(record->sign)}}));
  }
  return index;
}

Status ObjectStore::write_index() const {
  RTT_TRY_SET(const Json rebuilt, index());
  const std::string bytes = text::canonical_json(rebuilt);
  const auto present = os::read_file(index_file_, bytes.size());
  if (present && *present == bytes) return {};
  RTT_TRY(os::make_directories(index_file_.substr(0, index_file_.rfind('/'))));
  return os::write_atomic(index_file_, bytes);
}

}  // namespace rtt::registry
