// SPDX-License-Identifier: Apache-2.0
// A signature of RTT is checked by a program that shares no code with what made it: the openssl command.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/hex.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"

namespace rtt::crypto {
namespace {

class OpensslCli : public testing::Test {
 protected:
  OpensslCli() {
    std::string pattern = testing::TempDir() + "rtt-openssl-XXXXXX";
    const char* made = mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr);
    directory_ = pattern;
  }
  ~OpensslCli() override { std::filesystem::remove_all(directory_); }

  void write(const char* name, ByteView bytes) const {
    std::ofstream(directory_ / name, std::ios::binary) << as_text(bytes);
  }
  [[nodiscard]] bool accepts() const {
    const std::string command = "cd '" + directory_.string() +
                                "' && openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin "
                                "-in message -sigfile signature >output 2>&1";
    return std::system(command.c_str()) == 0;
  }

  std::filesystem::path directory_;
};

TEST_F(OpensslCli, verifies_our_signature_and_no_other) {
  const SecretKey key = SecretKey::from_seed(sha256("openssl").bytes);
  Bytes der = *from_hex("302a300506032b6570032100");  // SubjectPublicKeyInfo, id-Ed25519
  der.insert(der.end(), key.public_key().bytes.begin(), key.public_key().bytes.end());
  const std::string message = signing_message(SignKind::kManifest, sha256("object"));
  Signature signature = key.sign(as_bytes(message));
  write("key.der", der);
  write("message", as_bytes(message));
  write("signature", signature.bytes);
  EXPECT_TRUE(accepts());
  signature.bytes[0] ^= std::byte{1};
  write("signature", signature.bytes);
  EXPECT_FALSE(accepts());
}

}  // namespace
}  // namespace rtt::crypto
