// SPDX-License-Identifier: Apache-2.0
// Public keys as text: `ed25519 <base64 of 32 bytes> <label>`, one line (docs/formats/trust.md).
//
// Thread: any.   Fails: kCryptoFailed naming the file.   Limits: kLabelBytesMax, 4 KiB a file.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/ed25519.h"

namespace rtt::registry {

inline constexpr std::size_t kKeyFileBytesMax = 4096;

struct PublicKeyLine {
  crypto::PublicKey key;
  std::string label;  // without control bytes, at most 64 bytes: it is shown to people
};
Result<PublicKeyLine> parse_public_key(std::string_view text, std::string_view file);
std::string print_public_key(const PublicKeyLine& line);
Result<crypto::PublicKey> public_key_from_base64(std::string_view text, std::string_view file);

}  // namespace rtt::registry
