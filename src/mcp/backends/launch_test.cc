// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/launch.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "os/file.h"

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

// Each part by itself: the program prints its token without the option before it.
TEST(Launch, what_came_from_the_store_or_a_variable_is_struck_and_what_every_program_knows_is_not) {
  ::setenv("DEMO_KEY", "opensesame", 1);
  const std::string home = os::home_directory();
  const auto config = config_from_entry(
      "s",
      *text::parse_json(
          R"({"command":"x","args":[{"concat":["--token=",{"secret":"s.t"}]},"--key=${DEMO_KEY}",
                            "${HOME}/data","${workspace}/more"],"env":{"K":{"env":"DEMO_KEY","else":{"secret":"s.t"}}}})"),
      {});
  ASSERT_TRUE(config);
  const auto launch = resolve_launch(*config, {.root = "/w/somewhere", .user_dir = "/nowhere"},
                                     {{"s.t", "swordfish-of-the-store"}});
  ASSERT_TRUE(launch);
  EXPECT_EQ(without_secrets("t swordfish-of-the-store k opensesame at " + home + " in /w/somewhere",
                            launch->secrets),
            "t {secret} k {secret} at " + home + " in /w/somewhere");
}

TEST(Launch, what_the_kernel_would_cut_is_refused) {
  const std::string nul("a\0b", 3);
  const auto refused = [](const text::Json& entry, const SecretValues& fresh) {
    const auto launch =
        resolve_launch(*config_from_entry("s", entry, {}), {.root = "/w", .user_dir = "/u"}, fresh);
    return launch ? std::string() : launch.error().message;
  };
  using text::Json;
  EXPECT_EQ(refused(Json::object({{"command", "x"}, {"args", Json::array({"a", "b"})}}), {}), "");
  EXPECT_NE(
      refused(Json::object({{"command", "x"}, {"args", Json::array({"a", nul})}}), {}).find("argument 2"),
      std::string::npos);
  EXPECT_NE(refused(Json::object({{"command", nul}}), {}).find("its command"), std::string::npos);
  EXPECT_NE(refused(Json::object({{"command", "x"}, {"cwd", nul}}), {}).find("its folder"),
            std::string::npos);
  EXPECT_NE(refused(Json::object(
                        {{"command", "x"}, {"env", Json::object({{"V", Json::object({{"secret", "s"}})}})}}),
                    {{"s", nul}})
                .find("`V` of its environment"),
            std::string::npos);
}

}  // namespace
}  // namespace rtt::mcp
