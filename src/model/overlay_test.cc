// SPDX-License-Identifier: Apache-2.0
#include "model/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/view_file.h"

namespace rtt::model {
namespace {

using ::testing::HasSubstr;

Overlay sound(std::string_view text, std::string_view path) {
  Overlay overlay = read_overlay(text, path);
  EXPECT_TRUE(overlay.problems.empty()) << to_string(overlay.problems.front());
  return overlay;
}
std::string problem_of(std::string_view text,
                       std::string_view path = "overlays/provider/claude/x.patch.json") {
  const Overlay overlay = read_overlay(text, path);
  return overlay.problems.empty() ? "none" : to_string(overlay.problems.front());
}

TEST(Overlay, a_file_s_place_and_name_say_what_it_is_for) {
  struct {
    const char *path, *of, *target;
    Overlay::Layer layer;
  } const kTable[] = {
      {"overlays/provider/claude/summarize.patch.json", "claude", "agent/summarize",
       Overlay::Layer::kProvider},
      {"overlays/provider/claude/_global.patch.json", "claude", "_global", Overlay::Layer::kProvider},
      {"overlays/env/ci/review.skill.patch.json", "ci", "skill/review", Overlay::Layer::kEnv},
      {"overlays/env/ci/main.rules.patch.json", "ci", "rules/main", Overlay::Layer::kEnv},
      {"overlays/env/ci/a.b.server.patch.json", "ci", "server/a.b", Overlay::Layer::kEnv},
      {"overlays/env/ci/A b.command.patch.json", "ci", "command/A%20b", Overlay::Layer::kEnv},
      {"overlays/env/ci/agent.patch.json", "ci", "agent/agent", Overlay::Layer::kEnv}};
  for (const auto& row : kTable) {
    EXPECT_TRUE(is_overlay_path(row.path)) << row.path;
    const Overlay overlay = sound("{}", row.path);
    EXPECT_EQ(overlay.of, row.of) << row.path;
    EXPECT_EQ(overlay.target, row.target) << row.path;
    EXPECT_EQ(overlay.layer, row.layer) << row.path;
  }
  for (const char* other : {"overlays/provider/claude/x.json", "overlays/provider/claude/.x.patch.json",
                            "overlays/provider/claude/.patch.json", "other/provider/claude/x.patch.json"})
    EXPECT_FALSE(is_overlay_path(other)) << other;
}

TEST(Overlay, each_form_is_read_and_a_target_in_it_outweighs_the_name) {
  const char* path = "overlays/provider/claude/x.patch.json";
  EXPECT_EQ(text::to_json(sound(R"({"model":"opus"})", path).merge), R"({"model":"opus"})");
  EXPECT_EQ(sound(R"([{"op":"remove","path":"/model"}])", path).patch->size(), 1U);
  const Overlay merge = sound(R"({"target":"skill/review","merge":{"license":null}})", path);
  EXPECT_EQ(merge.target, "skill/review");
  EXPECT_EQ(text::to_json(merge.merge), R"({"license":null})");
  const Overlay patch = sound("{\"patch\":\n [{\"op\":\"remove\",\"path\":\"/model\"}]}", path);
  EXPECT_EQ(patch.target, "agent/x");
  EXPECT_EQ(patch.place("/0"), std::string(path) + ":2:3");
  EXPECT_EQ(patch.place("/0/path/nowhere"), std::string(path) + ":2:25");
}

TEST(Overlay, what_is_wrong_is_told_with_its_place) {
  EXPECT_THAT(problem_of("{"), HasSubstr("x.patch.json:1:2: error RTT0201"));
  EXPECT_THAT(problem_of("7"), HasSubstr("must be an object"));
  EXPECT_THAT(problem_of(R"({"sign":[]})"), HasSubstr("RTT0210: no item has a member 'sign'"));
  EXPECT_THAT(problem_of(R"({"merge":{"sign":1}})"), HasSubstr("no item has a member 'sign'"));
  EXPECT_THAT(problem_of(R"({"target":"agent/x"})"), HasSubstr("either 'merge' or 'patch'"));
  EXPECT_THAT(problem_of(R"({"merge":{},"patch":[]})"), HasSubstr("either 'merge' or 'patch'"));
  EXPECT_THAT(problem_of(R"({"merge":[]})"), HasSubstr("'merge' must be an object"));
  EXPECT_THAT(problem_of(R"({"merge":{},"tagret":"agent/x"})"),
              HasSubstr("1:13: error RTT0210: unknown key 'tagret'"));
  EXPECT_THAT(problem_of(R"({"target":"summarize","merge":{}})"), HasSubstr("names no item"));
  EXPECT_THAT(problem_of(R"({"target":"tool/x","merge":{}})"), HasSubstr("names no item"));
  EXPECT_THAT(problem_of(R"({"target":"agent/a/../b","merge":{}})"), HasSubstr("RTT0208"));
  EXPECT_THAT(problem_of("[{\"op\":\"test\",\"path\":\"\",\"value\":1},\n{\"op\":\"spam\",\"path\":\"\"}]"),
              HasSubstr("x.patch.json:2:7: error RTT0211: \"spam\" is no operation"));
  EXPECT_THAT(problem_of("{}", "overlays/x.patch.json"), HasSubstr("no overlay has its place here"));
  EXPECT_THAT(problem_of("{}", "overlays/user/a/x.patch.json"), HasSubstr("no overlay has its place here"));
  EXPECT_THAT(problem_of("{}", "overlays/env/a/b/x.patch.json"), HasSubstr("no overlay has its place here"));
  EXPECT_THAT(problem_of("{}", "overlays/env/Prod/x.patch.json"), HasSubstr("'Prod' can be no env"));
}

TEST(Overlay, ten_thousand_levels_are_refused_before_anything_walks_them) {
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += R"({"a":)";
  deep += "1" + std::string(10'000, '}');
  EXPECT_THAT(problem_of(deep), HasSubstr("error RTT0203"));
  EXPECT_THAT(problem_of(std::string(10'000, '[') + std::string(10'000, ']')), HasSubstr("error RTT0203"));
}

TEST(ViewFile, says_the_environment_and_what_is_shown) {
  const ViewFile all = read_view_file("{}", "views/claude.view.json");
  EXPECT_TRUE(all.problems.empty() && all.env.empty() && all.shows("agent", "x"));
  const ViewFile some =
      read_view_file(R"({"env":"ci","show":["agent/*","skill/review"]})", "views/claude.view.json");
  ASSERT_TRUE(some.problems.empty()) << to_string(some.problems.front());
  EXPECT_EQ(some.env, "ci");
  EXPECT_TRUE(some.shows("agent", "x") && some.shows("skill", "review"));
  EXPECT_FALSE(some.shows("skill", "other") || some.shows("server", "x"));
  const ViewFile wrong = read_view_file(R"({"show":["agents/*"]})", "views/claude.view.json");
  ASSERT_EQ(wrong.problems.size(), 1U);
  EXPECT_EQ(wrong.problems[0].hint, "did you mean agent/…?");
  EXPECT_FALSE(wrong.shows("agent", "x"));  // and not everything either
  EXPECT_FALSE(read_view_file(R"({"show":["x"]})", "views/claude.view.json").problems.empty());
  EXPECT_TRUE(read_view_file(R"({"show":["*/x","a*/y"]})", "views/claude.view.json").problems.empty());
  for (const char* bad :
       {"[]", R"({"show":[]})", R"({"env":"../x"})", R"({"environment":"x"})", R"({"env":""})"})
    EXPECT_FALSE(read_view_file(bad, "views/claude.view.json").problems.empty()) << bad;
  EXPECT_FALSE(read_view_file("{}", "views/My View.view.json").problems.empty());
  EXPECT_TRUE(is_view_path(view_path("claude")));
  EXPECT_FALSE(is_view_path("views/a/b.view.json") || is_view_path("views/.view.json"));
}

TEST(Providers, of_one_s_own_are_like_another) {
  EXPECT_TRUE(provider_problems("providers:\n  house: {like: claude, agents: h/*.md, commands: null}\n"
                                "  b: {like: codex}\n",
                                "p.yaml")
                  .empty());
  const auto bad = provider_problems("providers:\n  house: {likes: claude}\n", "p.yaml");
  ASSERT_FALSE(bad.empty());
  EXPECT_THAT(to_string(bad.front()), HasSubstr("p.yaml:2"));
  EXPECT_FALSE(provider_problems("providers:\n  My House: {like: claude}\n", "p.yaml").empty());
  EXPECT_FALSE(provider_problems("provider: {}\n", "p.yaml").empty());
  EXPECT_TRUE(provider_problems("", "p.yaml").empty());
}

}  // namespace
}  // namespace rtt::model
