// SPDX-License-Identifier: Apache-2.0
// Ed25519: RFC 8032's vectors, then everything that must not verify.
#include "crypto/ed25519.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include "base/hex.h"
#include "crypto/keyring.h"
#include "crypto/sha256.h"

namespace rtt::crypto {
namespace {

template <typename Value>
Value from(std::string_view hex) {
  const auto bytes = from_hex(hex);
  EXPECT_TRUE(bytes.has_value());
  Value value{};
  EXPECT_EQ(bytes->size(), sizeof value);
  std::memcpy(&value, bytes->data(), std::min(bytes->size(), sizeof value));
  return value;
}

using Seed = std::array<std::byte, 32>;

SecretKey key_of(std::string_view name) { return SecretKey::from_seed(sha256(name).bytes); }

template <typename Value>
Value flipped(Value value, std::size_t bit) {
  value.bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
  return value;
}

struct Vector {
  std::string_view seed, key, message, signature;
};
// RFC 8032 §7.1: tests 1, 2, 3 and SHA(abc).
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f"
     "0595b"
     "be24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2ea"
     "eb430"
     "2aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e"
     "9716e"
     "d28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d442"
     "3643c"
     "e80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179"
     "c138a"
     "c17ad9bef1177331a704"},
};

TEST(Ed25519, rfc8032_vectors) {
  for (const Vector& vector : kVectors) {
    const SecretKey key = SecretKey::from_seed(from<Seed>(vector.seed));
    const Bytes message = *from_hex(vector.message);
    EXPECT_EQ(to_hex(key.public_key().bytes), vector.key);
    EXPECT_EQ(to_hex(key.seed()), vector.seed);
    EXPECT_EQ(to_hex(key.sign(message).bytes), vector.signature);
    EXPECT_TRUE(verify(from<PublicKey>(vector.key), message, from<Signature>(vector.signature)));
  }
}

TEST(Ed25519, no_flipped_bit_verifies) {
  const SecretKey key = key_of("flip");
  const std::string message = signing_message(SignKind::kManifest, sha256("object"));
  const Signature signature = key.sign(as_bytes(message));
  ASSERT_TRUE(verify(key.public_key(), as_bytes(message), signature));
  for (std::size_t bit = 0; bit < 512; ++bit) {
    EXPECT_FALSE(verify(key.public_key(), as_bytes(message), flipped(signature, bit)))
        << "signature bit " << bit;
  }
  for (std::size_t bit = 0; bit < 256; ++bit) {
    EXPECT_FALSE(verify(flipped(key.public_key(), bit), as_bytes(message), signature)) << "key bit " << bit;
  }
  for (std::size_t bit = 0; bit < message.size() * 8; ++bit) {
    std::string other = message;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(verify(key.public_key(), as_bytes(other), signature)) << "message bit " << bit;
  }
}

// S + L gives a second signature for the same message where S is not checked to be below the group order L.
TEST(Ed25519, a_signature_has_one_spelling) {
  const SecretKey key = key_of("malleable");
  const Signature signature = key.sign(as_bytes("message"));
  const auto order = from<Seed>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  Signature other = signature;
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const unsigned sum =
        std::to_integer<unsigned>(other.bytes[32 + i]) + std::to_integer<unsigned>(order[i]) + carry;
    other.bytes[32 + i] = static_cast<std::byte>(sum & 255);
    carry = sum >> 8;
  }
  ASSERT_EQ(carry, 0u);
  EXPECT_TRUE(verify(key.public_key(), as_bytes("message"), signature));
  EXPECT_FALSE(verify(key.public_key(), as_bytes("message"), other));
}

// Under the identity key, R = rB with S = r satisfies the equation for every message: a forgery anyone can
// make.
TEST(Ed25519, the_identity_key_signs_nothing) {
  Signature forged;
  forged.bytes[32] = std::byte{42};
  ASSERT_EQ(
      crypto_scalarmult_ed25519_base_noclamp(reinterpret_cast<unsigned char*>(forged.bytes.data()),
                                             reinterpret_cast<unsigned char*>(forged.bytes.data() + 32)),
      0);
  const auto identity = from<PublicKey>("0100000000000000000000000000000000000000000000000000000000000000");
  EXPECT_FALSE(verify(identity, as_bytes("anything"), forged));
}

