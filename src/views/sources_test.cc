// SPDX-License-Identifier: Apache-2.0
// Goal: the items of a workspace are what is in force of its files, whole or not at all. Method: workspaces
// on disk, signed as a user signs them, then one thing wrong at a time.
#include "views/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mcp/pins/contracts.h"
#include "registry/place_test.h"
#include "text/json_canonical.h"
#include "views/decode.h"
#include "views/overlay.h"
#include "views/own_forms.h"
#include "views/sample_for_test.h"

namespace rtt::views {
namespace {

namespace fs = std::filesystem;
using registry::Place;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Sources gather(const Place& place) {
  auto sources = gather_sources(place.workspace(), place.load());
  EXPECT_TRUE(sources) << (sources ? "" : sources.error().message);
  return sources ? *std::move(sources) : Sources{};
}
std::vector<std::string> names(const Sources& sources) {
  std::vector<std::string> all;
  for (const Item& item : sources.items) all.push_back(std::string(to_string(item.kind)) + "/" + item.name);
  return all;
}
std::vector<std::string> lines(const Sources& sources) {
  std::vector<std::string> all;
  for (const model::Problem& problem : sources.problems) all.push_back(model::to_string(problem));
  return all;
}
std::string object_of(const Sources& sources, std::string_view name) {
  for (const Item& item : sources.items) {
    if (item.name == name) return text::canonical_json(item.object);
  }
  return "no such item";
}

constexpr std::string_view kSkill = "---\nname: review\n---\nLook closely.\n";

TEST(Sources, golden_summarize_with_a_provider_s_and_an_environment_s_patch) {
  const Place place;
  const std::string golden = RTT_SOURCE_DIR "/tests/golden/views";
  fs::copy(golden + "/summarize", place.workspace().root, fs::copy_options::recursive);
  place.init();
  const Sources sources = gather(place);
  EXPECT_THAT(lines(sources), IsEmpty());
  ASSERT_EQ(sources.overlays.size(), 2U);
  const auto merged =
      merge_overlays(sources.items, {.overlays = sources.overlays, .provider = "claude", .env = "ci"});
  ASSERT_TRUE(merged) << merged.error().message;
  ASSERT_EQ(merged->items.size(), 1U);
  EXPECT_EQ(text::to_pretty_json(merged->items[0].object),
            os::read_file(golden + "/summarize.claude.ci.json", 4096).value_or("no golden file"));
}

TEST(Sources, each_kind_from_its_file_and_what_only_one_provider_knows) {
  const Place place;
  place.scratch().write("agents/a.md",
                        "---\nname: a\ntools: [rtt://x/tool/y]\nnative: {claude: {color: red}}\n---\nDo.\n");
  place.scratch().write("agents/b.agent.json",
                        R"({"$schema":"https://rtt/spec/agent/v1","symbol":{"saddr":"rtt://t/agent/b@1.0.0",)"
                        R"("type":"agent","direction":"consumer"},"agent":{"name":"B b","metadata":{"k":1},)"
                        R"("native":{"codex":{"sandbox_mode":"read-only"}}}})");
  place.scratch().write(
      "skills/review/SKILL.md",
      "---\nname: review\nlicense: MIT\nallowed-tools: Bash(git add:*), Read Grep\n---\nLook.\n");
  place.scratch().write("rules/main.md", "# House rules\n");
  place.scratch().write("commands/fix.md", "---\nargument_hint: \"[file]\"\n---\nMend $ARGUMENTS\n");
  place.init();
  const Sources sources = gather(place);
  EXPECT_THAT(lines(sources), IsEmpty());
  EXPECT_THAT(names(sources),
              ElementsAre("agent/B%20b", "agent/a", "skill/review", "rules/main", "command/fix"));
  EXPECT_THAT(sources.files, ElementsAre("agents/b.agent.json", "agents/a.md", "skills/review/SKILL.md",
                                         "rules/main.md", "commands/fix.md"));
  EXPECT_EQ(object_of(sources, "a"),
            R"({"instructions":"Do.","name":"a","native":{"claude":{"color":"red"}},)"
            R"("tools":["rtt://x/tool/y"]})");
  EXPECT_EQ(object_of(sources, "B%20b"),
            R"({"metadata":{"k":1},"name":"B b","native":{"codex":{"sandbox_mode":"read-only"}}})");
  EXPECT_EQ(object_of(sources, "review"), R"x({"allowed-tools":"Bash(git add:*), Read Grep",)x"
                                          R"("instructions":"Look.","license":"MIT","name":"review"})");
  EXPECT_EQ(object_of(sources, "main"), R"({"instructions":"# House rules"})");
  EXPECT_EQ(object_of(sources, "fix"),
            R"({"argument_hint":"[file]","instructions":"Mend $ARGUMENTS","name":"fix"})");
}

TEST(Sources, what_is_written_down_of_a_client_s_item_is_that_item) {
  for (const Provider& provider : providers()) {
    SCOPED_TRACE(provider.name);
    const Place place;
    std::vector<Item> items;
    for (Item& found : decode(provider, encode(provider, sample_items()).files).items) {
      if (found.kind == ItemKind::kServer) continue;
      auto item = adopted(std::move(found), provider);
      ASSERT_TRUE(item) << item.error().message;
      const Encoded own = written_down(*item);
      EXPECT_THAT(own.losses, IsEmpty());
      for (const TreeFile& file : own.files) place.scratch().write(file.path, file.bytes);
      for (ItemFile& beside : item->files) beside.executable = false;  // the scratch folder has no modes
      items.push_back(*std::move(item));
    }
    place.init();
    EXPECT_EQ(gather(place).items, items);
  }
}

TEST(Sources, names_that_differ_only_by_case_are_told) {
  const Place place;
  place.scratch().write("rules/Kind.md", "a");
  place.scratch().write("rules/kind.md", "b");
  place.init();
  const Sources sources = gather(place);
  EXPECT_THAT(names(sources), ElementsAre("rules/Kind", "rules/kind"));
  EXPECT_THAT(lines(sources), ElementsAre(HasSubstr("kind differs from Kind (rules/Kind.md) only by case")));
}

TEST(Sources, show_only_what_is_in_force) {
  const Place place;
  place.scratch().write("rules/main.md", "old\n");
  place.scratch().write("overlays/provider/claude/a.patch.json", R"({"model":"opus"})");
  place.init();
  place.scratch().write("rules/main.md", "new\n");
  place.scratch().write("rules/more.md", "never signed\n");
  place.scratch().write("overlays/provider/claude/a.patch.json", R"({"model":"haiku"})");
  place.scratch().write("overlays/provider/claude/b.patch.json", R"({"model":"haiku"})");
  const Sources before = gather(place);
  EXPECT_THAT(names(before), ElementsAre("rules/main"));
  EXPECT_EQ(object_of(before, "main"), R"({"instructions":"old"})");
  ASSERT_EQ(before.overlays.size(), 1U);
  EXPECT_EQ(text::to_json(before.overlays[0].merge), R"({"model":"opus"})");
  place.sign();
  const Sources after = gather(place);
  EXPECT_EQ(object_of(after, "main"), R"({"instructions":"new"})");
  EXPECT_EQ(after.overlays.size(), 2U);
}

TEST(Sources, of_several_versions_the_highest_and_of_two_called_the_same_neither) {
  const Place place;
  const auto write = [&](const std::string& file, const std::string& saddr, const std::string& body) {
    place.scratch().write("agents/" + file, "---\nname: x\nsaddr: " + saddr + "\n---\n" + body + "\n");
  };
  write("1.md", "rtt://t/agent/x@1.10.0", "ten");
  write("2.md", "rtt://t/agent/x@1.9.0", "nine");
  write("3.md", "rtt://t/agent/x@2.0.0-rc.1", "candidate");
  place.init();
  const Sources versions = gather(place);
  EXPECT_THAT(lines(versions), IsEmpty());
  EXPECT_EQ(object_of(versions, "x"), R"({"instructions":"ten","name":"x"})");
  write("4.md", "rtt://other/agent/x@1.0.0", "other");
  place.sign();
  const Sources clash = gather(place);
  EXPECT_THAT(names(clash), IsEmpty());
  EXPECT_THAT(lines(clash),
              Contains(HasSubstr("agents/4.md: error RTT0307: a second agent is called x: agents/")));
  EXPECT_THAT(lines(clash),
              Contains(HasSubstr("agents/1.md: error RTT0307: a second agent is called x: agents/4.md; "
                                 "neither is shown")));
  EXPECT_EQ(clash.problems.size(), 4U);
}

TEST(Sources, a_skill_brings_what_lies_beside_it) {
  const Place place;
  place.scratch().write("skills/review/SKILL.md", kSkill);
  place.scratch().write("skills/review/scripts/run.sh", "#!/bin/sh\n");
  place.scratch().write("skills/review/scripts-a.md", "a");
  place.scratch().write("skills/review/.git/config", "x");
  place.scratch().write("skills/review/inner/SKILL.md", "---\nname: inner\n---\nx\n");
  place.scratch().write("skills/review/inner/own.md", "y");
  fs::permissions(place.scratch().at("skills/review/scripts/run.sh"), fs::perms(0755));
  place.init();
  const Sources sources = gather(place);
  EXPECT_THAT(lines(sources), IsEmpty());
  ASSERT_THAT(names(sources), ElementsAre("skill/inner", "skill/review"));
  EXPECT_THAT(sources.items[0].files, ElementsAre(ItemFile{.path = "own.md", .bytes = "y"}));
  EXPECT_THAT(sources.items[1].files,
              ElementsAre(ItemFile{.path = "scripts-a.md", .bytes = "a"},
                          ItemFile{.path = "scripts/run.sh", .bytes = "#!/bin/sh\n", .executable = true}));
  const Digest before = digest_of(sources.items[1]);
  place.scratch().write("skills/review/scripts-a.md", "b");
  EXPECT_NE(digest_of(gather(place).items[1]), before);
}

TEST(Sources, a_skill_that_cannot_be_read_whole_is_not_shown) {
  const Place place;
  place.scratch().write("skills/review/SKILL.md", kSkill);
  place.init();
  const auto why = [&] {
    const Sources sources = gather(place);
    EXPECT_THAT(names(sources), IsEmpty());
    return sources.problems.empty() ? "no problem" : model::to_string(sources.problems.front());
  };
  const std::string folder = place.scratch().at("skills/review/");
  const auto link = [&](const std::string& target) {
    fs::create_symlink(target, folder + "link");
    const std::string line = why();
    fs::remove(folder + "link");
    return line;
  };
  for (const std::string target : {"/etc/hostname", "..", "link", "SKILL.md"}) {
    EXPECT_THAT(link(target), HasSubstr("skills/review/SKILL.md: error RTT0304: the skill is not shown: "
                                        "skills/review/link is a symbolic link"));
  }
  ASSERT_EQ(::mkfifo((folder + "fifo").c_str(), 0600), 0);
  EXPECT_THAT(why(), HasSubstr("error RTT0305"));
  fs::remove(folder + "fifo");
  place.scratch().write("skills/review/bad\nname", "x");
  EXPECT_THAT(why(), HasSubstr("error RTT0211"));
  fs::remove(folder + "bad\nname");
  place.scratch().write("skills/review/a.bin", std::string(kSkillBytesMax / 2, 'x'));
  EXPECT_THAT(names(gather(place)), ElementsAre("skill/review"));
  place.scratch().write("skills/review/b.bin", std::string(kSkillBytesMax / 2 + 1, 'x'));
  EXPECT_THAT(why(), HasSubstr("error RTT0206: the skill is not shown: skills/review holds more than"));
  fs::remove(folder + "b.bin");
  for (std::size_t i = 0; i < kItemFilesMax; ++i)
    place.scratch().write("skills/review/f" + std::to_string(i), "");
  EXPECT_THAT(why(),
              HasSubstr("error RTT0904: the skill is not shown: skills/review holds more than 1000 files"));
}

TEST(Sources, servers_are_rtt_s_own_entry_for_one_client) {
  const Place place;
  const mcp::ServerConfig config{
      .name = "My Files", .command = "npx", .args = text::JsonArray{}, .env = text::JsonObject{}};
  const mcp::ServerInfo info{.name = "fs",
                             .version = "1.0.0",
                             .protocol = "2025-11-25",
                             .instructions = {},
                             .capabilities = text::JsonObject{}};
  const auto manifest = mcp::manifest_from(config, info, {});
  ASSERT_TRUE(manifest) << manifest.error().message;
  place.scratch().write(".rtt/manifests/mcp.my-files.json", text::to_pretty_json(*manifest));
  place.init();
  const auto sources = gather_sources(place.workspace(), place.load());
  ASSERT_TRUE(sources && sources->servers);
  const auto items =
      server_items(*sources->servers, {.program = "rtt", .client = "codex", .more = {"-C", "/w"}});
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items.front().kind, ItemKind::kServer);
  EXPECT_EQ(items.front().name, "my-files");
  EXPECT_EQ(text::canonical_json(items.front().object),
            R"({"args":["mcp","serve","My Files","--as","codex","-C","/w"],"command":"rtt","type":"stdio"})");
}

}  // namespace
}  // namespace rtt::views
