// SPDX-License-Identifier: Apache-2.0
// VerifiedSignatures: those found sound before, each by the hash of all that decides it (key, message,
// signature), so that a signature that lies where it lay is not computed again.
//
// Ed25519 takes 67 µs; a workspace of 1,000 signed agents would pay that for each of them with every command.
// Only sound ones are kept: what is unsound is looked at again. The hash says everything, so an entry never
// goes stale; whoever keeps them must know that nobody else wrote them (registry/own_cache.h).
//
// Owns: the hashes.   Thread: any for verify, one for the rest.   Fails: never.   Limits: the caller's.
#pragma once

#include <mutex>
#include <vector>

#include "crypto/ed25519.h"

namespace rtt::registry {

class VerifiedSignatures {
 public:
  VerifiedSignatures() = default;
  VerifiedSignatures(VerifiedSignatures&& other) noexcept
      : known_(std::move(other.known_)), met_(std::move(other.met_)), grown_(other.grown_) {}
  explicit VerifiedSignatures(std::vector<Digest> known);

  bool verify(const crypto::PublicKey& key, ByteView message, const crypto::Signature& signature);
  // One that was just made, with the key that is the public one's other half.
  void made(const crypto::PublicKey& key, ByteView message, const crypto::Signature& signature);
  // All that are known count as asked for: for who makes some and asks for none.
  void keep_known();

  [[nodiscard]] bool grown() const { return grown_; }
  // Those asked for in the life of this, sorted: what is worth keeping.
  [[nodiscard]] std::vector<Digest> met() const;

 private:
  std::vector<Digest> known_;  // sorted
  std::mutex turn_;            // of what follows
  std::vector<Digest> met_;
  bool grown_ = false;
};

}  // namespace rtt::registry