// The eight points of small order, and three non-canonical spellings of such points.
TEST(Ed25519, keys_of_small_order_sign_nothing) {
  const std::string_view keys[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0000000000000000000000000000000000000000000000000000000000000080",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "0100000000000000000000000000000000000000000000000000000000000080",
  };
  const Signature zeros;
  Signature identity;  // R = identity, S = 0
  identity.bytes[0] = std::byte{1};
  const Signature valid = key_of("other").sign(as_bytes("m"));
  for (const std::string_view key : keys) {
    EXPECT_FALSE(is_public_key(from<PublicKey>(key))) << key;
    for (int i = 0; i < 64; ++i) {  // a small-order key fits a fixed signature for one message in eight
      const std::string message = "m" + std::to_string(i);
      EXPECT_FALSE(verify(from<PublicKey>(key), as_bytes(message), zeros)) << key;
      EXPECT_FALSE(verify(from<PublicKey>(key), as_bytes(message), identity)) << key;
      EXPECT_FALSE(verify(from<PublicKey>(key), as_bytes(message), valid)) << key;
    }
  }
}

TEST(SecretKey, moving_leaves_a_key_that_cannot_sign) {
  SecretKey first = key_of("a");
  const PublicKey public_key = first.public_key();
  EXPECT_TRUE(is_public_key(public_key));
  SecretKey second = std::move(first);
  EXPECT_EQ(second.public_key(), public_key);
  EXPECT_TRUE(verify(public_key, as_bytes("m"), second.sign(as_bytes("m"))));
  EXPECT_DEATH(std::ignore = first.sign(as_bytes("m")), "");  // NOLINT(bugprone-use-after-move)
  SecretKey third = key_of("b");
  third = std::move(second);
  EXPECT_EQ(third.public_key(), public_key);
}

TEST(KeyId, is_the_head_of_the_sha256_of_the_raw_key) {
  const SecretKey key = key_of("id");
  EXPECT_EQ(key_id(key.public_key()), to_hex(sha256(ByteView(key.public_key().bytes)).bytes).substr(0, 16));
  EXPECT_EQ(key_id(key.public_key()).size(), 16u);
}

constexpr SignKind kKinds[] = {SignKind::kManifest,   SignKind::kConfig,  SignKind::kPlan, SignKind::kView,
                               SignKind::kCheckpoint, SignKind::kProfile, SignKind::kSbom, SignKind::kToken,
                               SignKind::kRegistry,   SignKind::kReceipt, SignKind::kRoot};

