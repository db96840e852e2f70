// SPDX-License-Identifier: Apache-2.0
// Goal: configuration counts only as signed, and whatever is wrong with it closes doors instead of opening
// them. Method: each way a configuration file can be changed, missing, broken or unsigned.
#include "registry/config_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/overlay.h"
#include "model/prompt_file.h"
#include "registry/place_test.h"

namespace rtt::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kOpenPolicy = R"({"allow":[{"from":"rtt://*/*/*","to":"rtt://*/*/*"}]})";

const ConfigEntry& config(const Snapshot& snapshot, std::string_view path) {
  const auto at = std::ranges::find(snapshot.configs, path, &ConfigEntry::path);
  EXPECT_NE(at, snapshot.configs.end());
  return *at;
}

TEST(Config, a_changed_policy_stays_as_signed_until_it_is_signed_again) {
  const Place place;
  place.init();
  place.scratch().write(".rtt/policy.json", kOpenPolicy);
  const Snapshot changed = place.load();
  EXPECT_EQ(config(changed, ".rtt/policy.json").standing, Standing::kLastSigned);
  EXPECT_EQ(changed.policy.allow.at(0).from.text, "rtt://local/proc/cli");
  EXPECT_THAT(lines(changed), ElementsAre(HasSubstr(".rtt/policy.json: error RTT0405")));
  place.sign({".rtt/policy.json"});
  const Snapshot after = place.load();
  EXPECT_THAT(lines(after), IsEmpty());
  EXPECT_EQ(after.policy.allow.at(0).from.text, "rtt://*/*/*");
}

TEST(Config, a_workspace_nobody_signed_allows_nothing) {
  const Place place;
  ASSERT_TRUE(create_workspace(place.workspace()));
  place.scratch().write(".rtt/policy.json", kOpenPolicy);
  place.scratch().write(".rtt/panel.yaml", "security:\n  strict_manifests: false\n");
  place.scratch().write(kFile, with_prio(kId, 1));
  const Snapshot snapshot = place.load();
  EXPECT_TRUE(snapshot.policy.allow.empty());
  EXPECT_EQ(snapshot.panel.strictness, model::Strictness::kStrict);
  EXPECT_THAT(in_force(snapshot), IsEmpty());
  EXPECT_THAT(lines(snapshot), ElementsAre(HasSubstr(".rtt/panel.yaml: error RTT0401"),
                                           HasSubstr(".rtt/policy.json: error RTT0401"),
                                           HasSubstr(".rtt/routes.json: error RTT0401"),
                                           HasSubstr(std::string(kFile) + ": error RTT0401")));
}

TEST(Config, an_unsigned_panel_yaml_cannot_turn_strict_mode_off) {
  const Place place;
  place.init();
  place.scratch().write(kFile, with_prio(kId, 1));
  place.scratch().write(".rtt/panel.yaml", "security:\n  strict_manifests: false\n");
  EXPECT_THAT(in_force(place.load()), IsEmpty());
  place.sign({".rtt/panel.yaml"});
  EXPECT_THAT(in_force(place.load()), ElementsAre("rtt://core/api/x@1.0.0 1"));
}

TEST(Config, allow_unsigned_never_reaches_configuration_but_strict_mode_off_does) {
  const Place place;
  place.init();
  place.scratch().write(".rtt/panel.yaml", "security:\n  allow_unsigned: [\"*\", \".rtt/*\"]\n");
  place.sign();
  place.scratch().write(".rtt/policy.json", kOpenPolicy);
  EXPECT_EQ(place.load().policy.allow.at(0).from.text, "rtt://local/proc/cli");
  place.scratch().write(".rtt/panel.yaml", "security:\n  strict_manifests: false\n");
  place.sign({".rtt/panel.yaml"});
  EXPECT_EQ(place.load().policy.allow.at(0).from.text, "rtt://*/*/*");
  EXPECT_EQ(config(place.load(), ".rtt/policy.json").standing, Standing::kAllowedUnsigned);
}

TEST(Config, absent_files_are_empty_need_no_signature_and_grant_nothing_and_an_absent_policy_is_told) {
  const Place place;
  place.init();
  for (const char* name : {"panel.yaml", "policy.json", "routes.json"}) {
    fs::remove(place.workspace().dot(name));
  }
  const Snapshot snapshot = place.load();
  EXPECT_THAT(lines(snapshot), ElementsAre(HasSubstr(".rtt/policy.json: warning RTT0105")));
  EXPECT_TRUE(snapshot.policy.allow.empty());
  EXPECT_TRUE(snapshot.routes.routes.empty());
  EXPECT_EQ(snapshot.panel.strictness, model::Strictness::kStrict);
  for (const ConfigEntry& entry : snapshot.configs) EXPECT_EQ(text::to_json(entry.object), "{}");
  EXPECT_EQ(text::to_json(snapshot.topology.object), text::to_json(model::one_node_topology().object));
}

