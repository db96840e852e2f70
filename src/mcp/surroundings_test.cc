// SPDX-License-Identifier: Apache-2.0
// Goal: what a client's servers are started with is what the client has, whole or said to be less, and of
// nobody else. Method: the hello there and back; launches of entries with and without a client.
#include "mcp/surroundings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mcp/backends/launch.h"
#include "mcp/backends/server_record.h"
#include "os/entropy.h"
#include "os/file.h"

namespace rtt::mcp {
namespace {

using text::Json;
using Variables = std::vector<std::pair<std::string, std::string>>;

Result<std::shared_ptr<const Surroundings>> there_and_back(const Surroundings& surroundings) {
  Json hello = Json::object({{"hello", "x"}});
  write_surroundings(surroundings, hello);
  return read_surroundings(*text::parse_json(text::to_json(hello)));
}

TEST(Surroundings, come_back_as_they_were_sent) {
  const Surroundings sent{
      .environment = {{"A", ""}, {"B", "=x=\n\x1b[1m\"\\"}, {"BASH_FUNC_f%%", "() { :; }"}, {"C", "ü€😀"}},
      .directory = "/w/a b"};
  const auto got = there_and_back(sent);
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->environment, sent.environment);
  EXPECT_EQ((*got)->directory, sent.directory);
}

TEST(Surroundings, an_older_hello_has_none) {
  const auto got = read_surroundings(*text::parse_json(R"({"hello":"rtt-gateway/1","servers":[]})"));
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, nullptr);
}

TEST(Surroundings, what_is_no_environment_is_refused_without_a_value) {
  for (const char* hello :
       {R"({"env":["swordfish"]})", R"({"env":{"A":["swordfish"]}})", R"({"env":{"A=B":"swordfish"}})",
        R"({"env":{"":"swordfish"}})", R"({"env":{"A":"swordfish\u0000"}})", R"({"env":{"A\u0000":"x"}})",
        R"({"env":{"A":"x"},"cwd":"swordfish"})", R"({"env":{"A":"x"},"cwd":"/a\u0000swordfish"})"}) {
    const auto got = read_surroundings(*text::parse_json(hello));
    ASSERT_FALSE(got) << hello;
    EXPECT_EQ(got.error().code, Code::kPanelProtocol);
    EXPECT_EQ(got.error().message.find("swordfish"), std::string::npos);
  }
}

TEST(Surroundings, what_is_no_utf8_is_left_out_and_told_by_name) {
  const auto kept = keep_surroundings(
      {.environment = {{"GOOD", "1"}, {"ODD", "swordfish\xff"}, {"\xff", "x"}}, .directory = "/w\xff"});
  EXPECT_EQ(kept.surroundings->environment, (Variables{{"GOOD", "1"}}));
  EXPECT_EQ(kept.surroundings->directory, "");
  ASSERT_EQ(kept.left_out.size(), 3U);
  EXPECT_NE(kept.left_out[1].find("ODD"), std::string::npos);
  for (const std::string& what : kept.left_out) {
    EXPECT_EQ(what.find("swordfish"), std::string::npos);
    EXPECT_EQ(what.find('\xff'), std::string::npos);
  }
}

TEST(Surroundings, the_last_of_one_name_counts) {
  const auto kept =
      keep_surroundings({.environment = {{"B", "1"}, {"A", "1"}, {"B", "2"}}, .directory = "/"});
  EXPECT_EQ(kept.surroundings->environment, (Variables{{"A", "1"}, {"B", "2"}}));
}

