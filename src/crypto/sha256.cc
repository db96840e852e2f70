// SPDX-License-Identifier: Apache-2.0
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/sha256.h"

#include <openssl/sha.h>

#include <cstring>

#include "base/assert.h"

namespace rtt::crypto {

// The state is kept as bytes, so that OpenSSL's names stay out of the header; these copies compile to
// nothing.
template <typename Use>
void Sha256::with_state(Use use) {
  static_assert(sizeof(SHA256_CTX) == kStateBytes);
  SHA256_CTX state;
  std::memcpy(&state, &state_, sizeof state);
  RTT_ASSERT(use(state) == 1);
  std::memcpy(&state_, &state, sizeof state);
}

Sha256::Sha256() {
  with_state([](SHA256_CTX& state) { return SHA256_Init(&state); });
}

void Sha256::update(ByteView bytes) {
  with_state([bytes](SHA256_CTX& state) { return SHA256_Update(&state, bytes.data(), bytes.size()); });
}

Digest Sha256::finish() {
  Digest digest;
  auto* const out = reinterpret_cast<unsigned char*>(digest.bytes.data());
  with_state([out](SHA256_CTX& state) { return SHA256_Final(out, &state); });
  *this = Sha256();
  return digest;
}

// Without the copies of the state: a chain of records hashes little else.
Digest sha256(ByteView bytes) {
  SHA256_CTX state;
  Digest digest;
  auto* const out = reinterpret_cast<unsigned char*>(digest.bytes.data());
  RTT_ASSERT(SHA256_Init(&state) == 1 && SHA256_Update(&state, bytes.data(), bytes.size()) == 1 &&
             SHA256_Final(out, &state) == 1);
  return digest;
}

}  // namespace rtt::crypto