TEST(Config, a_broken_file_keeps_the_signed_version_and_says_where_it_is_broken) {
  const Place place;
  place.init();
  for (const std::string broken :
       {"{\n \"allow\": oops\n}", "", "[]", "{\"allow\":[],\"allow\":[]}", "{\"alow\":[]}"}) {
    place.scratch().write(".rtt/policy.json", broken);
    const Snapshot snapshot = place.load();
    EXPECT_EQ(snapshot.policy.allow.size(), 1U) << broken;
    EXPECT_THAT(lines(snapshot),
                Contains(::testing::ContainsRegex("\\.rtt/policy\\.json:[0-9]+:[0-9]+: error")))
        << broken;
    const auto named = items_to_sign(place.workspace(), {".rtt/policy.json"});
    ASSERT_FALSE(named) << broken;
    EXPECT_THAT(named.error().where, HasSubstr(".rtt/policy.json")) << broken;
    const auto all = items_to_sign(place.workspace(), {});
    ASSERT_TRUE(all);
    EXPECT_TRUE(all->empty()) << broken;
  }
}

TEST(Config, a_broken_file_that_somebody_signed_stops_everything) {
  const Place place;
  place.init();
  place.scratch().write(".rtt/policy.json", "{\"alow\":[]}");
  const auto key = load_own_key(place.workspace().user_dir);
  const text::Json object = *text::parse_json("{\"alow\":[]}");
  ASSERT_TRUE(sign_items(place.workspace(),
                         {{.id = ".rtt/policy.json",
                           .path = ".rtt/policy.json",
                           .kind = SignItem::Kind::kConfig,
                           .hash = object_hash(object),
                           .supersedes = std::nullopt,
                           .object = object,
                           .previous = {}}},
                         *key));
  const auto snapshot = load_snapshot(place.workspace(), {});
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::kBadConfig);
  EXPECT_THAT(snapshot.error().where, HasSubstr(".rtt/policy.json:1:2"));
}

