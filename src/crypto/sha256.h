// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) by OpenSSL: SHA-NI gives 1.1–1.7 µs for 1.8 KB where a portable C implementation needs
// 7 µs. Most of what is hashed here is shorter than a line, and for 100 bytes OpenSSL's EVP spends more on
// setting up than on hashing; its SHA256_CTX is a plain value, so this and hmac.h use that older interface.
//
// Owns: its state.   Thread: one per hasher.   Fails: never (a failing hash is a broken process: RTT_ASSERT).
#pragma once

#include <array>

#include "base/id.h"

namespace rtt::crypto {

class Sha256 {
 public:
  Sha256();
  void update(ByteView bytes);
  Digest finish();  // and starts over

 private:
  static constexpr std::size_t kStateBytes = 112;  // SHA256_CTX
  struct alignas(8) State {
    std::array<std::byte, kStateBytes> bytes;
  };
  template <typename Use>
  void with_state(Use use);

  State state_{};
};

Digest sha256(ByteView bytes);
inline Digest sha256(std::string_view text) { return sha256(as_bytes(text)); }

}  // namespace rtt::crypto
