// SPDX-License-Identifier: Apache-2.0
// Copies of one item in several clients' formats: which are the same, and that nobody loses what it had.
#include "views/dedupe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "views/overlay.h"
#include "views/own_forms.h"

namespace rtt::views {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using text::Json;
using State = Copy::State;

struct Read {
  std::vector<Version> versions;
  std::vector<Decoded> decoded;
  std::vector<bool> used;
};
Read read(std::vector<TreeFile> files) {
  Read out;
  for (const Provider& provider : providers()) out.decoded.push_back(decode(provider, files));
  out.used = in_use(providers(), out.decoded);
  for (std::size_t i = 0; i < out.decoded.size(); ++i) {
    const Provider& provider = providers()[i];
    for (std::size_t n = 0; out.used[i] && n < out.decoded[i].items.size(); ++n) {
      auto item = adopted(out.decoded[i].items[n], provider);
      EXPECT_TRUE(item);
      out.versions.push_back({&provider, *std::move(item), out.decoded[i].files[n]});
    }
  }
  return out;
}
std::vector<Shared> shared(std::vector<TreeFile> files, DedupeOptions options = {}) {
  return dedupe(read(std::move(files)).versions, options);
}
std::vector<std::string> names_used(std::vector<TreeFile> files) {
  const Read all = read(std::move(files));
  std::vector<std::string> out;
  for (std::size_t i = 0; i < all.used.size(); ++i) {
    if (all.used[i]) out.emplace_back(providers()[i].name);
  }
  return out;
}

const std::vector<TreeFile> kReviewer{
    {.path = ".claude/agents/a.md",
     .bytes = "---\nname: a\ndescription: d\ntools: mcp__fs__read\nmodel: sonnet\ncolor: red\n---\nDo it.\n"},
    {.path = ".codex/agents/a.toml",
     .bytes = "name = \"a\"\ndescription = \"d\"\ndeveloper_instructions = \"Do it.\"\nmodel = \"gpt-5\"\n"},
    {.path = ".cursor/agents/a.md", .bytes = "---\nname: a\ndescription: 'd'\n---\n\nDo it.\n\n"},
    {.path = ".gemini/agents/a.md", .bytes = "---\nname: a\ndescription: D!\n---\nDo it.\n"}};

TEST(Dedupe, copies_that_differ_only_in_what_a_client_has_no_place_for_are_the_same) {
  const auto all = shared(kReviewer);
  ASSERT_THAT(all, SizeIs(1));
  const Shared& one = all[0];
  EXPECT_EQ(one.from, "claude");
  ASSERT_THAT(one.copies, SizeIs(4));
  EXPECT_EQ(one.copies[0].state, State::kSame);
  EXPECT_EQ(one.copies[1].state, State::kMore);  // a model of its own
  EXPECT_THAT(one.copies[1].differs, ElementsAre("/model"));
  EXPECT_EQ(one.copies[2].state, State::kSame);
  EXPECT_THAT(one.copies[2].differs, IsEmpty());
  EXPECT_FALSE(one.copies[2].lacks.empty());
  EXPECT_EQ(one.copies[3].state, State::kDrifted);
  EXPECT_THAT(one.copies[3].differs, ElementsAre("/description", "/tools"));
  ASSERT_THAT(one.overlays, SizeIs(2));
  EXPECT_EQ(one.overlays[0].path, "overlays/provider/codex/a.patch.json");
  EXPECT_EQ(*text::parse_json(one.overlays[0].text),
            *text::parse_json(R"({"target":"agent/a","merge":{"model":"gpt-5"}})"));
  EXPECT_EQ(*text::parse_json(one.overlays[1].text),
            *text::parse_json(R"({"target":"agent/a","merge":{"description":"D!","tools":null}})"));
}

TEST(Dedupe, the_preferred_clients_version_is_the_canonical_one) {
  const auto all = shared(kReviewer, {.prefer = "gemini"});
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].from, "gemini");
  EXPECT_EQ(all[0].item.object.string_or("description"), "D!");
  EXPECT_EQ(all[0].copies[3].state, State::kSame);
}

