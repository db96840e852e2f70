// SPDX-License-Identifier: Apache-2.0
// HmacSha256 (RFC 2104) under a key whose two padded blocks are hashed once, so that a short text costs two
// to three compressions.
//
// Two texts of every tool call go through it. OpenSSL's EVP copies a keyed state by allocating one (665 ns
// for 50 bytes here); its SHA256_CTX is a plain value (337 ns), so this one file uses that older interface.
//
// Owns: the keyed states; wiped when destroyed.   Thread: one writer; mac() from any.   Fails: never.
#pragma once

#include <array>

#include "base/id.h"

namespace rtt::crypto {

class HmacSha256 {
 public:
  // A key of up to 64 bytes as it is, a longer one by its hash.
  explicit HmacSha256(ByteView key);
  ~HmacSha256();
  HmacSha256(const HmacSha256&) = delete;
  HmacSha256& operator=(const HmacSha256&) = delete;

  [[nodiscard]] Digest mac(ByteView message) const;
  [[nodiscard]] Digest mac(std::string_view message) const { return mac(as_bytes(message)); }

 private:
  static constexpr std::size_t kStateBytes = 112;  // SHA256_CTX
  struct alignas(8) State {
    std::array<std::byte, kStateBytes> bytes;
  };
  State inner_{}, outer_{};
};

}  // namespace rtt::crypto
