// SPDX-License-Identifier: Apache-2.0
#include "crypto/sha256.h"

#include <openssl/evp.h>

#include "base/assert.h"

namespace rtt::crypto {

struct Sha256::State {
  State() : method(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context(EVP_MD_CTX_new()) {
    RTT_ASSERT(method != nullptr);
    RTT_ASSERT(context != nullptr);
    start();
  }
  ~State() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(method);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void start() { RTT_ASSERT(EVP_DigestInit_ex2(context, method, nullptr) == 1); }

  EVP_MD* method;
  EVP_MD_CTX* context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView bytes) {
  RTT_ASSERT(state_ != nullptr);
  RTT_ASSERT(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  RTT_ASSERT(state_ != nullptr);
  Digest digest;
  unsigned int length = 0;
  auto* out = reinterpret_cast<unsigned char*>(digest.bytes.data());
  RTT_ASSERT(EVP_DigestFinal_ex(state_->context, out, &length) == 1);
  RTT_ASSERT(length == digest.bytes.size());
  state_->start();
  return digest;
}

Digest sha256(ByteView bytes) {
  // One a thread: setting a hasher up costs more than hashing a journal record does. It starts over after
  // each finish.
  thread_local Sha256 hasher;  // NOLINT(misc-use-internal-linkage): it has none
  hasher.update(bytes);
  return hasher.finish();
}

}  // namespace rtt::crypto