TEST(Dedupe, what_several_clients_read_is_one_copy) {
  const auto all = shared({{.path = "AGENTS.md", .bytes = "Be kind.\n"},
                           {.path = ".codex/agents/a.toml", .bytes = "name = \"a\"\n"},
                           {.path = ".opencode/agents/a.md", .bytes = "---\ndescription: x\n---\n"}});
  ASSERT_THAT(all, SizeIs(2));
  ASSERT_THAT(all[1].copies, SizeIs(1));
  EXPECT_THAT(all[1].copies[0].providers, ElementsAre("codex", "opencode"));
}

TEST(Dedupe, clients_are_those_whose_folders_there_are) {
  EXPECT_THAT(names_used({{.path = "AGENTS.md", .bytes = "x"}}), ElementsAre("codex"));
  EXPECT_THAT(names_used({{.path = "AGENTS.md", .bytes = "x"}, {.path = "CLAUDE.md", .bytes = "x"}}),
              ElementsAre("claude", "codex"));
  EXPECT_THAT(names_used({{.path = "AGENTS.md", .bytes = "x"},
                          {.path = ".opencode/agents/a.md", .bytes = "---\ndescription: x\n---\n"}}),
              ElementsAre("opencode"));
  EXPECT_THAT(names_used({{.path = ".github/agents/a.agent.md", .bytes = "---\ndescription: x\n---\n"}}),
              ElementsAre("copilot"));
  EXPECT_THAT(names_used({{.path = "README.md", .bytes = "x"}}), IsEmpty());
}

TEST(Dedupe, files_beside_a_skill_that_differ_stay_unless_one_client_is_preferred) {
  const std::vector<TreeFile> files{
      {.path = ".claude/skills/s/SKILL.md", .bytes = "---\nname: s\ndescription: d\n---\nx\n"},
      {.path = ".claude/skills/s/run.sh", .bytes = "1\n", .executable = true},
      {.path = ".cursor/skills/s/SKILL.md", .bytes = "---\nname: s\ndescription: d\n---\nx\n"},
      {.path = ".cursor/skills/s/run.sh", .bytes = "2\n", .executable = true}};
  const auto all = shared(files);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_THAT(all[0].copies[1].differs, ElementsAre("/files/run.sh"));
  EXPECT_FALSE(all[0].copies[1].stays.empty());
  EXPECT_TRUE(shared(files, {.prefer = "cursor"})[0].copies[0].stays.empty());
  EXPECT_EQ(shared(files, {.prefer = "cursor"})[0].item.files[0].bytes, "2\n");
}

TEST(Dedupe, what_the_workspace_has_is_canonical) {
  const Item mine{.kind = ItemKind::kAgent,
                  .name = "a",
                  .object = Json::object({{"name", "a"}, {"description", "d"}, {"instructions", "Mine."}})};
  const auto all = shared(kReviewer, {.there = std::span(&mine, 1)});
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].from, "");
  EXPECT_EQ(all[0].item, mine);
  EXPECT_THAT(all[0].overlays, SizeIs(4));  // each still reads "Do it."
}

// Versions of a few items as clients might have them: some equal, some changed.
class Random {
 public:
  explicit Random(std::uint32_t seed) : random_(seed) {}

