// SPDX-License-Identifier: Apache-2.0
#include "registry/identity.h"

#include <algorithm>

#include "base/hex.h"
#include "crypto/hmac.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/permissions.h"
#include "registry/key_file.h"

namespace rtt::registry {
namespace {

std::string keys_folder(const std::string& user_dir) { return user_dir + "/keys"; }

// Secret bytes on the heap are cleared before they are given back.
class Wiped {
 public:
  explicit Wiped(std::string text) : text_(std::move(text)) {}
  ~Wiped() {
    volatile char* bytes = text_.data();
    for (std::size_t at = 0; at < text_.size(); ++at) bytes[at] = 0;
  }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  [[nodiscard]] std::string_view view() const { return text_; }

 private:
  std::string text_;
};

std::vector<std::string> key_ids(const std::string& user_dir) {
  std::vector<std::string> ids;
  const auto names = os::list_directory(keys_folder(user_dir));
  if (!names) return ids;
  for (const std::string& name : *names) {
    if (name.size() == 20 && name.ends_with(".key") && from_hex(name.substr(0, 16)))
      ids.push_back(name.substr(0, 16));
  }
  return ids;
}

using KeyBytes = std::array<std::byte, 32>;

// A file of 32 secret bytes in base64, which only its owner may read.
Result<KeyBytes> read_key_bytes(const std::string& path, std::string_view hint) {
  RTT_TRY_SET(const std::uint32_t mode, os::permissions_of(path));
  if ((mode & 0077U) != 0) {
    return fail(Code::kPermission, "others may read this private key", path, "chmod 600 " + path);
  }
  RTT_TRY_SET(std::string text, os::read_file(path, kKeyFileBytesMax));
  if (text.ends_with('\n')) text.pop_back();
  const Wiped held(std::move(text));
  auto bytes = from_base64(held.view());
  KeyBytes key{};
  if (!bytes || bytes->size() != key.size()) {
    return fail(Code::kCryptoFailed, "the private key file is damaged", path, std::string(hint));
  }
  std::ranges::copy(*bytes, key.begin());
  std::ranges::fill(*bytes, std::byte{0});
  return key;
}

Result<crypto::SecretKey> read_key(const std::string& user_dir, const std::string& id) {
  const std::string path = keys_folder(user_dir) + "/" + id + ".key";
  RTT_TRY_SET(KeyBytes seed, read_key_bytes(path, "rtt keys new"));
  crypto::SecretKey key = crypto::SecretKey::from_seed(seed);
  std::ranges::fill(seed, std::byte{0});
  if (crypto::key_id(key.public_key()) != id) {
    return fail(Code::kCryptoFailed, "the private key file holds another key than its name says", path,
                "rtt keys new");
  }
  return key;
}

}  // namespace

bool has_own_key(const std::string& user_dir) { return !key_ids(user_dir).empty(); }

Result<crypto::SecretKey> load_own_key(const std::string& user_dir) {
  const std::vector<std::string> ids = key_ids(user_dir);
  if (ids.empty()) {
    return fail(Code::kNoPrivateKey, "this user has no signing key", keys_folder(user_dir), "rtt keys new");
  }
  const std::string current_file = keys_folder(user_dir) + "/current";
  auto current = os::read_file(current_file, kKeyFileBytesMax);
  if (!current && current.error().code != Code::kNotFound) return std::unexpected(current.error());
  std::string id = current ? *current : (ids.size() == 1 ? ids.front() : std::string());
  if (id.ends_with('\n')) id.pop_back();
  if (std::ranges::find(ids, id) == ids.end()) {
    return fail(Code::kNoPrivateKey, "which of this user's keys is the current one is not known",
                current_file, "write a key id into " + current_file);
  }
  return read_key(user_dir, id);
}

Result<std::string> create_own_key(const std::string& user_dir, std::string_view label) {
  const std::string folder = keys_folder(user_dir);
  RTT_TRY(os::make_directories(folder, 0700));
  std::array<std::byte, 32> seed{};
  os::fill_random(seed);
  const crypto::SecretKey key = crypto::SecretKey::from_seed(seed);
  const std::string id = crypto::key_id(key.public_key());
  const Wiped text(to_base64(seed) + "\n");
  std::ranges::fill(seed, std::byte{0});
  RTT_TRY(os::write_atomic(folder + "/" + id + ".key", text.view(), {.mode = 0600}));
  RTT_TRY(os::write_atomic(folder + "/" + id + ".pub",
                           print_public_key({.key = key.public_key(), .label = std::string(label)})));
  RTT_TRY(os::write_atomic(folder + "/current", id + "\n"));
  return id;
}

Result<std::array<std::byte, 32>> receipts_key(const std::string& user_dir) {
  const std::string path = user_dir + "/receipts.key";
  if (!os::exists(path)) {
    RTT_TRY(os::make_directories(user_dir, 0700));
    KeyBytes fresh{};
    os::fill_random(fresh);
    const Wiped text(to_base64(fresh) + "\n");
    std::ranges::fill(fresh, std::byte{0});
    // Of two that make one at once, the first one's stays.
    RTT_TRY(os::write_once(path, text.view(), {.mode = 0600}));
  }
  return read_key_bytes(path, "move it away; what it made can then no longer be compared");
}

Result<std::array<std::byte, 32>> cache_key(const std::string& user_dir) {
  RTT_TRY_SET(const crypto::SecretKey own, load_own_key(user_dir));
  auto seed = own.seed();
  const Digest derived = crypto::HmacSha256(seed).mac("rtt:cache:v1\n");
  std::ranges::fill(seed, std::byte{0});
  return derived.bytes;
}

Result<std::vector<OwnKey>> own_keys(const std::string& user_dir) {
  std::vector<OwnKey> keys;
  for (const std::string& id : key_ids(user_dir)) {
    RTT_TRY_SET(const crypto::SecretKey secret, read_key(user_dir, id));
    OwnKey own{.key_id = id, .key = secret.public_key(), .label = {}};
    const std::string file = keys_folder(user_dir) + "/" + id + ".pub";
    if (const auto text = os::read_file(file, kKeyFileBytesMax)) {
      if (auto line = parse_public_key(*text, file)) own.label = std::move(line->label);
    }
    keys.push_back(std::move(own));
  }
  return keys;
}

}  // namespace rtt::registry
