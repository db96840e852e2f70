// SPDX-License-Identifier: Apache-2.0
// What each client is shown, file by file: tests/golden/views/PROVIDER. RTT_WRITE_GOLDEN=1 writes them anew.
#include "views/encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "views/decode.h"
#include "views/sample_for_test.h"

namespace rtt::views {
namespace {

namespace fs = std::filesystem;
using text::Json;

fs::path golden(const Provider& provider) {
  return fs::path(RTT_SOURCE_DIR) / "tests/golden/views" / provider.name;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<TreeFile> read_tree(const fs::path& root) {
  std::vector<TreeFile> out;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    const bool executable = (entry.status().permissions() & fs::perms::owner_exec) != fs::perms::none;
    out.push_back({.path = fs::relative(entry.path(), root).generic_string(),
                   .bytes = bytes_of(entry.path()),
                   .executable = executable});
  }
  std::ranges::sort(out, {}, &TreeFile::path);
  return out;
}

void write_tree(const fs::path& root, const std::vector<TreeFile>& files) {
  fs::remove_all(root);
  for (const TreeFile& file : files) {
    fs::create_directories((root / file.path).parent_path());
    std::ofstream(root / file.path, std::ios::binary) << file.bytes;
    if (file.executable) fs::permissions(root / file.path, fs::perms::owner_exec, fs::perm_options::add);
  }
}

std::string in_lines(const std::vector<Loss>& losses) {
  std::string out;
  for (const Loss& loss : losses)
    out += std::string(to_string(loss.kind)) + "/" + loss.item + " " +
           (loss.pointer.empty() ? "-" : loss.pointer) + " " + loss.why + "\n";
  return out;
}

// The tree, and beside it what is lost.
TEST(Encode, each_client_is_shown_its_golden_tree) {
  for (const Provider& provider : providers()) {
    const Encoded made = encode(provider, sample_items());
    const fs::path losses = golden(provider).string() + ".losses";
    if (std::getenv("RTT_WRITE_GOLDEN") != nullptr) {
      write_tree(golden(provider), made.files);
      std::ofstream(losses, std::ios::binary) << in_lines(made.losses);
    }
    const auto wanted = read_tree(golden(provider));
    ASSERT_EQ(made.files.size(), wanted.size()) << provider.name;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(made.files[i].path, wanted[i].path) << provider.name;
      EXPECT_EQ(made.files[i].bytes, wanted[i].bytes) << provider.name << " " << wanted[i].path;
      EXPECT_EQ(made.files[i].executable, wanted[i].executable) << provider.name << " " << wanted[i].path;
    }
    EXPECT_EQ(in_lines(made.losses), bytes_of(losses)) << provider.name;
    EXPECT_TRUE(Tree::of(made.files)) << provider.name;
  }
}

TEST(Encode, what_was_read_from_a_golden_tree_is_written_back_byte_by_byte) {
  for (const Provider& provider : providers()) {
    const auto files = read_tree(golden(provider));
    const Decoded read = decode(provider, files);
    EXPECT_THAT(read.problems, testing::IsEmpty()) << provider.name;
    EXPECT_EQ(encode(provider, read.items).files, files) << provider.name;
  }
}

TEST(Encode, the_order_of_items_does_not_count) {
  auto items = sample_items();
  for (const Provider& provider : providers()) {
    const Encoded made = encode(provider, items);
    std::ranges::reverse(items);
    const Encoded again = encode(provider, items);
    EXPECT_EQ(made.files, again.files);
    EXPECT_EQ(made.losses, again.losses);
  }
}

TEST(Encode, a_skill_is_the_same_bytes_for_every_client) {
  std::string first;
  for (const Provider& provider : providers()) {
    const Encoded made = encode(provider, sample_items());
    const auto file = std::ranges::find_if(
        made.files, [](const TreeFile& one) { return one.path.ends_with("/summary/SKILL.md"); });
    ASSERT_NE(file, made.files.end()) << provider.name;
    if (first.empty()) first = file->bytes;
    EXPECT_EQ(file->bytes, first) << provider.name;
  }
}

Encoded shown(std::string_view provider, Item item) {
  return encode(*find_provider(provider), std::vector<Item>{std::move(item)});
}

// A client would start, expand or run something else than the item says.
TEST(Encode, what_a_client_would_take_otherwise_is_left_out_whole) {
  const auto server = [](Json object) { return Item{ItemKind::kServer, "s", std::move(object)}; };
  const auto command = [](std::string_view text) {
    return Item{ItemKind::kCommand, "c", Json::object({{"instructions", text}})};
  };
  const auto stdio = [&](Json argument) {
    return server(Json::object({{"command", "x"}, {"args", Json::array({std::move(argument)})}}));
  };
  const std::vector<std::pair<std::string_view, Item>> all = {
      {"zed", stdio("${TOKEN}")},
      {"codex", stdio("a${TOKEN}")},
      {"claude", stdio("${workspace}/x")},
      {"claude", stdio(Json::object({{"secret", "s.TOKEN"}}))},
      {"gemini", stdio("$HOME")},
      {"opencode", stdio("{file:/etc/passwd}")},
      {"codex", server(Json::object({{"type", "sse"}, {"url", "https://h"}}))},
      {"claude", server(Json::object({{"type", "ws"}, {"url", "https://h"}}))},
      {"claude", server(Json::object({{"args", Json::array({})}}))},
      {"codex", Item{ItemKind::kServer, "a.b", Json::object({{"command", "x"}})}},
      {"gemini", command("run !{rm -rf /}")},
      {"gemini", command("say {{args}}")},
      {"qwen", command("read @{/etc/passwd}")},
      {"vscode", command("${input:token}")},
      {"claude", Item{ItemKind::kAgent, "../../x", Json::object({{"instructions", "x"}})}},
      {"claude", Item{ItemKind::kAgent, "__proto__", Json::object({{"instructions", "x"}})}},
      {"claude", Item{ItemKind::kAgent, "a/b", Json::object({{"instructions", "x"}})}},
      {"claude", Item{ItemKind::kAgent, "a", Json()}},
      {"claude",
       Item{ItemKind::kAgent, "a", Json::object({{"instructions", std::string(kPromptBytesMax + 1, 'x')}})}},
  };
  for (const auto& [provider, item] : all) {
    const Encoded made = shown(provider, item);
    EXPECT_THAT(made.files, testing::IsEmpty()) << provider << " " << item.name;
    ASSERT_EQ(made.losses.size(), 1u) << provider << " " << item.name;
    EXPECT_EQ(made.losses[0].pointer, "");
    EXPECT_NE(made.losses[0].why, "");
    EXPECT_EQ(made.losses[0].why.find("rm -rf"), std::string::npos);
  }
}

TEST(Encode, variables_are_written_the_clients_way) {
  const Item local{ItemKind::kServer, "s",
                   Json::object({{"command", "x"}, {"env", Json::object({{"K", "${K}"}})}})};
  const Item remote{
      ItemKind::kServer, "s",
      Json::object({{"type", "http"}, {"url", "https://h"}, {"headers", Json::object({{"X", "${V}"}})}})};
  const std::vector<std::tuple<std::string_view, Item, std::string_view>> all = {
      {"claude", local, "\"K\": \"${K}\""},
      {"cursor", local, "\"K\": \"${env:K}\""},
      {"opencode", local, "\"K\": \"{env:K}\""},
      {"codex", local, "env_vars = [\"K\"]"},
      {"codex", remote, "env_http_headers = { X = \"V\" }"},
      {"vibe", remote, "api_key_format = \"{token}\""},
      {"antigravity", Item{ItemKind::kServer, "s", Json::object({{"url", "https://h"}})},
       "\"serverUrl\": \"https://h\""},
      {"gemini", Item{ItemKind::kServer, "s", Json::object({{"url", "https://h"}})},
       "\"httpUrl\": \"https://h\""}};
  for (const auto& [provider, item, part] : all) {
    const Encoded made = shown(provider, item);
    ASSERT_EQ(made.files.size(), 1u) << provider;
    EXPECT_THAT(made.files[0].bytes, testing::HasSubstr(part)) << provider;
  }
}

TEST(Encode, what_is_the_clients_own_stands_in_the_place_of_what_is_said_and_that_is_told) {
  const Encoded made =
      shown("claude",
            {ItemKind::kAgent, "a",
             Json::object({{"description", "d"},
                           {"model", "sonnet"},
                           {"instructions", "for all"},
                           {"native", Json::object({{"claude", Json::object({{"model", "arn:x"},
                                                                             {"instructions", "for one"}})},
                                                    {"codex", Json::object({{"model", "gpt-5"}})}})}})});
  ASSERT_EQ(made.files.size(), 1u);
  EXPECT_EQ(made.files[0].bytes, "---\nname: a\ndescription: d\nmodel: arn:x\n---\n\nfor one\n");
  ASSERT_EQ(made.losses.size(), 2u);
  EXPECT_EQ(made.losses[0].pointer, "/instructions");
  EXPECT_EQ(made.losses[1].pointer, "/model");
  EXPECT_EQ(made.losses[1].why, "`native.claude.model` stands in its place");
}

TEST(Encode, nothing_of_a_clients_own_says_what_starts_a_server) {
  for (const Provider& provider : providers()) {
    const auto server = [&](Json own) {
      return std::vector<Item>{{ItemKind::kServer, "s",
                                Json::object({{"type", "stdio"},
                                              {"command", "rtt"},
                                              {"args", Json::array({"mcp", "serve", "s"})},
                                              {"native", Json::object({{provider.name, std::move(own)}})}})}};
    };
    const Encoded plain = encode(provider, server(Json::object({{"timeout", 5}})));
    const Encoded made = encode(provider, server(Json::object({{"command", "sh"},
                                                               {"args", Json::array({"-c", "x"})},
                                                               {"env", Json::object({{"A", "b"}})},
                                                               {"timeout", 5},
                                                               {"type", "remote"},
                                                               {"url", "http://x"}})));
    EXPECT_EQ(made.files, plain.files) << provider.name;
    if (!plain.files.empty()) {
      EXPECT_EQ(made.losses.size(), 5u) << provider.name;
    }
  }
}

TEST(Encode, servers_are_replaced_and_all_else_stays) {
  std::vector<Item> items = sample_items(), servers;
  std::ranges::copy_if(items, std::back_inserter(servers),
                       [](const Item& item) { return item.kind == ItemKind::kServer; });
  std::erase_if(items, [](const Item& item) { return item.kind == ItemKind::kServer; });
  for (const Provider& provider : providers()) {
    const Encoded none = encode(provider, items), all = encode(provider, sample_items());
    const Tree without = Tree::of(none.files).value(), with = Tree::of(all.files).value();
    EXPECT_EQ(with_servers(provider, without, servers).files, all.files) << provider.name;
    EXPECT_EQ(with_servers(provider, with, servers).files, all.files) << provider.name;
    EXPECT_EQ(with_servers(provider, with, {}).files, none.files) << provider.name;
  }
}

TEST(Encode, an_agent_that_has_every_tool_there_is_told) {
  const Item agent{ItemKind::kAgent, "a",
                   Json::object({{"description", "d"}, {"tools", Json::array({"rtt://files/tool/read"})}})};
  for (const Provider& provider : providers()) {
    const Encoded made = encode(provider, std::vector<Item>{agent});
    const bool listed = !made.files.empty() && std::ranges::any_of(made.files, [](const TreeFile& file) {
      return file.bytes.contains("files") && file.bytes.contains("read");
    });
    const bool told = std::ranges::any_of(
        made.losses, [](const Loss& loss) { return loss.pointer == "/tools" || loss.pointer.empty(); });
    EXPECT_NE(listed, told) << provider.name;
  }
}

TEST(Encode, an_agent_whose_name_the_client_skips_is_told) {
  const auto told = [](std::string_view provider, const std::string& name) {
    const Encoded made = shown(
        provider, {ItemKind::kAgent, name, Json::object({{"description", "d"}, {"instructions", "x"}})});
    EXPECT_FALSE(made.files.empty());
    return std::ranges::any_of(made.losses, [](const Loss& loss) { return loss.pointer == "/name"; });
  };
  // As Gemini CLI 0.61.0 and Qwen Code 0.15.10 took them and did not.
  const std::string fifty(50, 'n');
  using Names = std::vector<std::string>;
  for (const std::string& name : Names{"reviewer", "doc_keeper", "x", "trail-", "main"})
    EXPECT_FALSE(told("gemini", name)) << name;
  for (const std::string& name : Names{"Upper", "dot.ted", "_lead"})
    EXPECT_TRUE(told("gemini", name)) << name;
  for (const std::string& name : Names{"reviewer", "Upper", fifty}) EXPECT_FALSE(told("qwen", name)) << name;
  for (const std::string& name : Names{"x", "dot.ted", "_lead", "trail-", "Main", fifty + "n"})
    EXPECT_TRUE(told("qwen", name)) << name;
  EXPECT_FALSE(told("codex", "dot.ted"));
}

TEST(Encode, files_that_would_spoil_the_tree_are_left_out_alone) {
  Item skill{ItemKind::kSkill, "s", Json::object({{"description", "d"}, {"instructions", "x"}})};
  for (const char* path : {"../x", "/x", "a", "a/b", "SKILL.md", "ok/x", "ok/x", ""})
    skill.files.push_back({.path = path, .bytes = "1"});
  const Encoded made = shown("claude", skill);
  EXPECT_TRUE(Tree::of(made.files));
  EXPECT_EQ(made.files.size(), 3u);  // SKILL.md, a, ok/x
  EXPECT_EQ(made.losses.size(), 6u);
}

TEST(Encode, a_provider_is_a_plain_value) {
  std::vector<std::string> names;
  for (int i = 0; i < 120; ++i) names.push_back("p" + std::to_string(i));
  for (const std::string& name : names) {
    Provider provider = *find_provider("claude");
    const std::string path = "." + name + "/agents/*.md";
    provider.name = name;
    provider.agent.path = path;
    const Encoded made = encode(provider, sample_items());
    EXPECT_TRUE(std::ranges::any_of(
        made.files, [&](const TreeFile& file) { return file.path == "." + name + "/agents/tester.md"; }));
  }
}

TEST(Provider, rows_agree_with_the_table_of_clients) {
  EXPECT_TRUE(std::ranges::is_sorted(providers(), {}, &Provider::name));
  for (const Provider& provider : providers()) {
    const mcp::Client* client = mcp::find_client(provider.name);
    if (client == nullptr) continue;
    EXPECT_EQ(client->form, provider.servers.dialect.form) << provider.name;
    EXPECT_EQ(client->project[0].path, provider.servers.path) << provider.name;
    EXPECT_EQ(client->product, provider.product);
  }
}

}  // namespace
}  // namespace rtt::views