TEST(Config, one_too_large_to_be_signed_is_named_and_stops_no_other) {
  const Place place;
  place.init();
  place.scratch().write("rules/large.md", "Be kind.\n" + std::string(600'000, '"'));
  place.scratch().write("agents/large.md", "---\nname: large\n---\n" + std::string(600'000, '"'));
  place.scratch().write("rules/small.md", "Be kind.\n");
  place.sign({});
  const Snapshot snapshot = place.load();
  EXPECT_THAT(lines(snapshot), ::testing::UnorderedElementsAre(
                                   HasSubstr("rules/large.md: error RTT0206: "),
                                   HasSubstr("rules/large.md: error RTT0401: "),  // so none of it counts
                                   HasSubstr("agents/large.md:2:1: error RTT0206: ")));
  EXPECT_EQ(config(snapshot, "rules/small.md").standing, Standing::kSigned);
}

TEST(Config, a_signature_of_one_kind_is_none_of_another) {
  const Place place;
  place.init();
  place.scratch().write(".rtt/policy.json", kOpenPolicy);
  const text::Json object = *text::parse_json(kOpenPolicy);
  const auto key = load_own_key(place.workspace().user_dir);
  const SigFile record{.id = ".rtt/policy.json",
                       .hash = object_hash(object),
                       .supersedes = std::nullopt,
                       .sign = {crypto::sign(*key, crypto::SignKind::kManifest, object_hash(object))}};
  place.scratch().write(".rtt/policy.json.sig", text::to_pretty_json(text::Json::array({to_json(record)})));
  const Snapshot snapshot = place.load();
  EXPECT_THAT(lines(snapshot), ElementsAre(HasSubstr("error RTT0404")));
  EXPECT_NE(snapshot.policy.allow.size() == 1 ? snapshot.policy.allow[0].from.text : "", "rtt://*/*/*");
}

TEST(Config, white_space_key_order_and_comments_change_no_hash) {
  const Place place;
  place.init();
  const Snapshot before = place.load();
  std::string panel = place.scratch().read(".rtt/panel.yaml");
  place.scratch().write(".rtt/panel.yaml", "# a comment\n" + panel + "\n\n");
  place.scratch().write(".rtt/routes.json", "{ \"routes\" :\n [ ] }");
  const Snapshot after = place.load();
  EXPECT_THAT(lines(after), IsEmpty());
  for (std::size_t at = 0; at < before.configs.size(); ++at)
    EXPECT_EQ(before.configs[at].hash, after.configs[at].hash);
}

TEST(Config, two_files_with_one_content_are_signed_and_changed_apart) {
  const Place place;
  place.init();
  place.scratch().write(".rtt/flags.json", "{}");
  place.scratch().write(".rtt/policy.json", "{}");
  place.sign();
  EXPECT_THAT(lines(place.load()), IsEmpty());
  EXPECT_TRUE(place.store().verify_all(*known_keys(place.workspace()))->bad.empty());
  place.scratch().write(".rtt/flags.json", "{\"a\":true}");
  place.sign();
  EXPECT_THAT(lines(place.load()), IsEmpty());
  place.scratch().write(".rtt/flags.json", "{}");
  place.sign();
  const Snapshot snapshot = place.load();
  EXPECT_THAT(lines(snapshot), IsEmpty());
  EXPECT_EQ(text::to_json(snapshot.flags), "{}");
  EXPECT_TRUE(place.store().verify_all(*known_keys(place.workspace()))->bad.empty());
}

TEST(Config, last_signed_panel_yaml_is_read_back_from_its_canonical_form) {
  const Place place;
  place.init();
  place.scratch().write(
      ".rtt/panel.yaml",
      "scan:\n  roots: [\"./agents\", \"./a b\"]\n  ignore: [\"x: y\", \"# z\", \"\\u00e9\"]\n"
      "security:\n  strict_manifests: true\n  allow_unsigned: [\"dev/*\"]\n");
  place.sign();
  const Snapshot before = place.load();
  place.scratch().write(".rtt/panel.yaml", "security:\n  strict_manifests: false\n");
  const Snapshot after = place.load();
  EXPECT_EQ(after.panel.scan_roots, before.panel.scan_roots);
  EXPECT_EQ(after.panel.scan_ignore, before.panel.scan_ignore);
  EXPECT_THAT(after.panel.scan_ignore, ElementsAre("x: y", "# z", "é"));
  EXPECT_EQ(text::to_json(after.panel.canonical()), text::to_json(before.panel.canonical()));
}

// What AI clients are shown, outside of .rtt.
constexpr std::string_view kOverlay = "overlays/provider/claude/x.patch.json";
const auto kShownFiles = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"commands/fix.md", "Mend it.\n"},
     {kOverlay, R"({"model":"opus"})"},
     {"overlays/env/ci/_global.patch.json", R"([{"op":"add","path":"/model","value":"haiku"}])"},
     {"providers/providers.yaml", "providers:\n  house: {like: claude}\n"},
     {"rules/main.md", "---\ndescription: of the house\n---\nBe brief.\n"},
     {"views/claude.view.json", R"({"env":"ci"})"}});

TEST(Shown, each_file_is_configuration_signed_like_any_other) {
  const Place place;
  place.init();
  for (const auto& [path, text] : kShownFiles) place.scratch().write(path, text);
  const Snapshot unsigned_yet = place.load();
  for (const auto& [path, text] : kShownFiles) {
    EXPECT_EQ(config(unsigned_yet, path).standing, Standing::kRefused) << path;
    EXPECT_TRUE(config(unsigned_yet, path).text.empty()) << path;
    EXPECT_THAT(lines(unsigned_yet), Contains(HasSubstr(std::string(path) + ": error RTT0401"))) << path;
  }
  place.sign();
  const Snapshot before = place.load();
  EXPECT_THAT(lines(before), IsEmpty());
  for (const auto& [path, text] : kShownFiles) {
    EXPECT_TRUE(os::exists(place.scratch().at(std::string(path) + ".sig"))) << path;
    place.scratch().write(path, path.ends_with(".md")     ? "changed"
                                : path.ends_with(".yaml") ? "providers: {}"
                                : path == kOverlay        ? R"({"model":"other"})"
                                                          : "{}");
  }
  place.scratch().write("overlays/env/ci/_global.patch.json", "[]");
  const Snapshot changed = place.load();
  for (const auto& [path, text] : kShownFiles) {
    EXPECT_EQ(config(changed, path).standing, Standing::kLastSigned) << path;
    EXPECT_EQ(config(changed, path).object, config(before, path).object) << path;
    EXPECT_EQ(config(changed, path).hash, config(before, path).hash) << path;
    if (model::is_prompt_path(path)) {
      const auto again = model::read_prompt_file(config(changed, path).text, path);
      EXPECT_EQ(again.object, config(before, path).object) << path;
    }
    EXPECT_THAT(lines(changed), Contains(HasSubstr(std::string(path) + ": error RTT0405"))) << path;
  }
  // A clone has the signatures and not the store.
  for (const auto& [path, text] : kShownFiles) place.scratch().write(path, text);
  place.drop_generated();
  EXPECT_THAT(lines(place.load({.store = LoadOptions::Store::kReadOnly})), IsEmpty());
}

TEST(Shown, without_strict_mode_they_count_unsigned) {
  const Place place;
  place.init();
  place.scratch().write(".rtt/panel.yaml", "security:\n  strict_manifests: false\n");
  place.sign();
  for (const auto& [path, text] : kShownFiles) place.scratch().write(path, text);
  const Snapshot snapshot = place.load();
  for (const auto& [path, text] : kShownFiles)
    EXPECT_EQ(config(snapshot, path).standing, Standing::kAllowedUnsigned) << path;
}

TEST(Shown, a_broken_one_is_told_and_keeps_its_signed_version_while_all_else_goes_on) {
  for (const char* strict : {"true", "false"}) {
    const Place place;
    place.init();
    place.scratch().write(".rtt/panel.yaml", std::string("security:\n  strict_manifests: ") + strict + "\n");
    place.scratch().write(kOverlay, R"({"model":"opus"})");
    place.sign();
    place.scratch().write(kOverlay, "{\n \"target\":\"agent/x\"}");
    place.scratch().write("overlays/env/ci/new.patch.json", "[{}]");
    const Snapshot snapshot = place.load();
    EXPECT_EQ(text::to_json(config(snapshot, kOverlay).object), R"({"model":"opus"})");
    EXPECT_EQ(config(snapshot, "overlays/env/ci/new.patch.json").standing, Standing::kRefused);
    EXPECT_THAT(lines(snapshot), Contains(HasSubstr(std::string(kOverlay) + ":1:1: error RTT0211")));
    EXPECT_THAT(lines(snapshot), Contains(HasSubstr("overlays/env/ci/new.patch.json:1:2: error RTT0211")));
    EXPECT_FALSE(snapshot.policy.allow.empty());
    const auto named = items_to_sign(place.workspace(), {std::string(kOverlay)});
    ASSERT_FALSE(named);
    EXPECT_THAT(named.error().where, HasSubstr(kOverlay));
  }
}

TEST(Shown, links_odd_names_and_places_where_none_counts_are_told) {
  const Place place;
  place.init();
  place.scratch().write("elsewhere/provider/claude/x.patch.json", "{}");
  place.scratch().write("overlays/x.patch.json", "{}");
  place.scratch().write("overlays/provider/claude/deep/x.patch.json", "{}");
  place.scratch().write("overlays/provider/claude/bad\x01.patch.json", "{}");
  place.scratch().write("overlays/provider/claude/notes.txt", "for people");
  fs::create_symlink("../elsewhere/provider", place.scratch().at("overlays/env"));
  fs::create_symlink("overlays", place.scratch().at("rules"));
  fs::create_symlink("x.patch.json", place.scratch().at("overlays/provider/claude/l.patch.json"));
  const std::vector<std::string> all = lines(place.load());
  EXPECT_THAT(all, Contains(HasSubstr("overlays/x.patch.json:1:1: error RTT0211: no overlay has its place")));
  EXPECT_THAT(all, Contains(HasSubstr("overlays/provider/claude/deep/x.patch.json:1:1: error RTT0211")));
  EXPECT_THAT(all, Contains(HasSubstr("overlays/provider/claude/bad%01.patch.json: error RTT0205")));
  EXPECT_THAT(all, Contains(HasSubstr("overlays/env: error RTT0304: a symbolic link; not followed")));
  EXPECT_THAT(all, Contains(HasSubstr("rules: error RTT0304: a symbolic link; nothing in it counts")));
  EXPECT_THAT(all, Contains(HasSubstr("overlays/provider/claude/l.patch.json: error RTT0304")));
  EXPECT_THAT(all, ::testing::Not(Contains(HasSubstr("notes.txt"))));
}

TEST(Shown, one_overlay_too_many_stops_everything_since_the_one_left_out_may_be_what_hides_something) {
  const Place place;
  place.init();
  const std::string folder = "overlays/provider/claude/";
  for (std::size_t i = 0; i <= model::kOverlaysMax; ++i)
    place.scratch().write(folder + std::to_string(i) + ".patch.json", "{}");
  const auto snapshot = load_snapshot(place.workspace(), {});
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::kLimit);
  EXPECT_EQ(snapshot.error().where, "overlays");
}

}  // namespace
}  // namespace rtt::registry
