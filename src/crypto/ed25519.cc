// SPDX-License-Identifier: Apache-2.0
#include "crypto/ed25519.h"

#include <sodium.h>

#include "base/assert.h"
#include "crypto/sha256.h"

namespace rtt::crypto {
namespace {

const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

// Cheap after the first call and safe from any thread, so nothing of ours has to remember that it was made.
void ensure_sodium() { RTT_ASSERT(sodium_init() >= 0); }

}  // namespace

SecretKey SecretKey::from_seed(const std::array<std::byte, 32>& seed) {
  static_assert(crypto_sign_ed25519_SEEDBYTES == 32);
  static_assert(crypto_sign_ed25519_SECRETKEYBYTES == sizeof(SecretKey::secret_));
  static_assert(crypto_sign_ed25519_PUBLICKEYBYTES == sizeof(PublicKey));
  ensure_sodium();
  SecretKey key;
  RTT_ASSERT(crypto_sign_ed25519_seed_keypair(raw(key.public_.bytes.data()), raw(key.secret_.data()),
                                              raw(seed.data())) == 0);
  return key;
}

SecretKey::~SecretKey() { sodium_memzero(secret_.data(), secret_.size()); }

SecretKey::SecretKey(SecretKey&& other) noexcept : secret_(other.secret_), public_(other.public_) {
  sodium_memzero(other.secret_.data(), other.secret_.size());
}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this == &other) return *this;
  secret_ = other.secret_;
  public_ = other.public_;
  sodium_memzero(other.secret_.data(), other.secret_.size());
  return *this;
}

std::array<std::byte, 32> SecretKey::seed() const {
  std::array<std::byte, 32> seed{};
  RTT_ASSERT(crypto_sign_ed25519_sk_to_seed(raw(seed.data()), raw(secret_.data())) == 0);
  return seed;
}

Signature SecretKey::sign(ByteView message) const {
  static_assert(crypto_sign_ed25519_BYTES == sizeof(Signature));
  // A moved-from key is all zeros; signing with it would publish a signature of a key everybody knows.
  RTT_ASSERT(sodium_is_zero(raw(secret_.data()), secret_.size()) == 0);
  Signature signature;
  RTT_ASSERT(crypto_sign_ed25519_detached(raw(signature.bytes.data()), nullptr, raw(message.data()),
                                          message.size(), raw(secret_.data())) == 0);
  return signature;
}

bool is_public_key(const PublicKey& key) {
  ensure_sodium();
  return crypto_core_ed25519_is_valid_point(raw(key.bytes.data())) == 1;
}

bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
  ensure_sodium();
  return crypto_sign_ed25519_verify_detached(raw(signature.bytes.data()), raw(message.data()), message.size(),
                                             raw(key.bytes.data())) == 0;
}

std::string key_id(const PublicKey& key) { return bare_hex(sha256(key.bytes)).substr(0, 16); }

std::string_view to_string(SignKind kind) {
  switch (kind) {
    case SignKind::kManifest:
      return "manifest";
    case SignKind::kConfig:
      return "config";
    case SignKind::kPlan:
      return "plan";
    case SignKind::kView:
      return "view";
    case SignKind::kCheckpoint:
      return "checkpoint";
    case SignKind::kProfile:
      return "profile";
    case SignKind::kSbom:
      return "sbom";
    case SignKind::kToken:
      return "token";
    case SignKind::kRegistry:
      return "registry";
    case SignKind::kReceipt:
      return "receipt";
    case SignKind::kRoot:
      return "root";
  }
  RTT_ASSERT(false);
  return {};
}

std::string signing_message(SignKind kind, const Digest& hash) {
  return "rtt:" + std::string(to_string(kind)) + ":v1\n" + bare_hex(hash);
}

}  // namespace rtt::crypto
