// SPDX-License-Identifier: Apache-2.0
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hmac.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "crypto/sha256.h"

namespace rtt::crypto {
namespace {

constexpr std::size_t kBlockBytes = SHA256_CBLOCK;

SHA256_CTX padded_state(ByteView key, std::byte pad) {
  std::array<std::byte, kBlockBytes> block{};
  std::ranges::copy(key, block.begin());
  for (std::byte& byte : block) byte ^= pad;
  SHA256_CTX state;
  RTT_ASSERT(SHA256_Init(&state) == 1);
  RTT_ASSERT(SHA256_Update(&state, block.data(), block.size()) == 1);
  OPENSSL_cleanse(block.data(), block.size());
  return state;
}

Digest finished(SHA256_CTX& state, ByteView message) {
  Digest digest;
  RTT_ASSERT(SHA256_Update(&state, message.data(), message.size()) == 1);
  RTT_ASSERT(SHA256_Final(reinterpret_cast<unsigned char*>(digest.bytes.data()), &state) == 1);
  return digest;
}

}  // namespace

HmacSha256::HmacSha256(ByteView key) {
  static_assert(sizeof(SHA256_CTX) == kStateBytes);
  Digest hashed;
  if (key.size() > kBlockBytes) {
    hashed = sha256(key);
    key = hashed.bytes;
  }
  SHA256_CTX state = padded_state(key, std::byte{0x36});
  std::memcpy(&inner_, &state, sizeof state);
  state = padded_state(key, std::byte{0x5c});
  std::memcpy(&outer_, &state, sizeof state);
  OPENSSL_cleanse(&state, sizeof state);
}

HmacSha256::~HmacSha256() {
  OPENSSL_cleanse(&inner_, sizeof inner_);
  OPENSSL_cleanse(&outer_, sizeof outer_);
}

Digest HmacSha256::mac(ByteView message) const {
  SHA256_CTX state;
  std::memcpy(&state, &inner_, sizeof state);
  const Digest inside = finished(state, message);
  std::memcpy(&state, &outer_, sizeof state);
  return finished(state, inside.bytes);
}

}  // namespace rtt::crypto
