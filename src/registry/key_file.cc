// SPDX-License-Identifier: Apache-2.0
#include "registry/key_file.h"

#include <algorithm>

#include "base/hex.h"

namespace rtt::registry {
namespace {

constexpr std::string_view kAlgorithm = "ed25519 ";
constexpr std::size_t kLabelBytesMax = 64;

std::string clean_label(std::string_view label) {
  std::string clean;
  for (const char byte : label) {
    const auto value = static_cast<unsigned char>(byte);
    if (clean.size() == kLabelBytesMax) break;
    // Labels come with repositories and go to terminals: printable ASCII only.
    clean += value >= 0x20 && value < 0x7f ? byte : '?';
  }
  return clean;
}

}  // namespace

Result<crypto::PublicKey> public_key_from_base64(std::string_view text, std::string_view file) {
  const auto bytes = from_base64(text);
  crypto::PublicKey key;
  if (!bytes || bytes->size() != key.bytes.size()) {
    return fail(Code::kCryptoFailed, "not the base64 of a 32-byte key", std::string(file), "rtt keys ls");
  }
  std::ranges::copy(*bytes, key.bytes.begin());
  if (!crypto::is_public_key(key)) {
    return fail(Code::kCryptoFailed, "32 bytes that are no Ed25519 public key", std::string(file),
                "rtt keys ls");
  }
  return key;
}

Result<PublicKeyLine> parse_public_key(std::string_view text, std::string_view file) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.starts_with(kAlgorithm) || text.contains('\n')) {
    return fail(Code::kCryptoFailed, "a public key is one line `ed25519 <base64> <label>`", std::string(file),
                "rtt keys ls");
  }
  text.remove_prefix(kAlgorithm.size());
  const std::size_t space = std::min(text.find(' '), text.size());
  RTT_TRY_SET(const crypto::PublicKey key, public_key_from_base64(text.substr(0, space), file));
  return PublicKeyLine{.key = key, .label = clean_label(text.substr(std::min(space + 1, text.size())))};
}

std::string print_public_key(const PublicKeyLine& line) {
  std::string text = std::string(kAlgorithm) + to_base64(line.key.bytes);
  if (!line.label.empty()) text += " " + clean_label(line.label);
  return text + "\n";
}

}  // namespace rtt::registry