TEST(Surroundings, the_largest_go_first_and_the_rest_fits_the_hello) {
  Surroundings all{.environment = {}, .directory = "/w"};
  for (int i = 0; i < 40; ++i) all.environment.emplace_back("SMALL" + std::to_string(i), "value");
  for (const char* name : {"BIG_A", "BIG_B", "BIG_C"})
    all.environment.emplace_back(name,
                                 std::string(20'000 + std::size_t(name[4]), '\x01'));  // six times in JSON
  const auto kept = keep_surroundings(all);
  ASSERT_EQ(kept.left_out.size(), 1U);
  EXPECT_NE(kept.left_out[0].find("BIG_C"), std::string::npos) << kept.left_out[0];
  EXPECT_EQ(kept.surroundings->environment.size(), 42U);
  Json hello = Json::object({});
  write_surroundings(*kept.surroundings, hello);
  EXPECT_LE(text::to_json(hello).size(), kSurroundingsBytesMax + 64);
}

class LaunchOfClient : public testing::Test {
 protected:
  LaunchOfClient() {
    folder_ = *os::real_path(testing::TempDir()) + "/rtt-launch-" + os::random_hex(6);
    for (const char* place : {"/w/sub", "/w/tools", "/elsewhere"})
      EXPECT_TRUE(os::make_directories(folder_ + place));
    EXPECT_TRUE(os::write_atomic(folder_ + "/w/server.py", ""));
    client_ = {.environment = {{"KEY", "one"}, {"PATH", "/their/bin"}, {"PRIVATE", "x"}, {"TZ", "CET"}},
               .directory = folder_ + "/w/sub"};
  }
  ~LaunchOfClient() override { (void)os::remove_tree(folder_); }
  os::SpawnOptions launched(std::string_view entry, const Surroundings* client) {
    const auto config = config_from_entry("s", *text::parse_json(entry), {});
    const auto launch =
        resolve_launch(*config, {.root = folder_ + "/w", .user_dir = folder_ + "/user"}, {}, client);
    if (!launch) ADD_FAILURE() << launch.error().message;
    return launch ? launch->options : os::SpawnOptions{};
  }
  std::string folder_;
  Surroundings client_;
};

TEST_F(LaunchOfClient, variables_are_the_clients_and_only_those_that_every_server_gets) {
  ::setenv("KEY", "of the gateway", 1);
  ::setenv("LC_CTYPE", "C.UTF-8", 1);
  constexpr const char* kEntry = R"({"command":"x","args":["${KEY}"],"env":{"K":"${KEY}"}})";
  const auto options = launched(kEntry, &client_);
  EXPECT_EQ(options.argv, (std::vector<std::string>{"x", "one"}));
  EXPECT_EQ(options.env, (Variables{{"PATH", "/their/bin"}, {"TZ", "CET"}, {"K", "one"}}));
  EXPECT_EQ(launched(kEntry, nullptr).argv.back(), "of the gateway");
  const auto config = config_from_entry(
      "s", *text::parse_json(R"({"url":"http://127.0.0.1:1/","headers":{"X-K":"${KEY}"}})"), {});
  const auto endpoint = resolve_endpoint(*config, {.root = folder_, .user_dir = folder_}, {}, &client_);
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->headers, (Variables{{"X-K", "one"}}));
}

TEST_F(LaunchOfClient, the_folder_is_the_clients_where_that_is_in_the_workspace) {
  constexpr const char* kEntry = R"({"command":"x","args":["-y","pkg","--level=3"]})";
  EXPECT_EQ(launched(kEntry, &client_).directory, folder_ + "/w/sub");
  EXPECT_EQ(launched(kEntry, nullptr).directory, folder_ + "/w");
  for (const char* place : {"/elsewhere", "/w", "/w/gone", "/w2"}) {
    client_.directory = folder_ + place;
    EXPECT_EQ(launched(kEntry, &client_).directory, folder_ + "/w") << place;
  }
  client_.directory = "";
  EXPECT_EQ(launched(kEntry, &client_).directory, folder_ + "/w");
}

TEST_F(LaunchOfClient, a_folder_that_is_given_and_relative_paths_mean_what_they_meant) {
  EXPECT_EQ(launched(R"({"command":"x","cwd":"tools"})", &client_).directory, folder_ + "/w/tools");
  for (const char* entry :
       {R"({"command":"python3","args":["server.py"]})", R"({"command":"python3","args":["./server.py"]})",
        R"({"command":"x","args":["--config=server.py"]})", R"({"command":"x","args":["-m","a:tools"]})",
        R"({"command":"x","args":["."]})"}) {
    EXPECT_EQ(launched(entry, &client_).directory, folder_ + "/w") << entry;
  }
  const auto options = launched(R"({"command":"./run","sandbox":{"read":["data"]}})", &client_);
  EXPECT_EQ(options.directory, folder_ + "/w/sub");
  EXPECT_EQ(options.argv.front(), folder_ + "/w/./run");
}

// A folder of the client's must not bring other code than that of the root, which was accepted.
TEST_F(LaunchOfClient, where_other_code_might_be_found_the_root_stays) {
  constexpr const char *kNpx = R"({"command":"npx","args":["-y","pkg"]})", *kOther = R"({"command":"x"})";
  EXPECT_TRUE(os::write_atomic(folder_ + "/w/package.json", "{}"));  // found from below as well
  client_.directory = folder_ + "/w/sub/deep";
  EXPECT_TRUE(os::make_directories(client_.directory));
  EXPECT_EQ(launched(kNpx, &client_).directory, client_.directory);
  EXPECT_TRUE(os::make_directories(folder_ + "/w/sub/node_modules"));
  EXPECT_EQ(launched(kNpx, &client_).directory, folder_ + "/w");
  EXPECT_EQ(launched(R"({"command":"/usr/bin/npx","args":["pkg"]})", &client_).directory, folder_ + "/w");
  EXPECT_EQ(launched(kOther, &client_).directory, client_.directory);
  for (const char* path : {"bin:/usr/bin", "/usr/bin:", "/usr/bin::/bin", "/usr/bin:."}) {
    client_.environment = {{"PATH", path}};
    EXPECT_EQ(launched(kOther, &client_).directory, folder_ + "/w") << path;
  }
}

// Clients come and go, each with a token of its own.
TEST(ServerRecord, secrets_have_a_limit_and_what_is_forgotten_stands_nowhere) {
  ServerRecord record;
  record.hide({"swordfish"});
  record.append_log("a swordfish\n");
  for (std::size_t i = 0; i < kStruckMax; ++i) record.hide({"token-" + std::to_string(i)});
  EXPECT_EQ(record.secrets.size(), kStruckMax);
  EXPECT_EQ(std::ranges::count(record.secrets, "swordfish"), 0);
  EXPECT_EQ(record.clean_log(), "a {secret}\n");
}

TEST(ServerRecord, a_secret_that_holds_another_is_struck_whole_and_one_in_use_stays) {
  ServerRecord record;
  record.hide({"opensesame"});
  record.hide({"opensesame-and-more"});
  for (std::size_t i = 0; i + 3 < kStruckMax; ++i) record.hide({"token-" + std::to_string(i)});
  record.hide({"opensesame"});
  record.hide({"another"});
  record.hide({"and one"});
  EXPECT_EQ(std::ranges::count(record.secrets, "opensesame"), 1);
  record.append_log("opensesame-and-more opensesame\n");
  record.hide({"opensesame-and-more"});
  EXPECT_EQ(record.clean_log(), "{secret} {secret}\n");
}

}  // namespace
}  // namespace rtt::mcp
