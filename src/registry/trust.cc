// SPDX-License-Identifier: Apache-2.0
#include "registry/trust.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hex.h"
#include "model/limits.h"
#include "os/dir.h"
#include "os/file.h"
#include "registry/key_file.h"
#include "registry/repository.h"

namespace rtt::registry {
namespace {

using text::Json;

constexpr std::string_view kKeysFolder = ".rtt/registry/trust/keys";
constexpr std::string_view kRevokedFile = ".rtt/registry/trust/revoked.json";
constexpr std::size_t kKeysMax = 4096;

std::string trust_file(const Workspace& workspace) { return workspace.user_dir + "/trust.json"; }

// What this user decided about one repository.
struct Decisions {
  std::vector<crypto::PublicKey> accepted;
  std::vector<std::string> revoked;
};

Result<Json> read_trust(const Workspace& workspace) {
  const std::string path = trust_file(workspace);
  const auto text = os::read_file(path, limits::kConfigBytesMax);
  if (!text && text.error().code == Code::kNotFound) return Json(text::JsonObject{});
  if (!text) return std::unexpected(text.error());
  RTT_TRY_SET(Json json, text::parse_json(*text, {.source_name = path}));
  if (!json.is_object()) return fail(Code::kBadShape, "must be an object", path);
  return json;
}

const Json* entry_of(const Json& trust, const std::string& repository) {
  const Json* repositories = trust.find("repositories");
  return repositories == nullptr ? nullptr : repositories->find(repository);
}

Result<Decisions> decisions(const Workspace& workspace) {
  RTT_TRY_SET(const Json trust, read_trust(workspace));
  Decisions decided;
  const Json* entry = entry_of(trust, repository_of(workspace.root));
  if (entry == nullptr) return decided;
  if (const Json* accepted = entry->find("accepted"); accepted != nullptr && accepted->is_array()) {
    for (const Json& key : accepted->as_array()) {
      RTT_TRY_SET(const crypto::PublicKey read,
                  public_key_from_base64(key.string_or("key"), trust_file(workspace)));
      decided.accepted.push_back(read);
    }
  }
  if (const Json* revoked = entry->find("revoked"); revoked != nullptr && revoked->is_array()) {
    for (const Json& id : revoked->as_array()) {
      if (id.is_string()) decided.revoked.push_back(id.as_string());
    }
  }
  return decided;
}

// Reads, changes and writes trust.json under a lock, so that two acceptances at once both last.
template <typename Change>
Status change_trust(const Workspace& workspace, const Change& change) {
  RTT_TRY(os::make_directories(workspace.user_dir, 0700));
  RTT_TRY_SET(const os::FileLock lock,
              os::FileLock::take(workspace.user_dir + "/trust.lock", os::FileLock::Wait::kYes));
  static_cast<void>(lock);
  RTT_TRY_SET(Json trust, read_trust(workspace));
  Json repositories =
      trust.find("repositories") == nullptr ? Json(text::JsonObject{}) : *trust.find("repositories");
  const std::string repository = repository_of(workspace.root);
  Json entry =
      repositories.find(repository) == nullptr ? Json(text::JsonObject{}) : *repositories.find(repository);
  if (!repositories.is_object() || !entry.is_object()) {
    return fail(Code::kBadShape, "`repositories` must be an object of objects", trust_file(workspace));
  }
  change(entry);
  repositories.set(repository, std::move(entry));
  trust.set("repositories", std::move(repositories));
  return os::write_atomic(trust_file(workspace), text::to_pretty_json(trust), {.mode = 0600});
}

Json array_in(const Json& entry, std::string_view key) {
  const Json* found = entry.find(key);
  return found != nullptr && found->is_array() ? *found : Json(text::JsonArray{});
}

void push_once(Json& array, Json value) {
  if (std::ranges::find(array.as_array(), value) == array.as_array().end()) array.push(std::move(value));
}

Result<Json> read_revoked(const Workspace& workspace) {
  const auto file = os::read_beneath(workspace.root, std::string(kRevokedFile), limits::kConfigBytesMax);
  if (!file && file.error().code == Code::kNotFound) return Json::object({{"revoked", text::JsonArray{}}});
  if (!file) return std::unexpected(file.error());
  RTT_TRY_SET(Json json, text::parse_json(file->content, {.source_name = kRevokedFile}));
  const Json* list = json.find("revoked");
  const bool sound =
      list != nullptr && list->is_array() && std::ranges::all_of(list->as_array(), [](const Json& one) {
        return one.string_or("key_id").size() == 16;
      });
  if (!sound) {
    return fail(Code::kBadShape, R"(must be {"revoked":[{"key_id":"…","reason":"…"}]})",
                std::string(kRevokedFile), "rtt keys revoke KEY");
  }
  return json;
}

Result<KeyInfo> find_published(const Workspace& workspace, std::string_view key_id) {
  RTT_TRY_SET(const PublishedKeys published, published_keys(workspace));
  const KeyInfo* found = nullptr;
  for (const KeyInfo& info : published.keys) {
    if (info.key_id != key_id) continue;
    if (found != nullptr && found->key != info.key) {
      return fail(Code::kAmbiguous, fmt::format("two different keys here have the id {}", key_id), info.file);
    }
    found = &info;
  }
  if (found != nullptr) return *found;
  return fail(Code::kNotFound, fmt::format("no key {} is published in this workspace", key_id),
              std::string(kKeysFolder), "rtt keys ls");
}

}  // namespace

Result<PublishedKeys> published_keys(const Workspace& workspace) {
  PublishedKeys published;
  const std::string folder = workspace.path(kKeysFolder);
  if (!os::is_directory(folder)) return published;
  RTT_TRY_SET(const std::vector<std::string> names, os::list_directory(folder));
  for (const std::string& name : names) {
    if (!name.ends_with(".pub") || published.keys.size() >= kKeysMax) continue;
    const std::string relative = std::string(kKeysFolder) + "/" + name;
    const auto file = os::read_beneath(workspace.root, relative, kKeyFileBytesMax);
    auto line = file ? parse_public_key(file->content, relative)
                     : Result<PublicKeyLine>(std::unexpected(file.error()));
    if (!line) {
      published.problems.push_back(model::problem_from(line.error(), relative));
      continue;
    }
    published.keys.push_back({.key_id = crypto::key_id(line->key),
                              .label = std::move(line->label),
                              .key = line->key,
                              .file = relative});
  }
  std::ranges::sort(published.keys, [](const KeyInfo& a, const KeyInfo& b) {
    return std::tie(a.key_id, a.file) < std::tie(b.key_id, b.file);
  });
  return published;
}

Result<std::vector<std::string>> revoked_keys(const Workspace& workspace) {
  RTT_TRY_SET(const Json revoked, read_revoked(workspace));
  RTT_TRY_SET(const Decisions decided, decisions(workspace));
  std::vector<std::string> ids = decided.revoked;
  for (const Json& one : revoked.find("revoked")->as_array()) ids.emplace_back(one.string_or("key_id"));
  std::ranges::sort(ids);
  const auto rest = std::ranges::unique(ids);
  ids.erase(rest.begin(), rest.end());
  return ids;
}

Status publish_key(const Workspace& workspace, const crypto::PublicKey& key, std::string_view label) {
  RTT_TRY(os::make_directories(workspace.path(kKeysFolder)));
  const std::string path = workspace.path(kKeysFolder) + "/" + crypto::key_id(key) + ".pub";
  return os::write_once(path, print_public_key({.key = key, .label = std::string(label)}));
}

Result<std::vector<KeyInfo>> list_keys(const Workspace& workspace) {
  RTT_TRY_SET(PublishedKeys published, published_keys(workspace));
  RTT_TRY_SET(const std::vector<OwnKey> own, own_keys(workspace.user_dir));
  RTT_TRY_SET(const Decisions decided, decisions(workspace));
  RTT_TRY_SET(const std::vector<std::string> revoked, revoked_keys(workspace));
  std::vector<KeyInfo> keys = std::move(published.keys);
  for (const OwnKey& mine : own) {
    if (std::ranges::none_of(keys, [&mine](const KeyInfo& info) { return info.key == mine.key; })) {
      keys.push_back({.key_id = mine.key_id, .label = mine.label, .key = mine.key, .file = {}});
    }
  }
  for (KeyInfo& info : keys) {
    info.own = std::ranges::any_of(own, [&info](const OwnKey& mine) { return mine.key == info.key; });
    info.accepted = info.own || std::ranges::find(decided.accepted, info.key) != decided.accepted.end();
    info.revoked = std::ranges::binary_search(revoked, info.key_id);
  }
  std::ranges::sort(keys, [](const KeyInfo& a, const KeyInfo& b) {
    return std::tie(a.key_id, a.file) < std::tie(b.key_id, b.file);
  });
  return keys;
}

Status accept_key(const Workspace& workspace, std::string_view key_id) {
  RTT_TRY_SET(const KeyInfo found, find_published(workspace, key_id));
  RTT_TRY_SET(const std::vector<std::string> revoked, revoked_keys(workspace));
  if (std::ranges::binary_search(revoked, found.key_id)) {
    return fail(Code::kRevokedSigner, fmt::format("the key {} is revoked here", key_id), found.file,
                "rtt keys ls");
  }
  return change_trust(workspace, [&found](Json& entry) {
    Json accepted = array_in(entry, "accepted");
    push_once(accepted, Json::object({{"key", to_base64(found.key.bytes)}, {"key_id", found.key_id}}));
    entry.set("accepted", std::move(accepted));
  });
}

Status revoke_key(const Workspace& workspace, std::string_view key_id, std::string_view reason) {
  RTT_TRY_SET(const std::vector<KeyInfo> keys, list_keys(workspace));
  if (std::ranges::none_of(keys, [key_id](const KeyInfo& info) { return info.key_id == key_id; })) {
    return fail(Code::kNotFound, fmt::format("no key {} is known here", key_id), {}, "rtt keys ls");
  }
  RTT_TRY_SET(Json revoked, read_revoked(workspace));
  Json list = array_in(revoked, "revoked");
  const auto same = [key_id](const Json& one) { return one.string_or("key_id") == key_id; };
  if (std::ranges::none_of(list.as_array(), same)) {
    list.push(Json::object({{"key_id", key_id}, {"reason", reason}}));
    std::ranges::sort(list.as_array(), {}, [](const Json& one) { return one.string_or("key_id"); });
    revoked.set("revoked", std::move(list));
    RTT_TRY(os::make_directories(workspace.path(kKeysFolder)));
    RTT_TRY(os::write_atomic(workspace.path(kRevokedFile), text::to_pretty_json(revoked)));
  }
  // Also remembered by this user: a branch without the file does not bring the key back.
  return change_trust(workspace, [key_id](Json& entry) {
    Json ids = array_in(entry, "revoked");
    push_once(ids, key_id);
    entry.set("revoked", std::move(ids));
  });
}

Result<crypto::Keyring> known_keys(const Workspace& workspace) {
  RTT_TRY_SET(const std::vector<KeyInfo> keys, list_keys(workspace));
  crypto::Keyring ring;
  for (const KeyInfo& info : keys) ring.add({.key = info.key, .label = info.label, .revoked = false});
  return ring;
}

Result<crypto::Keyring> load_keyring(const Workspace& workspace,
                                     const std::vector<std::string>& extra_files) {
  RTT_TRY_SET(const std::vector<KeyInfo> keys, list_keys(workspace));
  crypto::Keyring ring;
  // A revoked key is kept, accepted or not, so that its signatures are named for what they are.
  for (const KeyInfo& info : keys) {
    if (info.accepted || info.revoked)
      ring.add({.key = info.key, .label = info.label, .revoked = info.revoked});
  }
  for (const std::string& file : extra_files) {
    RTT_TRY_SET(const std::string text, os::read_file(file, kKeyFileBytesMax));
    RTT_TRY_SET(const PublicKeyLine line, parse_public_key(text, file));
    ring.add({.key = line.key, .label = line.label, .revoked = false});
  }
  RTT_TRY_SET(const std::vector<std::string> revoked, revoked_keys(workspace));
  for (const std::string& id : revoked) ring.revoke(id);
  return ring;
}

}  // namespace rtt::registry
