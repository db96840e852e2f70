// SPDX-License-Identifier: Apache-2.0
#include "registry/verified.h"

#include <algorithm>

#include "crypto/sha256.h"

namespace rtt::registry {
namespace {

Digest name_of(const crypto::PublicKey& key, ByteView message, const crypto::Signature& signature) {
  crypto::Sha256 hash;  // key and signature have one length each, so the three parts are told apart
  hash.update(key.bytes);
  hash.update(signature.bytes);
  hash.update(message);
  return hash.finish();
}

}  // namespace

VerifiedSignatures::VerifiedSignatures(std::vector<Digest> known) : known_(std::move(known)) {
  std::ranges::sort(known_);
}

bool VerifiedSignatures::verify(const crypto::PublicKey& key, ByteView message,
                                const crypto::Signature& signature) {
  const Digest name = name_of(key, message, signature);
  bool known = std::ranges::binary_search(known_, name);
  if (!known) {
    const std::scoped_lock turn(turn_);
    known = !met_.empty() && met_.back() == name;
  }
  if (!known && !crypto::verify(key, message, signature)) return false;
  const std::scoped_lock turn(turn_);
  grown_ = grown_ || !known;
  met_.push_back(name);
  return true;
}

void VerifiedSignatures::made(const crypto::PublicKey& key, ByteView message,
                              const crypto::Signature& signature) {
  const std::scoped_lock turn(turn_);
  grown_ = true;
  met_.push_back(name_of(key, message, signature));
}

void VerifiedSignatures::keep_known() { met_.insert(met_.end(), known_.begin(), known_.end()); }

std::vector<Digest> VerifiedSignatures::met() const {
  std::vector<Digest> met = met_;
  std::ranges::sort(met);
  const auto rest = std::ranges::unique(met);
  met.erase(rest.begin(), rest.end());
  return met;
}

}  // namespace rtt::registry
