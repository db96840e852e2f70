// SPDX-License-Identifier: Apache-2.0
// Files as people and other programs wrote them: what is read, what is kept, and what is said of the rest.
#include "views/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "views/sample_for_test.h"

namespace rtt::views {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using text::Json;

Decoded read(std::string_view provider, std::vector<TreeFile> files) {
  return decode(*find_provider(provider), files);
}
Json only(const Decoded& read) {
  EXPECT_EQ(read.items.size(), 1u);
  return read.items.empty() ? Json() : read.items[0].object;
}
Json json(std::string_view text) { return *text::parse_json(text); }

TEST(Decode, keys_of_no_member_stay_the_clients) {
  const auto made =
      read("claude", {{.path = ".claude/agents/a.md",
                       .bytes = "---\nname: a\ndescription: d\ntools: Read, Grep\nmodel: my-own\n"
                                "hooks: {PreToolUse: [{matcher: Bash}]}\n---\nDo it.\n"}});
  EXPECT_THAT(made.problems, IsEmpty());
  EXPECT_EQ(only(made), json(R"({"description":"d","instructions":"Do it.","name":"a","native":{"claude":
      {"hooks":{"PreToolUse":[{"matcher":"Bash"}]},"model":"my-own","tools":"Read, Grep"}}})"));
  const auto again = encode(*find_provider("claude"), made.items);
  ASSERT_EQ(again.files.size(), 1u);
  for (const char* key : {"name: a", "description: d", "tools: Read, Grep", "model: my-own", "hooks:"})
    EXPECT_THAT(again.files[0].bytes, HasSubstr(key));
}

TEST(Decode, a_walk_that_enters_only_what_may_hold_something_misses_nothing) {
  for (const Provider& provider : providers()) {
    SCOPED_TRACE(provider.name);
    for (const TreeFile& file : encode(provider, sample_items()).files) {
      if (!reads(provider, file.path)) continue;  // a companion
      for (std::size_t slash = file.path.find('/'); slash != std::string::npos;
           slash = file.path.find('/', slash + 1))
        EXPECT_TRUE(reads_below(provider, file.path.substr(0, slash))) << file.path;
    }
    for (const char* folder : {"src", "node_modules", "agents", ".git", "docs/.claude"})
      EXPECT_FALSE(reads_below(provider, folder)) << folder;
  }
}

TEST(Decode, tools_of_servers_become_references) {
  const auto made =
      read("claude", {{.path = ".claude/agents/a.md",
                       .bytes = "---\ntools: mcp__files__read, mcp__git__diff\nskills: [s]\n---\n"}});
  EXPECT_EQ(only(made), json(R"({"name":"a","skills":["rtt://local/skill/s"],
                                 "tools":["rtt://files/tool/read","rtt://git/tool/diff"]})"));
  const auto shown = encode(*find_provider("gemini"), made.items);
  EXPECT_THAT(shown.files.at(0).bytes, HasSubstr("tools:\n  - mcp_files_read\n  - mcp_git_diff\n"));
}

TEST(Decode, lines_yaml_would_not_take_are_read_as_their_clients_do) {
  const auto made =
      read("claude",
           {{.path = ".claude/agents/a.md",
             .bytes = "---\r\nname: a\r\ndescription: Use when: x \\n <example>\r\n---\r\n\r\nText\r\n"}});
  EXPECT_EQ(only(made),
            json(R"({"name":"a","description":"Use when: x \\n <example>","instructions":"Text"})"));
  ASSERT_EQ(made.problems.size(), 1u);
  EXPECT_EQ(made.problems[0].weight, DecodeProblem::Weight::kNote);
  EXPECT_EQ(made.problems[0].line, 3u);
}

TEST(Decode, cursors_globs_stand_without_quotes) {
  const auto made =
      read("cursor",
           {{.path = ".cursor/rules/ts.mdc",
             .bytes = "---\ndescription: \nglobs: *.ts,src/**/*.{a,b}\nalwaysApply: false\n---\nNo any.\n"}});
  EXPECT_THAT(made.problems, IsEmpty());
  EXPECT_EQ(*only(made).find("globs"), json(R"(["*.ts","src/**/*.{a,b}"])"));
}

