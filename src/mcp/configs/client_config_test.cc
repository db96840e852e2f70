// SPDX-License-Identifier: Apache-2.0
// Goal: each client's own way to write a server down becomes the one entry RTT imports.
#include "mcp/configs/client_config.h"

#include <gtest/gtest.h>

namespace rtt::mcp {
namespace {

using text::Json;

struct Sample {
  std::string_view file, text, entry;  // the entry of the server `a`
};

TEST(ClientConfig, every_clients_form_becomes_one_entry) {
  for (
      const Sample& one : std::vector<Sample>{
          {".mcp.json", R"({"mcpServers":{"a":{"command":"npx","args":["-y",1],"env":{"K":"${K:-x}"}}}})",
           R"({"args":["-y","1"],"command":"npx","env":{"K":"${K:-x}"},"type":"stdio"})"},
          {"/h/.claude.json",
           R"({"n":12345678901234567890,"mcpServers":{"a":{"command":"user"}},"projects":{"/w":{"mcpServers":{"a":{"command":"local"}}},"/x":{"mcpServers":{"b":{"command":"no"}}}}})",
           R"({"command":"local","type":"stdio"})"},
          {".codex/config.toml",
           "model = \"x\"\n[mcp_servers.a]\ncommand = 'npx'\nargs = [\"b\"]\nenv_vars = [\"TOKEN\"]\ncwd = "
           "\"/t\"\n"
           "[mcp_servers.a.env]\nK = \"v\"\n",
           R"({"args":["b"],"command":"npx","cwd":"/t","env":{"K":"v","TOKEN":"${TOKEN}"},"type":"stdio"})"},
          {".codex/config.toml", "[mcp_servers.a]\nurl = \"https://h/m\"\nbearer_token_env_var = \"T\"\n",
           R"({"headers":{"Authorization":"Bearer ${T}"},"type":"http","url":"https://h/m"})"},
          {"/h/.gemini/settings.json",
           "{ // "
           "mine\n\"mcpServers\":{\"a\":{\"command\":\"x\",\"env\":{\"K\":\"$KEY-1\",\"L\":\"${L}\"},"
           "\"trust\":true}}}",
           R"({"command":"x","env":{"K":"${KEY}-1","L":"${L}"},"type":"stdio"})"},
          {"/h/.gemini/settings.json", R"({"mcpServers":{"a":{"url":"http://h/sse"}}})",
           R"({"type":"sse","url":"http://h/sse"})"},
          {".cursor/mcp.json",
           R"({"mcpServers":{"a":{"command":"${workspaceFolder}/s","env":{"K":"${env:KEY}"}}}})",
           R"({"command":"${workspace}/s","env":{"K":"${KEY}"},"type":"stdio"})"},
          {".vscode/mcp.json",
           "{\n // asked "
           "for\n\"inputs\":[{\"id\":\"api-key\",\"password\":true},{\"id\":\"d\",\"default\":\"here\"},],"
           "\"servers\":{\"a\":{\"type\":\"stdio\",\"command\":\"x\",\"args\":[\"${userHome}\",\"${input:d}"
           "\"],"
           "\"env\":{\"K\":\"${input:api-key}\"},},},}",
           R"({"args":["${home}","here"],"command":"x","env":{"K":"${API_KEY}"},"type":"stdio"})"},
          {"opencode.jsonc",
           R"({"mcp":{"a":{"type":"local","command":["bun","x"],"environment":{"K":"{env:KEY}"}}}})",
           R"({"args":["x"],"command":"bun","env":{"K":"${KEY}"},"type":"stdio"})"},
          {"opencode.json", R"({"mcp":{"a":{"type":"remote","url":"https://h"}}})",
           R"({"type":"http","url":"https://h"})"},
          {"/h/.vibe/config.toml",
           "[[mcp_servers]]\nname = \"a\"\ntransport = \"stdio\"\ncommand = \"uvx\"\nargs = [\"s\"]\nenv = { "
           "K = \"v\" }\n",
           R"({"args":["s"],"command":"uvx","env":{"K":"v"},"type":"stdio"})"},
          {"/h/.vibe/config.toml",
           "mcp_servers = [{ name = \"a\", transport = \"streamable-http\", url = \"https://h\", api_key_env "
           "= \"T\" }]\n",
           R"({"headers":{"Authorization":"Bearer ${T}"},"type":"http","url":"https://h"})"},
          {"/h/.config/zed/settings.json",
           "{\"theme\":\"x\", /* z */ "
           "\"context_servers\":{\"a\":{\"source\":\"custom\",\"command\":\"x\",\"args\":[]}}}",
           R"({"args":[],"command":"x","type":"stdio"})"},
          {"zed/settings.json",
           R"({"context_servers":{"a":{"command":{"path":"x","args":["y"],"env":{"K":"v"}}}}})",
           R"({"args":["y"],"command":"x","env":{"K":"v"},"type":"stdio"})"},
          {"mcphub/servers.json", R"({"mcpServers":{"a":{"command":"x","env":{"K":null}}}})",
           R"({"command":"x","env":{"K":"${K}"},"type":"stdio"})"},
          {"anything", R"({"servers":{"a":{"command":"x"}}})", R"({"command":"x","type":"stdio"})"},
          {"anything", "[mcp_servers]\na = { command = \"x\" }\n", R"({"command":"x","type":"stdio"})"},
      }) {
    const auto servers = read_client_config(one.text, ReadOptions{.file = one.file, .project = "/w"});
    ASSERT_TRUE(servers) << one.file << ": " << servers.error().message;
    ASSERT_EQ(servers->size(), 1U) << one.file;
    EXPECT_EQ(text::to_json(servers->front().entry), one.entry) << one.file;
    EXPECT_FALSE(servers->front().why) << servers->front().why->message;
    EXPECT_EQ(servers->front().file, one.file);
  }
}

TEST(ClientConfig, what_cannot_be_started_says_why_without_a_value) {
  for (const Sample& one : std::vector<Sample>{
           {"opencode.json", R"({"mcp":{"a":{"type":"local","command":["x","{file:sentinel}"]}}})", "file"},
           {".vscode/mcp.json", R"({"servers":{"a":{"command":"x","envFile":"sentinel"}}})", "envFile"},
           {"zed/settings.json", R"({"context_servers":{"a":{"settings":{"k":"sentinel"}}}})", "extension"},
           {".mcp.json", R"({"mcpServers":{"a":{"env":{"K":"sentinel"}}}})", "neither"},
           {".mcp.json", R"({"mcpServers":{"a":"sentinel"}})", "object"},
           {".mcp.json", R"({"mcpServers":{"a":{"command":"x","args":"sentinel"}}})", "args"},
           {".cursor/mcp.json", R"({"mcpServers":{"a":{"command":"x","args":["${cmd:sentinel}"]}}})", "cmd"},
           {".codex/config.toml", "[mcp_servers.a]\ncommand = \"sentinel\"\nenabled = false\n", "off"},
           {"opencode.json", R"({"mcp":{"a":{"type":"local","command":["sentinel"],"enabled":false}}})",
            "off"},
           {".mcp.json", R"({"mcpServers":{"a":{"command":"sentinel","disabled":true}}})", "off"},
       }) {
    const auto servers = read_client_config(one.text, ReadOptions{.file = one.file});
    ASSERT_TRUE(servers) << one.text;
    ASSERT_TRUE(servers->at(0).why) << one.text;
    EXPECT_TRUE(servers->at(0).why->message.contains(one.entry)) << servers->at(0).why->message;
    EXPECT_FALSE(servers->at(0).why->message.contains("sentinel")) << servers->at(0).why->message;
    EXPECT_EQ(servers->at(0).why->where, one.file);
  }
}

TEST(ClientConfig, settings_without_servers_are_empty_and_nonsense_is_refused) {
  const auto read = [](std::string_view text, std::string_view file) {
    return read_client_config(text, ReadOptions{.file = file, .absent = ReadOptions::Absent::kEmpty});
  };
  EXPECT_EQ(read(R"({"theme":"x","servers":{"eu":{"host":"h"}},"mcp":{"on":true}})", "settings.json")->size(),
            0U);
  EXPECT_EQ(read("model = 1\n", "config.toml")->size(), 0U);
  EXPECT_EQ(read(R"({"mcpServers":[]})", "f.json").error().code, Code::kBadShape);
  EXPECT_EQ(read("mcp_servers = 1\n", "f.toml").error().code, Code::kBadShape);
  EXPECT_EQ(read("[[mcp_servers]]\ncommand = 'x'\n", "f.toml").error().code, Code::kBadShape);
  EXPECT_EQ(read("{", "f.json").error().where, "f.json:1:2");
  EXPECT_EQ(read("a = [", "f.toml").error().code, Code::kTomlSyntax);
}

TEST(ClientConfig, one_server_in_several_files_is_one_and_two_of_one_name_are_an_error) {
  const auto server = [](const char* file, const char* entry) {
    return ConfigServer{.name = "a", .file = file, .entry = *text::parse_json(entry)};
  };
  const auto same =
      merge_servers({server("x", R"({"command":"c","args":[]})"), server("y", R"({"command":"c"})")});
  ASSERT_TRUE(same);
  ASSERT_EQ(same->size(), 1U);
  EXPECT_EQ(same->front().sources, (std::vector<std::string>{"x", "y"}));
  for (const char* other : {R"({"command":"d"})", R"({"command":"c","args":["1"]})",
                            R"({"command":"c","env":{"K":"sentinel"}})"}) {
    const auto differ = merge_servers({server("x", R"({"command":"c"})"), server("y", other)});
    ASSERT_FALSE(differ) << other;
    EXPECT_EQ(differ.error().code, Code::kNameClash);
    for (const char* part : {"x", "y", "`a`"}) EXPECT_TRUE(differ.error().message.contains(part));
    EXPECT_TRUE(differ.error().hint.contains("--only"));
    EXPECT_FALSE(differ.error().message.contains("sentinel"));
  }
}

}  // namespace
}  // namespace rtt::mcp
