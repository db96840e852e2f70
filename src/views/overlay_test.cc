// SPDX-License-Identifier: Apache-2.0
// Goal: what a provider is shown follows from the set of overlays alone, and one that does not fit shows
// nothing and says where. Method: properties over shuffled overlays, then each way an overlay can be wrong.
#include "views/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "text/json_canonical.h"
#include "views/item_shape.h"
#include "views/sample_for_test.h"

namespace rtt::views {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using text::Json;

Item item(ItemKind kind, const std::string& name, std::string_view object) {
  return {.kind = kind, .name = name, .object = *text::parse_json(object)};
}
Item agent(const std::string& name) {
  return item(ItemKind::kAgent, name, R"({"name":")" + name + R"(","instructions":"Do it.","tools":["t"]})");
}
model::Overlay overlay(std::string_view path, std::string_view text) {
  model::Overlay read = model::read_overlay(text, path);
  EXPECT_TRUE(read.problems.empty()) << model::to_string(read.problems.front());
  return read;
}
Result<Merged> merged(std::vector<Item> items, const std::vector<model::Overlay>& overlays,
                      std::string_view env = {}) {
  return merge_overlays(std::move(items), {.overlays = overlays, .provider = "claude", .env = env});
}

TEST(MergeOverlays, the_kinds_an_overlay_names_are_the_kinds_there_are) {
  for (const ItemKind kind :
       {ItemKind::kAgent, ItemKind::kSkill, ItemKind::kServer, ItemKind::kRules, ItemKind::kCommand})
    EXPECT_THAT(model::kTargetKinds, ::testing::Contains(to_string(kind)));
  EXPECT_EQ(model::kTargetKinds.size(), 5U);
}

std::string append(std::string_view word) {
  return R"([{"op":"add","path":"/tools/-","value":")" + std::string(word) + R"("}])";
}

TEST(MergeOverlays, provider_then_environment_all_agents_then_this_one_then_by_name) {
  std::vector<model::Overlay> overlays{
      overlay("overlays/provider/claude/_global.patch.json", append("p*")),
      overlay("overlays/provider/claude/a.patch.json", append("p")),
      overlay("overlays/provider/claude/0.patch.json",
              R"({"target":"agent/a","patch":)" + append("p0") + "}"),
      overlay("overlays/provider/claude/z.patch.json",
              R"({"target":"_global","patch":)" + append("p*z") + "}"),
      overlay("overlays/provider/codex/a.patch.json", append("other provider")),
      overlay("overlays/env/ci/_global.patch.json", append("e*")),
      overlay("overlays/env/ci/a.patch.json", append("e")),
      overlay("overlays/env/prod/a.patch.json", append("other environment")),
      overlay("overlays/env/claude/a.patch.json", append("an environment called like the provider"))};
  const auto tools = [&](std::string_view env) {
    const auto done = merged({agent("a")}, overlays, env);
    EXPECT_TRUE(done) << done.error().message;
    std::vector<std::string> words;
    for (const Json& tool : done->items.at(0).object.find("tools")->as_array())
      words.push_back(tool.as_string());
    return words;
  };
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < 20; ++round) {
    EXPECT_THAT(tools("ci"), ElementsAre("t", "p*", "p*z", "p0", "p", "e*", "e"));
    EXPECT_THAT(tools(""), ElementsAre("t", "p*", "p*z", "p0", "p"));
    std::ranges::shuffle(overlays, random);
  }
}

TEST(MergeOverlays, the_digest_of_what_is_shown_does_not_depend_on_any_order) {
  const std::uint32_t seed = std::random_device{}();
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  std::vector<Item> items;
  std::vector<model::Overlay> overlays;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "a" + std::to_string(i);
    items.push_back(agent(name));
    for (const std::string folder : {"provider/claude/", "env/ci/"}) {
      for (int n = 0; n < 3; ++n) {
        const std::string value = std::to_string(random() % 4);
        overlays.push_back(overlay("overlays/" + folder + name + "-" + std::to_string(n) + ".patch.json",
                                   R"({"target":"agent/)" + name + R"(","merge":{"model":"m)" + value +
                                       R"(","metadata":{"k)" + value + R"(":)" + value + "}}}"));
      }
    }
  }
  const auto digests = [&](std::vector<Item> given) {
    const auto done = merged(std::move(given), overlays, "ci");
    EXPECT_TRUE(done);
    std::vector<std::pair<std::string, Digest>> all;
    for (const Item& one : done->items) all.emplace_back(one.name, digest_of(one));
    std::ranges::sort(all);
    return all;
  };
  const auto first = digests(items);
  for (int round = 0; round < 20; ++round) {
    std::ranges::shuffle(overlays, random);
    std::ranges::shuffle(items, random);
    ASSERT_EQ(digests(items), first) << "seed " << seed;
  }
  overlays[0] = overlay(overlays[0].path, R"({"target":"agent/a0","merge":{"description":"else"}})");
  EXPECT_NE(digests(items), first);
}