TEST(Decode, vibes_prompt_comes_from_its_file) {
  const TreeFile agent{
      .path = ".vibe/agents/a.toml",
      .bytes = "agent_type = \"subagent\"\nsystem_prompt_id = \"shared\"\nsafety = \"safe\"\n"};
  EXPECT_EQ(only(read("vibe", {agent, {.path = ".vibe/prompts/shared.md", .bytes = "Review.\n"}})),
            json(R"({"name":"a","instructions":"Review.","native":{"vibe":{"safety":"safe"}}})"));
  const auto builtin = read("vibe", {agent});
  EXPECT_EQ(only(builtin),
            json(R"({"name":"a","native":{"vibe":{"safety":"safe","system_prompt_id":"shared"}}})"));
  const auto again = encode(*find_provider("vibe"), builtin.items);
  ASSERT_EQ(again.files.size(), 1u);
  EXPECT_THAT(again.files[0].bytes, HasSubstr("system_prompt_id = \"shared\""));
}

TEST(Decode, what_an_absent_key_means_is_kept) {
  const auto made =
      read("opencode", {{.path = ".opencode/agent/a.md", .bytes = "---\ndescription: d\n---\nx\n"}});
  EXPECT_EQ(*only(made).find("native"), json(R"({"opencode":{"mode":"all"}})"));
}

TEST(Decode, servers_keep_what_only_their_client_knows) {
  const auto made = read(
      "codex",
      {{.path = ".codex/config.toml",
        .bytes = "model = \"gpt-5\"\n[mcp_servers.a]\ncommand = \"x\"\nenv_vars = [\"T\"]\n"
                 "tool_timeout_sec = 60\n[mcp_servers.b]\nurl = \"https://h\"\n"
                 "bearer_token_env_var = \"B\"\n[mcp_servers.off]\ncommand = \"y\"\nenabled = false\n"}});
  ASSERT_EQ(made.items.size(), 2u);
  EXPECT_EQ(made.items[0].object, json(R"({"type":"stdio","command":"x","env":{"T":"${T}"},
                                           "native":{"codex":{"tool_timeout_sec":60}}})"));
  const auto again = encode(*find_provider("codex"), made.items);
  EXPECT_EQ(again.files.at(0).bytes,
            "[mcp_servers.a]\ncommand = \"x\"\nenv_vars = [\"T\"]\ntool_timeout_sec = 60\n\n"
            "[mcp_servers.b]\nbearer_token_env_var = \"B\"\nurl = \"https://h\"\n");
  ASSERT_EQ(made.problems.size(), 2u);
  EXPECT_THAT(made.problems[0].why, HasSubstr("(model)"));
  EXPECT_THAT(made.problems[1].why, HasSubstr("'off' is switched off"));
}

TEST(Decode, a_command_that_runs_something_is_kept_as_its_client_has_it) {
  const TreeFile file{.path = ".gemini/commands/c.toml",
                      .bytes = "prompt = \"Look at !{git diff} for {{args}}\"\n"};
  const auto made = read("gemini", {file});
  EXPECT_EQ(only(made), json(R"({"name":"c","instructions":"Look at !{git diff} for $ARGUMENTS",
                                 "native":{"gemini":{"prompt":"Look at !{git diff} for {{args}}"}}})"));
  EXPECT_EQ(encode(*find_provider("gemini"), made.items).files.at(0).bytes, file.bytes);
}

struct Bad {
  std::string_view provider, path, bytes, why;
  std::uint32_t line = 0;
};

