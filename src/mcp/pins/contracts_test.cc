// SPDX-License-Identifier: Apache-2.0
// Goal: a server becomes a manifest that model/ reads back without a problem, and the same server comes out
// again; nothing hidden, machine-bound or doubled gets in.
#include "mcp/pins/contracts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mcp/wire/hidden_text.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

using text::Json;

Json json(std::string_view text) { return *text::parse_json(text); }

ServerConfig config() {
  return {.name = "My Files",
          .command = "npx",
          .args = json(R"(["-y","server-filesystem","${workspace}/data",{"secret":"my-files.arg3"}])"),
          .env = json(R"({"TOKEN":{"secret":"my-files.TOKEN"},"MODE":"fast"})")};
}
ServerInfo info() {
  return {.name = "fs",
          .version = "2026.8.31",
          .protocol = "2025-11-25",
          .instructions = "Be kind.",
          .capabilities = json(R"({"tools":{"listChanged":true},"resources":{}})")};
}
Definitions definitions() {
  return {
      .tools =
          {json(
               R"({"name":"read_text_file","inputSchema":{"type":"object","$ref":"#/x"},"annotations":{"readOnlyHint":true}})"),
           json(R"({"name":"Add","title":"Sum","description":"adds 1.0 and 2","inputSchema":{}})")},
      .resources = {json(R"({"uri":"demo://a","name":"A file"})"),
                    json(R"({"uri":"demo://b","name":"same"})")},
      .templates = {json(R"({"uriTemplate":"demo://{id}","name":"same"})")},
      .prompts = {json(R"({"name":"ask me","arguments":[{"name":"x","required":true}]})")}};
}
std::vector<model::Contract> contracts_of(const Json& manifest) {
  auto outcome =
      model::read_manifest(text::to_pretty_json(manifest), "mcp.x.json", model::Strictness::kStrict);
  for (const auto& problem : outcome.problems) ADD_FAILURE() << model::to_string(problem);
  return std::move(outcome.contracts);
}

TEST(Manifest, is_read_back_by_the_model_without_a_problem) {
  const auto contracts = contracts_of(*manifest_from(config(), info(), offer_of(definitions())));
  ASSERT_EQ(contracts.size(), 7U);
  EXPECT_EQ(to_string(contracts[0].saddr), "rtt://my-files/connector/my-files@2026.8.31");
  EXPECT_EQ(to_string(contracts[1].saddr), "rtt://my-files/tool/Add@2026.8.31");
}

TEST(Manifest, round_trip_keeps_every_definition_and_the_way_to_start) {
  const auto servers =
      pinned_servers(contracts_of(*manifest_from(config(), info(), offer_of(definitions()))));
  ASSERT_TRUE(servers);
  ASSERT_EQ(servers->size(), 1U);
  const PinnedServer& server = servers->front();
  EXPECT_EQ(server.config, config());
  EXPECT_EQ(server.info, info());
  EXPECT_EQ(server.items.size(), 6U);
  const Definitions all = definitions();
  for (const auto& [kind, list] : {std::pair(ItemKind::kTool, &all.tools),
                                   {ItemKind::kResource, &all.resources},
                                   {ItemKind::kTemplate, &all.templates},
                                   {ItemKind::kPrompt, &all.prompts}}) {
    for (const Json& definition : *list) {
      const PinnedItem* const item = server.find(kind, key_of(kind, definition));
      ASSERT_NE(item, nullptr);
      EXPECT_EQ(item->definition, definition);
    }
  }
}

TEST(Manifest, does_not_depend_on_the_order_a_server_lists_in) {
  Definitions shuffled = definitions();
  std::reverse(shuffled.tools.begin(), shuffled.tools.end());
  std::reverse(shuffled.resources.begin(), shuffled.resources.end());
  EXPECT_EQ(text::canonical_json(*manifest_from(config(), info(), offer_of(shuffled))),
            text::canonical_json(*manifest_from(config(), info(), offer_of(definitions()))));
}

TEST(Manifest, resources_are_named_by_name_where_it_is_unique_else_by_uri) {
  const auto server =
      pinned_servers(contracts_of(*manifest_from(config(), info(), offer_of(definitions()))))->front();
  EXPECT_EQ(server.find(ItemKind::kResource, "demo://a")->saddr.name, "A file");
  EXPECT_EQ(server.find(ItemKind::kResource, "demo://b")->saddr.name, "demo://b");
  EXPECT_EQ(server.find(ItemKind::kTemplate, "demo://{id}")->saddr.name, "demo://{id}");
}

TEST(Manifest, a_tool_listed_twice_or_without_a_name_is_refused) {
  Definitions twice = definitions();
  twice.tools.push_back(json(R"({"name":"Add"})"));
  EXPECT_EQ(manifest_from(config(), info(), offer_of(twice)).error().code, Code::kServerProtocol);
  Definitions nameless = definitions();
  nameless.tools.push_back(json(R"({"title":"x"})"));
  EXPECT_EQ(manifest_from(config(), info(), offer_of(nameless)).error().code, Code::kServerProtocol);
}

TEST(Manifest, a_very_long_tool_name_still_gets_an_address) {
  Definitions one{.tools = {json(R"({"name":")" + std::string(500, 'n') + R"("})"),
                            json(R"({"name":")" + std::string(499, 'n') + R"("})")}};
  const auto contracts = contracts_of(*manifest_from(config(), info(), offer_of(one)));
  EXPECT_EQ(contracts.size(), 3U);
}

TEST(Namespace, follows_the_rule) {
  EXPECT_EQ(namespace_of("GitHub"), "github");
  EXPECT_EQ(namespace_of("My  Server!!x"), "my-server-x");
  EXPECT_EQ(namespace_of("a.b_c-d"), "a.b_c-d");
  EXPECT_EQ(namespace_of("a..b"), "a.-b");
  EXPECT_EQ(namespace_of("--x"), "x");
  EXPECT_EQ(namespace_of("Ünï"), "n-");
  EXPECT_EQ(namespace_of("日本").error().code, Code::kBadShape);
  EXPECT_EQ(namespace_of("").error().code, Code::kBadShape);
  EXPECT_EQ(namespace_of(std::string(200, 'a')).error().code, Code::kTooLarge);
}

TEST(Namespace, a_clash_names_both) {
  const std::vector<std::string> names{"My Server", "other", "my-server"};
  const auto clash = namespaces_of(names);
  ASSERT_FALSE(clash);
  EXPECT_EQ(clash.error().code, Code::kNameClash);
  EXPECT_NE(clash.error().message.find("'My Server'"), std::string::npos);
  EXPECT_NE(clash.error().message.find("'my-server'"), std::string::npos);
}

TEST(Version, is_the_servers_if_semver) {
  EXPECT_EQ(to_string(version_of({.version = "1.2.3-rc.1"})), "1.2.3-rc.1");
  for (const char* version : {"", "1.2", "v1.2.3", "latest", "01.2.3"}) {
    EXPECT_EQ(to_string(version_of({.version = version})), "0.0.0") << version;
  }
}

TEST(Portable, paths_are_written_from_the_workspace_or_home) {
  const PathBases bases{.workspace = "/home/ann/project", .home = "/home/ann"};
  EXPECT_EQ(portable_text("/home/ann/project/data", bases), "${workspace}/data");
  EXPECT_EQ(portable_text("/home/ann/project", bases), "${workspace}");
  EXPECT_EQ(portable_text("/home/ann/other", bases), "${home}/other");
  EXPECT_EQ(portable_text("--dir=/home/ann/project/x", bases), "--dir=${workspace}/x");
  EXPECT_EQ(portable_text("/a:/home/ann/b", bases), "/a:${home}/b");
  EXPECT_EQ(portable_text("/home/ann/projectile", bases), "${home}/projectile");
  EXPECT_EQ(portable_text("/home/anna", bases), "/home/anna");
  EXPECT_EQ(portable_text("/data/home/ann", bases), "/data/home/ann");
  EXPECT_EQ(portable_text("file:///home/ann/project/x", bases), "file://${workspace}/x");
}

TEST(Entry, is_checked_and_made_portable) {
  const PathBases bases{.workspace = "/w", .home = "/h"};
  const auto config = config_from_entry(
      "s", json(R"({"command":"/w/run","args":["/h/x",{"secret":"s.a"}],"env":{"A":"/w"},"cwd":"/w/sub"})"),
      bases);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->command.as_string(), "${workspace}/run");
  EXPECT_EQ(text::to_json(config->args), R"(["${home}/x",{"secret":"s.a"}])");
  EXPECT_EQ(config->env.string_or("A"), "${workspace}");
  EXPECT_EQ(config->directory, "${workspace}/sub");
  for (const char* bad : {R"([])", R"({})", R"({"command":3})", R"({"command":"x","args":"y"})",
                          R"({"command":"x","args":[3]})", R"({"command":"x","env":[]})",
                          R"({"command":"x","env":{"A":3}})", R"({"command":"x","env":{"A=B":"c"}})"}) {
    EXPECT_EQ(config_from_entry("s", json(bad), bases).error().code, Code::kBadShape) << bad;
  }
}

TEST(HiddenText, is_found_wherever_it_hides) {
  const std::vector<std::string> hidden{"a\u202Eb", "a\u200Bb", "a\u2066b", "\U000E0041", "x\uFEFF",
                                        "x\u00AD",  "a\u2062b", "a\uFE0F",  "\U000E0100", "x\u0085",
                                        "\x1B[31m", "\u2800",   "a\u200Db"};
  for (const std::string& text : hidden) EXPECT_TRUE(first_hidden(text)) << text;
  for (const std::string text : {"plain", "tab\tline\n", "é ü ñ", "日本語",
                                 "👩\u200D💻 ❤\uFE0F 1\uFE0F\u20E3", "می\u200Cخواهم", "→ ∀ ✓"}) {
    EXPECT_FALSE(first_hidden(text)) << text;
  }
}

TEST(HiddenText, in_any_member_refuses_the_server_and_names_the_place) {
  Definitions bad = definitions();
  bad.tools[0] =
      json("{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"q\":{\"description\":\"do \u202Eevil\"}}}}");
  const auto refused = manifest_from(config(), info(), offer_of(bad));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kBadShape);
  EXPECT_NE(refused.error().message.find("U+202E"), std::string::npos);
  EXPECT_NE(refused.error().message.find("/inputSchema/properties/q/description"), std::string::npos);
  ServerInfo whispering = info();
  whispering.instructions = "\u200Bpsst";
  EXPECT_FALSE(manifest_from(config(), whispering, offer_of(definitions())));
}

// Written and not readable again, a manifest would be in everybody's way.
TEST(Manifest, what_could_not_be_read_back_is_refused_by_the_name_of_its_item) {
  Json schema = Json::object({{"type", "string"}});
  for (int i = 0; i < 30; ++i) schema = Json::object({{"type", "array"}, {"items", std::move(schema)}});
  Definitions deep = definitions();
  deep.tools.push_back(Json::object({{"name", "pit"}, {"inputSchema", schema}}));
  EXPECT_TRUE(manifest_from(config(), info(), offer_of(deep)));
  for (int i = 0; i < 30; ++i) schema = Json::object({{"type", "array"}, {"items", std::move(schema)}});
  deep.tools.back().set("inputSchema", schema);
  const auto refused = manifest_from(config(), info(), offer_of(deep));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kJsonDepth);
  EXPECT_NE(refused.error().message.find("tool 'pit' of server 'My Files'"), std::string::npos)
      << refused.error().message;
  ServerInfo odd = info();
  odd.capabilities = Json::object({{"experimental", schema}});
  const auto server = manifest_from(config(), odd, offer_of(definitions()));
  ASSERT_FALSE(server);
  EXPECT_NE(server.error().message.find("says of itself"), std::string::npos);
}

}  // namespace
}  // namespace rtt::mcp
