// SPDX-License-Identifier: Apache-2.0
// Ed25519 (RFC 8032) by libsodium: 14 µs to sign, 39 µs to verify here, and it refuses small-order public
// keys, which OpenSSL 3.0 accepts. Messages are domain separated: what is signed is `rtt:<kind>:v1\n` + 64
// hex digits of the object's hash, so a signature for one kind never verifies as another.
//
// Owns: SecretKey wipes its bytes when destroyed.   Thread: any.
// Fails: verification is a bool; no exceptions.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/result.h"

namespace rtt::crypto {

struct PublicKey {
  std::array<std::byte, 32> bytes{};
  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
};
struct Signature {
  std::array<std::byte, 64> bytes{};
  friend auto operator<=>(const Signature&, const Signature&) = default;
};

class SecretKey {
 public:
  // `seed` is 32 bytes of entropy (os/entropy.h) or a stored seed.
  static SecretKey from_seed(const std::array<std::byte, 32>& seed);
  ~SecretKey();
  SecretKey(SecretKey&&) noexcept;
  SecretKey& operator=(SecretKey&&) noexcept;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;

  [[nodiscard]] const PublicKey& public_key() const { return public_; }
  // The caller wipes or guards what it gets.
  [[nodiscard]] std::array<std::byte, 32> seed() const;
  // REQUIRES: not moved from.
  [[nodiscard]] Signature sign(ByteView message) const;

 private:
  SecretKey() = default;
  std::array<std::byte, 64> secret_{};
  PublicKey public_;
};

// Whether the bytes are a public key anybody can sign for: a canonical point of the main subgroup, not one of
// small order. Other bytes verify nothing, so taking them for a key would hide a mistake.
[[nodiscard]] bool is_public_key(const PublicKey& key);
[[nodiscard]] bool verify(const PublicKey& key, ByteView message, const Signature& signature);

// key_id: the first 16 hex digits of SHA-256 of the raw public key.
std::string key_id(const PublicKey& key);

// What a signature may stand for (docs/formats/signature.md).
enum class SignKind : std::uint8_t {
  kManifest,
  kConfig,
  kPlan,
  kView,
  kCheckpoint,
  kProfile,
  kSbom,
  kToken,
  kRegistry,
  kReceipt,
  kRoot,
};
std::string_view to_string(SignKind kind);
std::string signing_message(SignKind kind, const Digest& hash);

}  // namespace rtt::crypto