TEST(SigningMessage, names_kind_and_hash) {
  EXPECT_EQ(signing_message(SignKind::kPlan, Digest{}), "rtt:plan:v1\n" + std::string(64, '0'));
  EXPECT_EQ(signing_message(SignKind::kCheckpoint, sha256("")),
            "rtt:checkpoint:v1\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// The worked example of docs/formats/signature.md.
TEST(SigningMessage, the_documented_example_holds) {
  const SecretKey key = SecretKey::from_seed(from<Seed>(kVectors[0].seed));
  const Digest hash = sha256(R"({"a":1,"b":[]})");
  EXPECT_EQ(bare_hex(hash), "f87e4099e9be5e75094e0a4f46d3dc18a9c37429314a5a2490fb78d31e7e170c");
  const SignRecord record = sign(key, SignKind::kManifest, hash);
  EXPECT_EQ(record.key_id, "21fe31dfa154a261");
  EXPECT_EQ(to_base64(record.signature.bytes),
            "tV1bNYgUeDbsjJCD5LxgIQkhggOLtl9X7GWYB3OUf+M2k/XdMHxuQb8240QjqsAmfWunAJrGtUl6nDho1k7ODQ==");
}

TEST(SigningMessage, a_signature_of_one_kind_never_verifies_as_another) {
  const SecretKey key = key_of("kinds");
  Keyring keyring;
  keyring.add({.key = key.public_key(), .label = "k"});
  const Digest hash = sha256("object");
  for (const SignKind signed_as : kKinds) {
    for (const SignKind read_as : kKinds) {
      const auto outcome = keyring.check(read_as, hash, {sign(key, signed_as, hash)});
      EXPECT_EQ(outcome.verdict, signed_as == read_as ? Verdict::kTrusted : Verdict::kBadSignature)
          << to_string(signed_as) << " as " << to_string(read_as);
    }
  }
}

TEST(Keyring, verdicts) {
  const SecretKey trusted = key_of("trusted");
  const SecretKey revoked = key_of("revoked");
  const SecretKey stranger = key_of("stranger");
  Keyring keyring;
  keyring.add({.key = trusted.public_key(), .label = "me"});
  keyring.add({.key = revoked.public_key(), .label = "old", .revoked = true});
  const Digest hash = sha256("object");
  const auto by = [&](const SecretKey& key) { return sign(key, SignKind::kManifest, hash); };
  SignRecord bad = by(trusted);
  bad.signature.bytes[3] ^= std::byte{1};
  SignRecord borrowed = by(stranger);  // a stranger's signature under a trusted name
  borrowed.key_id = key_id(trusted.public_key());
  const auto verdict = [&](const std::vector<SignRecord>& records) {
    return keyring.check(SignKind::kManifest, hash, records).verdict;
  };
  EXPECT_EQ(verdict({}), Verdict::kUnsigned);
  EXPECT_EQ(verdict({by(trusted)}), Verdict::kTrusted);
  EXPECT_EQ(verdict({by(stranger)}), Verdict::kUnknownSigner);
  EXPECT_EQ(verdict({by(revoked)}), Verdict::kRevokedSigner);
  EXPECT_EQ(verdict({bad}), Verdict::kBadSignature);
  EXPECT_EQ(verdict({borrowed}), Verdict::kBadSignature);
  EXPECT_EQ(verdict({bad, by(revoked), by(stranger), by(trusted)}), Verdict::kTrusted);
  EXPECT_EQ(verdict({by(trusted), bad}), Verdict::kTrusted);
  EXPECT_EQ(verdict({bad, by(revoked)}), Verdict::kRevokedSigner);
  EXPECT_EQ(verdict({by(revoked), by(stranger)}), Verdict::kUnknownSigner);
  EXPECT_EQ(keyring.check(SignKind::kManifest, hash, {bad, by(trusted)}).signer,
            key_id(trusted.public_key()));
  EXPECT_EQ(keyring.check(SignKind::kManifest, hash, {by(stranger)}).signer, key_id(stranger.public_key()));
  EXPECT_EQ(keyring.check(SignKind::kManifest, sha256("other"), {by(trusted)}).verdict,
            Verdict::kBadSignature);
}

TEST(Keyring, a_revocation_holds_whatever_the_order_of_loading) {
  const SecretKey key = key_of("k");
  const std::string id = key_id(key.public_key());
  const Digest hash = sha256("object");
  const SignRecord record = sign(key, SignKind::kPlan, hash);
  Keyring before;
  before.revoke(id);
  EXPECT_EQ(before.check(SignKind::kPlan, hash, {record}).verdict, Verdict::kRevokedSigner);
  before.add({.key = key.public_key(), .label = "k"});
  EXPECT_EQ(before.check(SignKind::kPlan, hash, {record}).verdict, Verdict::kRevokedSigner);
  Keyring after;
  after.add({.key = key.public_key(), .label = "k"});
  after.revoke(id);
  after.add({.key = key.public_key(), .label = "renamed"});
  EXPECT_EQ(after.check(SignKind::kPlan, hash, {record}).verdict, Verdict::kRevokedSigner);
  ASSERT_NE(after.find(id), nullptr);
  EXPECT_EQ(after.find(id)->label, "renamed");
  EXPECT_TRUE(after.find(id)->revoked);
  EXPECT_EQ(after.find("0000000000000000"), nullptr);
}

}  // namespace
}  // namespace rtt::crypto