TEST(MergeOverlays, of_all_agents_means_agents) {
  const auto done = merged({agent("a"), item(ItemKind::kSkill, "a", R"({"name":"a"})"), agent("b")},
                           {overlay("overlays/provider/claude/_global.patch.json", R"({"model":"haiku"})")});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->items[0].object.string_or("model"), "haiku");
  EXPECT_EQ(done->items[1].object.find("model"), nullptr);
  EXPECT_EQ(done->items[2].object.string_or("model"), "haiku");
}

TEST(MergeOverlays, one_for_what_is_not_there_is_a_warning) {
  const auto done = merged({agent("a")}, {overlay("overlays/provider/claude/b.patch.json", "{}"),
                                          overlay("overlays/provider/claude/a.skill.patch.json", "{}"),
                                          overlay("overlays/provider/codex/c.patch.json", "{}")});
  ASSERT_TRUE(done);
  ASSERT_EQ(done->warnings.size(), 2U);
  EXPECT_EQ(
      model::to_string(done->warnings[0]),
      "overlays/provider/claude/a.skill.patch.json: warning RTT0105: there is no skill/a for this overlay "
      "to change");
}

struct Wrong {
  const char* text;
  Code code;
  const char *place, *message;
};
TEST(MergeOverlays, one_that_does_not_fit_is_told_with_file_place_and_item) {
  const std::string path = "overlays/env/ci/a.patch.json";
  const Wrong kCases[] = {
      {"[{\"op\":\"add\",\"path\":\"/description\",\"value\":\"x\"},\n "
       "{\"op\":\"remove\",\"path\":\"/model\"}]",
       Code::kPatchFailed, ":2:2", R"(operation 1, remove "/model": nothing is at "/model")"},
      {"{\"merge\":\n{\"instructions\":7}}", Code::kBadShape, ":2:1",
       "'instructions' must be a string, not a number"},
      {R"({"tools":[""]})", Code::kBadShape, ":1:1", "must be a string that is not empty"},
      {R"({"colour":"red"})", Code::kUnknownKey, ":1:1", "unknown key 'colour'"},
      {R"({"name":"b"})", Code::kBadShape, ":1:1", "cannot change the name"},
      {R"({"name":null})", Code::kBadShape, ":1:1", "cannot change the name"},
      {R"([{"op":"replace","path":"","value":[]}])", Code::kBadShape, ":1:1", "cannot change the name"},
      {R"({"native":{"claude":7}})", Code::kBadShape, ":1:1", "must be an object"}};
  for (const Wrong& wrong : kCases) {
    const auto done = merged({agent("a")}, {overlay(path, wrong.text)}, "ci");
    ASSERT_FALSE(done) << wrong.text;
    EXPECT_EQ(done.error().code, wrong.code) << wrong.text;
    EXPECT_EQ(done.error().where, path + wrong.place) << wrong.text;
    EXPECT_THAT(done.error().message, HasSubstr(path + " does not fit agent/a: ")) << wrong.text;
    EXPECT_THAT(done.error().message, HasSubstr(wrong.message)) << wrong.text;
    if (wrong.code == Code::kUnknownKey) {
      EXPECT_THAT(done.error().hint, HasSubstr("one of: name, description"));
    } else {
      EXPECT_EQ(done.error().hint, "correct it, then rtt sign " + path) << wrong.text;
    }
  }
}

TEST(MergeOverlays, prompts_stay_within_their_limit) {
  const std::string half(600'000, 'x');
  std::vector<model::Overlay> overlays{
      overlay("overlays/provider/claude/a.patch.json", R"({"instructions":")" + half + R"("})")};
  EXPECT_TRUE(merged({agent("a")}, overlays));
  Item large = agent("b");
  large.object.set("instructions", std::string((std::size_t{1} << 20) + 1, 'x'));
  const auto done = merged({large}, {overlay("overlays/provider/claude/b.patch.json", "{}")});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kTooLarge);
  EXPECT_THAT(done.error().message, HasSubstr("'instructions' has 1048577 bytes"));
}

