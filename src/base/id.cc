// SPDX-License-Identifier: Apache-2.0
#include "base/id.h"

#include "base/hex.h"

namespace rtt {

std::string to_string(const Digest& digest) { return "sha256-" + bare_hex(digest); }
std::string bare_hex(const Digest& digest) { return to_hex(digest.bytes); }

std::optional<Digest> parse_bare_hex(std::string_view text) {
  if (text.size() != 64) return std::nullopt;
  const auto bytes = from_hex(text);
  if (!bytes) return std::nullopt;
  Digest digest;
  std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
  return digest;
}

std::optional<Digest> parse_digest(std::string_view text) {
  if (!text.starts_with("sha256-") && !text.starts_with("sha256:")) return std::nullopt;
  return parse_bare_hex(text.substr(7));
}

}  // namespace rtt
