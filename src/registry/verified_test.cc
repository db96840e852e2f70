// SPDX-License-Identifier: Apache-2.0
// VerifiedSignatures answers as verify() does, whatever it was asked before.
#include "registry/verified.h"

#include <gtest/gtest.h>

#include "crypto/sha256.h"

namespace rtt::registry {
namespace {

struct Asked {
  crypto::PublicKey key;
  std::string message;
  crypto::Signature signature;
};

// Sound triples, and each with one bit of one part changed.
std::vector<Asked> triples() {
  std::vector<Asked> all;
  for (int i = 0; i < 8; ++i) {
    const crypto::SecretKey key =
        crypto::SecretKey::from_seed(crypto::sha256("key " + std::to_string(i % 3)).bytes);
    const std::string message = "message " + std::to_string(i);
    const Asked sound{key.public_key(), message, key.sign(as_bytes(message))};
    all.push_back(sound);
    for (std::size_t bit : {0U, 77U, 255U}) {
      Asked wrong = sound;
      wrong.key.bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      all.push_back(wrong);
      wrong = sound;
      wrong.signature.bytes[2 * bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      all.push_back(wrong);
    }
    Asked other = sound;
    other.message += '.';
    all.push_back(other);
    // The same bytes in a row, cut elsewhere.
    other.message = message.substr(1);
    all.push_back(other);
  }
  return all;
}

bool plain(const Asked& one) { return crypto::verify(one.key, as_bytes(one.message), one.signature); }

TEST(VerifiedSignatures, answers_as_verify_does_before_and_after_it_knows) {
  VerifiedSignatures first;
  int sound = 0;
  for (int time = 0; time < 2; ++time) {
    for (const Asked& one : triples()) {
      EXPECT_EQ(first.verify(one.key, as_bytes(one.message), one.signature), plain(one));
      sound += plain(one) ? 1 : 0;
    }
  }
  EXPECT_EQ(sound, 16);
  EXPECT_TRUE(first.grown());
  EXPECT_EQ(first.met().size(), 8U) << "only sound ones, each once";
  VerifiedSignatures second(first.met());
  for (const Asked& one : triples())
    EXPECT_EQ(second.verify(one.key, as_bytes(one.message), one.signature), plain(one));
  EXPECT_FALSE(second.grown()) << "nothing was verified anew";
  EXPECT_EQ(second.met(), first.met());
}

TEST(VerifiedSignatures, what_is_no_longer_met_is_not_kept) {
  VerifiedSignatures first;
  for (const Asked& one : triples()) first.verify(one.key, as_bytes(one.message), one.signature);
  VerifiedSignatures second(first.met());
  const Asked one = triples().front();
  second.verify(one.key, as_bytes(one.message), one.signature);
  EXPECT_EQ(second.met().size(), 1U);
}

}  // namespace
}  // namespace rtt::registry