TEST(MergeOverlays, no_overlay_leads_around_rtt_s_own_entry_of_a_server) {
  const std::vector<Item> server{
      item(ItemKind::kServer, "s", R"({"type":"stdio","command":"rtt","args":["mcp","serve","s"]})")};
  const char* path = "overlays/provider/claude/s.server.patch.json";
  for (const char* text : {R"({"command":"sh"})", R"({"args":["-c","x"]})", R"({"env":{"LD_PRELOAD":"x"}})",
                           R"({"cwd":"/"})", R"({"type":"http","url":"http://x","command":null,"args":null})",
                           R"([{"op":"replace","path":"","value":{"type":"stdio","command":"sh"}}])",
                           R"([{"op":"replace","path":"","value":null}])"}) {
    const auto done = merged(server, {overlay(path, text)});
    ASSERT_FALSE(done) << text;
    EXPECT_THAT(done.error().message, HasSubstr("can change 'native' alone")) << text;
  }
  // By any client's key, and for any client: a provider of one's own may have another's forms.
  for (const char* own :
       {R"({"codex":{"command":"sh","args":["-c","x"]}})", R"({"claude":{"args":["x"]}})",
        R"({"opencode":{"type":"remote","url":"http://x"}})", R"({"codex":{"env":{"A":"b"}}})",
        R"({"opencode":{"environment":{"A":"b"}}})", R"({"house":{"httpUrl":"http://x"}})",
        R"({"claude":{"headersHelper":"sh"}})", R"({"vscode":{"envFile":"x"}})",
        R"({"zed":{"source":"extension"}})", R"({"vibe":{"transport":"http"}})", R"({"codex":{"cwd":"/"}})",
        R"({"codex":{"env_vars":["LD_PRELOAD"]}})"}) {
    const auto done = merged(server, {overlay(path, R"({"native":)" + std::string(own) + "}")});
    ASSERT_FALSE(done) << own;
    EXPECT_THAT(done.error().message, HasSubstr("in 'native' would say what starts the server")) << own;
  }
  const auto done = merged(server, {overlay(path, R"({"native":{"claude":{"timeout":5}}})")});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(text::canonical_json(*done->items[0].object.find("native")), R"({"claude":{"timeout":5}})");
}

// What encoders are tested with is what sources and overlays let through.
TEST(ItemShape, takes_every_item_of_the_samples_and_no_member_it_does_not_know) {
  for (Item one : sample_items()) {
    const Status sound = check_shape(one);
    EXPECT_TRUE(sound) << one.name << ": " << sound.error().message;
    one.object.set("unknown", 1);
    EXPECT_EQ(check_shape(one).error().code, Code::kUnknownKey) << one.name;
  }
}

TEST(MergeOverlays, more_than_a_workspace_may_have_are_refused) {
  const model::Overlay one = overlay("overlays/provider/claude/a.patch.json", "{}");
  const std::vector<model::Overlay> many(model::kOverlaysMax + 1, one);
  EXPECT_EQ(merged({agent("a")}, many).error().code, Code::kLimit);
}

TEST(Item, its_digest_covers_everything_it_shows) {
  Item base = item(ItemKind::kSkill, "s", R"({"name":"s"})");
  base.files = {{.path = "a.sh", .bytes = "x"}};
  const auto changes = [&](auto&& change) {
    Item other = base;
    change(other);
    return digest_of(other) != digest_of(base);
  };
  EXPECT_TRUE(changes([](Item& i) { i.kind = ItemKind::kAgent; }));
  EXPECT_TRUE(changes([](Item& i) { i.name = "t"; }));
  EXPECT_TRUE(changes([](Item& i) { i.object.set("description", ""); }));
  EXPECT_TRUE(changes([](Item& i) { i.files[0].bytes = "y"; }));
  EXPECT_TRUE(changes([](Item& i) { i.files[0].path = "b.sh"; }));
  EXPECT_TRUE(changes([](Item& i) { i.files[0].executable = true; }));
  EXPECT_FALSE(changes([](Item&) {}));
}

}  // namespace
}  // namespace rtt::views
