// SPDX-License-Identifier: Apache-2.0
#include "crypto/mac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"

namespace rtt::crypto {

Digest hmac_sha256(const MacKey& key, ByteView message) {
  Digest digest;
  unsigned int length = 0;
  const auto* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                          reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                          reinterpret_cast<unsigned char*>(digest.bytes.data()), &length);
  RTT_ASSERT(made != nullptr);
  RTT_ASSERT(length == digest.bytes.size());
  return digest;
}

}  // namespace rtt::crypto