  std::vector<Version> versions() {
    std::vector<Version> out;
    for (const ItemKind kind : {ItemKind::kAgent, ItemKind::kSkill, ItemKind::kRules, ItemKind::kCommand}) {
      const Item base = item(kind);
      for (const Provider& provider : providers()) {
        if (below(3) == 0) continue;
        const Item mine = below(2) == 0 ? base : changed(base, provider);
        const auto files = encode(provider, std::span(&mine, 1)).files;
        const Decoded back = decode(provider, files);
        for (std::size_t i = 0; i < back.items.size(); ++i) {
          if (back.items[i].kind != kind) continue;
          if (auto own = adopted(back.items[i], provider))
            out.push_back({&provider, *std::move(own), back.files[i]});
        }
      }
    }
    std::ranges::shuffle(out, random_);
    return out;
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  std::string word() { return std::string(1 + below(3), static_cast<char>('a' + below(4))); }

  Json value(int depth) {
    switch (below(depth > 0 ? 5 : 3)) {
      case 0:
        return word();
      case 1:
        return static_cast<std::int64_t>(below(9));
      case 2:
        return below(2) == 0;
      case 3:
        return Json::object({{word(), value(depth - 1)}, {word(), Json()}});
      default:
        return Json::array({value(depth - 1), word()});
    }
  }
  void set(Item& item, const Provider& provider) {
    constexpr std::string_view kModels[] = {"inherit", "sonnet", "gpt-5", "a/b", "gemini-2.5-pro"};
    switch (below(8)) {
      case 0:
        item.object.set("description", word());
        break;
      case 1:
        item.object.set("instructions", word() + "\n" + word());
        break;
      case 2:
        if (item.kind != ItemKind::kSkill && item.kind != ItemKind::kRules)
          item.object.set("model", kModels[below(std::size(kModels))]);
        break;
      case 3:
        if (item.kind == ItemKind::kAgent || item.kind == ItemKind::kCommand)
          item.object.set("tools", Json::array({"rtt://" + word() + "/tool/" + word()}));
        break;
      case 4:
        if (item.kind == ItemKind::kAgent) item.object.set("permissions", Json::object({{word(), value(2)}}));
        if (item.kind == ItemKind::kSkill) item.object.set("metadata", Json::object({{word(), word()}}));
        break;
      case 5:
        if (item.kind == ItemKind::kRules) item.object.set("globs", Json::array({word() + "/*"}));
        break;
      case 6:
        if (item.kind == ItemKind::kAgent) item.object.set("name", word());
        break;
      default:
        item.object.set("native", Json::object({{provider.name, Json::object({{"x" + word(), value(2)}})}}));
    }
  }
  Item item(ItemKind kind) {
    Item out{.kind = kind,
             .name = kind == ItemKind::kRules && below(2) == 0 ? "main" : "it",
             .object = Json::object({{"description", word()}, {"instructions", word()}})};
    if (kind != ItemKind::kRules) out.object.set("name", out.name);
    for (std::size_t i = below(6); i > 0; --i) set(out, providers()[below(providers().size())]);
    return out;
  }
  Item changed(Item item, const Provider& provider) {
    for (std::size_t i = 1 + below(2); i > 0; --i) set(item, provider);
    if (below(4) == 0) item.object.as_object().erase("description");
    return item;
  }

  std::mt19937 random_;
};

TEST(Dedupe, every_client_still_reads_what_it_had) {
  std::size_t overlays = 0, same = 0;
  for (std::uint32_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const std::vector<Version> versions = Random(seed).versions();
    const std::vector<Shared> all = dedupe(versions, {});
    std::vector<model::Overlay> read;
    for (const Shared& one : all) {
      for (const NewOverlay& overlay : one.overlays)
        read.push_back(model::read_overlay(overlay.text, overlay.path));
    }
    overlays += read.size();
    for (const Version& version : versions) {
      const auto at = std::ranges::find_if(all, [&](const Shared& one) {
        return one.item.kind == version.item.kind && one.item.name == version.item.name;
      });
      ASSERT_NE(at, all.end());
      const auto copy = std::ranges::find(at->copies, version.files, &Copy::files);
      ASSERT_NE(copy, at->copies.end());
      ASSERT_EQ(copy->stays, "");
      same += copy->state == State::kSame;
      const auto merged = merge_overlays({at->item}, {.overlays = read, .provider = version.provider->name});
      ASSERT_TRUE(merged) << merged.error().message;
      const Encoded is = encode(*version.provider, merged->items),
                    was = encode(*version.provider, std::span(&version.item, 1));
      ASSERT_EQ(is.files, was.files) << version.provider->name;
    }
  }
  EXPECT_GT(overlays, 100u);
  EXPECT_GT(same, 1000u);
}

TEST(Dedupe, the_order_of_what_was_found_does_not_matter) {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    std::vector<Version> versions = Random(seed).versions();
    const auto lines = [](const std::vector<Shared>& all) {
      std::string out;
      for (const Shared& one : all) {
        out += to_string(digest_of(one.item)) + one.from + "\n";
        for (const Copy& copy : one.copies)
          out += copy.files.front() + std::string(to_string(copy.state)) + "\n";
        for (const NewOverlay& overlay : one.overlays) out += overlay.path + overlay.text;
      }
      return out;
    };
    const std::string first = lines(dedupe(versions, {}));
    std::ranges::reverse(versions);
    EXPECT_EQ(lines(dedupe(versions, {})), first);
  }
}

}  // namespace
}  // namespace rtt::views
