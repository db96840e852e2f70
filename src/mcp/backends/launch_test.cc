// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/launch.h"

#include <gtest/gtest.h>

namespace rtt::mcp {
namespace {

TEST(WithoutSecrets, each_is_struck_out_wherever_it_stands) {
  EXPECT_EQ(without_secrets("a swordfish, a swordfish", {"swordfish"}), "a {secret}, a {secret}");
  EXPECT_EQ(without_secrets("swordfish and opensesame", {"swordfish", "opensesame"}),
            "{secret} and {secret}");
}

// What is empty or short stands in every text by chance.
TEST(WithoutSecrets, what_occurs_by_chance_stays) {
  EXPECT_EQ(without_secrets("a text", {""}), "a text");
  EXPECT_EQ(without_secrets("a text", {"text"}), "a text");
}

}  // namespace
}  // namespace rtt::mcp
