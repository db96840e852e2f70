// SPDX-License-Identifier: Apache-2.0
// Keyring: the public keys a verifier counts, and what each is: trusted, revoked, or unknown.
//
// Pure: the caller (registry/trust) loads keys from files and decides which this user accepted.
//
// Owns: its keys.   Thread: one writer or many readers; one where it remembers.   Fails: see Verdict.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "crypto/ed25519.h"

namespace rtt::crypto {

// One signature as written in files: {"alg":"ed25519","key_id":"…","sig":"<base64>"}.
struct SignRecord {
  std::string key_id;
  Signature signature;
  friend auto operator<=>(const SignRecord&, const SignRecord&) = default;
};

// Best first: the order decides which of several failing records is reported.
enum class Verdict : std::uint8_t { kTrusted, kUnsigned, kUnknownSigner, kRevokedSigner, kBadSignature };

struct KeyEntry {
  PublicKey key;
  std::string label;
  bool revoked = false;
};

class Keyring {
 public:
  // A key added again takes the new label, and is never un-revoked. Another key of the same id does not
  // displace it.
  void add(KeyEntry entry);
  // Also for a key that is not here (yet), so that the order of loading does not matter.
  void revoke(std::string_view key_id);
  [[nodiscard]] const KeyEntry* find(std::string_view key_id) const;
  [[nodiscard]] const FlatMap<std::string, KeyEntry>& keys() const { return keys_; }
  // Instead of verify() of ed25519.h: one that remembers, say. What it refers to outlives its use here.
  using Verify = std::function<bool(const PublicKey& key, ByteView message, const Signature& signature)>;
  void verify_with(Verify verify) { verify_ = std::move(verify); }

  // The best any record achieves: one trusted signature is enough. `signer` names the key that decided.
  struct Outcome {
    Verdict verdict = Verdict::kUnsigned;
    std::string signer;
  };
  [[nodiscard]] Outcome check(SignKind kind, const Digest& hash,
                              const std::vector<SignRecord>& records) const;

 private:
  struct Revoked {};
  [[nodiscard]] Verdict judge(const SignRecord& record, ByteView message) const;

  FlatMap<std::string, KeyEntry> keys_;
  FlatMap<std::string, Revoked> revoked_;
  Verify verify_ = verify;
};

SignRecord sign(const SecretKey& key, SignKind kind, const Digest& hash);

}  // namespace rtt::crypto