TEST(Decode, what_cannot_be_read_is_said_with_its_place) {
  const std::string huge(kPromptBytesMax + 1, 'x');
  const std::vector<Bad> all = {
      {"claude", ".claude/agents/a.md", "---\nname: a\n", "no closing line", 1},
      {"claude", ".claude/agents/a.md", "---\nname: a\nb: [\n---\n", "not YAML", 4},
      {"claude", ".claude/agents/a.md", "---\n- a\n---\n", "no members", 2},
      {"claude", ".claude/agents/a.md", "---\na: 1\na: 2\n---\n", "twice", 3},
      {"claude", ".claude/agents/a.md", "ok\n\xff\n", "not UTF-8", 2},
      {"claude", ".claude/agents/a.md", huge, "at most", 0},
      {"claude", ".claude/agents/a b.md", "x", "cannot be an item's", 0},
      {"claude", ".claude/agents/team/a.md", "x", "folder of its own", 0},
      {"claude", ".claude/skills/s/other.md", "x", "no SKILL.md", 0},
      {"claude", ".mcp.json", "{\"mcpServers\":[]}", "must be an object", 0},
      {"claude", ".mcp.json", "{\"mcpServers\":{\"a\":{}}}", "neither a command", 0},
      {"claude", ".mcp.json", "{\"mcpServers\":", "", 1},
      {"codex", ".codex/agents/a.toml", "name = \n", "not TOML", 1},
      {"kiro", ".kiro/agents/a.json", "{\"name\":\n}", "", 2},
  };
  for (const Bad& bad : all) {
    const auto made = read(bad.provider, {{.path = std::string(bad.path), .bytes = std::string(bad.bytes)}});
    EXPECT_THAT(made.items, IsEmpty()) << bad.path;
    ASSERT_EQ(made.problems.size(), 1u) << bad.path << " " << bad.bytes.substr(0, 40);
    EXPECT_EQ(made.problems[0].file, bad.path);
    EXPECT_EQ(made.problems[0].line, bad.line) << bad.bytes.substr(0, 40);
    EXPECT_EQ(made.problems[0].weight, DecodeProblem::Weight::kLeftOut);
    EXPECT_THAT(made.problems[0].why, HasSubstr(bad.why));
  }
}

TEST(Decode, no_problem_repeats_a_secret) {
  for (const char* provider : {"claude", "zed", "opencode", "vscode", "codex"}) {
    const Provider& row = *find_provider(provider);
    const std::string key(mcp::section_key(row.servers.dialect.form));
    const std::string entry = mcp::is_toml(row.servers.dialect.form)
                                  ? "[mcp_servers.a]\ncommand = \"x\"\nargs = [\"s3cret ${\"]\n"
                                  : "{\"" + key + "\":{\"a\":{\"command\":\"x\",\"args\":[\"s3cret ${\"]}}}";
    for (const DecodeProblem& problem :
         read(provider, {{.path = std::string(row.servers.path), .bytes = entry}}).problems)
      EXPECT_EQ((problem.why + problem.hint).find("s3cret"), std::string::npos) << provider;
  }
}

TEST(Decode, files_of_nobody_are_passed_over) {
  EXPECT_TRUE(reads(*find_provider("claude"), ".claude/skills/s/scripts/x.sh"));
  EXPECT_TRUE(reads(*find_provider("vibe"), ".vibe/prompts/x.md"));
  for (const char* path :
       {"src/main.cc", ".claude/settings.json", ".claude/skills/README.md", ".codex/agents/a.toml"})
    EXPECT_FALSE(reads(*find_provider("claude"), path)) << path;
  EXPECT_THAT(read("claude", {{.path = "src/main.cc", .bytes = "\xff"}}).problems, IsEmpty());
}

TEST(Decode, of_two_files_of_one_name_the_first_counts) {
  const auto made = read("opencode", {{.path = ".opencode/agents/a.md", .bytes = "two"},
                                      {.path = ".opencode/agent/a.md", .bytes = "one"}});
  EXPECT_EQ(only(made).string_or("instructions"), "one");
  ASSERT_EQ(made.problems.size(), 1u);
  EXPECT_THAT(made.problems[0].why, HasSubstr("two files"));
}

TEST(Decode, problems_have_an_end) {
  std::vector<TreeFile> files;
  for (int i = 0; i < 1100; ++i)
    files.push_back({.path = ".claude/agents/" + std::to_string(i) + " .md", .bytes = "x"});
  EXPECT_EQ(read("claude", files).problems.size(), kDecodeProblemsMax);
}

}  // namespace
}  // namespace rtt::views
