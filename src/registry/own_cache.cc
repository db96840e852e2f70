// SPDX-License-Identifier: Apache-2.0
#include "registry/own_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "crypto/hmac.h"
#include "os/dir.h"
#include "os/file.h"
#include "registry/identity.h"

namespace rtt::registry {
namespace {

constexpr std::string_view kVerified = "verified";
constexpr std::size_t kVerifiedMax = std::size_t{1} << 18;  // 8 MiB
constexpr std::size_t kMacHex = 64;

std::string path_of(std::string_view name) { return fmt::format(".rtt/cache/{}", name); }

Result<std::string> mac_of(const Workspace& workspace, std::string_view name, std::string_view content) {
  RTT_TRY_SET(const auto key, cache_key(workspace.user_dir));
  return bare_hex(crypto::HmacSha256(key).mac(fmt::format("{}\n{}\n{}", name, workspace.root, content)));
}

}  // namespace

Result<std::string> read_own_cache(const Workspace& workspace, std::string_view name, std::size_t bytes_max) {
  const std::string path = path_of(name);
  const auto absent = [&path](std::string_view why) { return fail(Code::kNotFound, std::string(why), path); };
  auto file = os::read_beneath(workspace.root, path, bytes_max + kMacHex + 1);
  if (!file) return absent(file.error().message);
  const std::string_view text = file->content;
  if (text.size() < kMacHex + 1 || text[kMacHex] != '\n') return absent("not a file of this cache");
  const auto mac = mac_of(workspace, name, text.substr(kMacHex + 1));
  if (!mac || *mac != text.substr(0, kMacHex)) return absent("not written by this user here");
  return std::string(text.substr(kMacHex + 1));
}

Status write_own_cache(const Workspace& workspace, std::string_view name, std::string_view content) {
  RTT_TRY_SET(const std::string mac, mac_of(workspace, name, content));
  return os::write_atomic(workspace.path(path_of(name)), fmt::format("{}\n{}", mac, content),
                          {.mode = 0600, .durable = os::Durable::kNo});
}

VerifiedSignatures load_verified(const Workspace& workspace) {
  const auto text = read_own_cache(workspace, kVerified, kVerifiedMax * sizeof(Digest::bytes));
  std::vector<Digest> known;
  if (!text || text->size() % sizeof(Digest::bytes) != 0) return VerifiedSignatures();
  known.resize(text->size() / sizeof(Digest::bytes));
  for (std::size_t at = 0; at < known.size(); ++at) {
    const ByteView bytes = as_bytes(*text).subspan(at * known[at].bytes.size(), known[at].bytes.size());
    std::ranges::copy(bytes, known[at].bytes.begin());
  }
  return VerifiedSignatures(std::move(known));
}

void keep_verified(const Workspace& workspace, const VerifiedSignatures& verified) {
  if (!verified.grown() || !os::is_directory(workspace.dot("cache"))) return;
  const std::vector<Digest> met = verified.met();
  if (met.size() > kVerifiedMax) return;
  std::string text;
  for (const Digest& one : met)
    text.append(reinterpret_cast<const char*>(one.bytes.data()), one.bytes.size());
  static_cast<void>(write_own_cache(workspace, kVerified, text));
}

}  // namespace rtt::registry
