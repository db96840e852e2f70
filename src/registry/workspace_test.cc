// SPDX-License-Identifier: Apache-2.0
// Goal: the right folder is found, and making a workspace is complete, private where it must be, and
// repeatable. Method: folders in a scratch place that is also the home.
#include "registry/workspace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/config.h"
#include "model/policy.h"
#include "registry/place_test.h"

namespace rtt::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Workspace, is_made_once_with_readable_defaults) {
  const Place place;
  const auto created = create_workspace(place.workspace());
  ASSERT_TRUE(created);
  EXPECT_THAT(*created,
              ElementsAre(".rtt/.gitignore", ".rtt/panel.yaml", ".rtt/policy.json", ".rtt/routes.json"));
  for (const char* folder : {"drivers", "manifests", "cache", "wal", "sockets", "registry", "tuned", "bin"}) {
    EXPECT_TRUE(fs::is_directory(place.workspace().dot(folder))) << folder;
  }
  EXPECT_EQ(fs::status(place.workspace().sockets()).permissions(), fs::perms(0700));
  const auto panel = model::read_panel_yaml(place.scratch().read(".rtt/panel.yaml"), "panel.yaml");
  EXPECT_THAT(panel.problems, IsEmpty());
  EXPECT_EQ(panel.strictness, model::Strictness::kStrict);
  const auto policy = model::read_policy(place.scratch().read(".rtt/policy.json"), "policy.json");
  EXPECT_THAT(policy.problems, IsEmpty());
  const auto saddr = [](const char* text) { return *model::parse_definition(text); };
  const auto cli = saddr("rtt://local/proc/cli@1.0.0"), client = saddr("rtt://client/agent/x@1.0.0");
  const auto tool = saddr("rtt://github/tool/create_issue@0.0.0#v");
  EXPECT_TRUE(model::access(policy, cli, tool).allowed);
  EXPECT_FALSE(model::access(policy, client, tool).allowed);
  EXPECT_FALSE(model::access(policy, tool, cli).allowed);
  const auto routes = model::read_routes(place.scratch().read(".rtt/routes.json"), "routes.json");
  EXPECT_THAT(routes.problems, IsEmpty());
  EXPECT_THAT(routes.routes, IsEmpty());

  const auto before = picture(place.scratch().root());
  EXPECT_THAT(*create_workspace(place.workspace()), IsEmpty());
  EXPECT_EQ(picture(place.scratch().root()), before);
  place.scratch().write(".rtt/policy.json", "{}");
  fs::remove(place.workspace().dot("routes.json"));
  EXPECT_THAT(*create_workspace(place.workspace()), ElementsAre(".rtt/routes.json"));
  EXPECT_EQ(place.scratch().read(".rtt/policy.json"), "{}");
}

TEST(Workspace, git_sees_what_people_wrote_and_nothing_generated) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 1));
  place.init();
  ASSERT_TRUE(publish_key(place.workspace(), load_own_key(place.workspace().user_dir)->public_key(), "me"));
  place.scratch().write(".rtt/wal/0.seg", "x");
  place.scratch().write(".rtt/cache/x", "x");
  place.scratch().write(".rtt/manifests/m.json", "{}");
  const std::string command =
      "cd " + place.scratch().root() + " && git init -q . && git add -A && git ls-files > ../list";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto list = os::read_file(place.scratch().path() + "/list", 1 << 16);
  const std::string key = load_own_key(place.workspace().user_dir)
                              ? crypto::key_id(load_own_key(place.workspace().user_dir)->public_key())
                              : "";
  EXPECT_EQ(*list,
            ".rtt/.gitignore\n.rtt/manifests/m.json\n.rtt/panel.yaml\n.rtt/panel.yaml.sig\n.rtt/policy.json\n"
            ".rtt/policy.json.sig\n.rtt/registry/trust/keys/" +
                key +
                ".pub\n.rtt/routes.json\n.rtt/routes.json.sig\n"
                "a/rtt.manifest.json\na/rtt.manifest.json.sig\n");
}

TEST(Workspace, is_found_upward_and_never_above_home) {
  const Place place;
  const std::string home = place.scratch().path() + "/home";
  fs::create_directories(place.scratch().path() + "/.rtt");
  fs::create_directories(home + "/a/b/c");
  EXPECT_EQ(find_workspace({.directory = home + "/a/b/c"}).error().code, Code::kNoWorkspace);
  EXPECT_EQ(find_workspace({.directory = home + "/a/b/c"}).error().hint, "rtt init");
  fs::create_directories(home + "/a/.rtt");
  EXPECT_EQ(find_workspace({.directory = home + "/a/b/c"})->root, home + "/a");
  EXPECT_EQ(find_workspace({.directory = home + "/a/b/../b"})->root, home + "/a");
  EXPECT_EQ(find_workspace({.directory = place.scratch().root()})->root, place.scratch().path());
  EXPECT_FALSE(find_workspace({.directory = home + "/a/b", .search = FindOptions::Search::kExactly}));
  EXPECT_EQ(find_workspace({.directory = home + "/a", .search = FindOptions::Search::kExactly})->root,
            home + "/a");
  EXPECT_FALSE(find_workspace({.directory = home + "/none"}));
}

TEST(Workspace, of_the_user_is_the_last_resort) {
  const Place place;
  const std::string home = place.scratch().path() + "/home";
  fs::create_directories(home + "/.config/rtt/.rtt");
  EXPECT_EQ(find_workspace({.directory = home})->root, home + "/.config/rtt");
  EXPECT_EQ(user_directory(), home + "/.config/rtt");
  ::setenv("XDG_CONFIG_HOME", "relative", 1);
  EXPECT_EQ(user_directory(), home + "/.config/rtt");
}

TEST(Workspace, a_linked_dot_folder_is_refused) {
  const Place place;
  fs::create_directories(place.scratch().at("elsewhere"));
  fs::create_directory_symlink("elsewhere", place.scratch().at(".rtt"));
  EXPECT_EQ(find_workspace({.directory = place.scratch().root()}).error().code, Code::kBadWorkspace);
}

TEST(Workspace, a_link_in_place_of_any_of_its_folders_is_refused) {
  for (const std::string name : {"registry", "registry/cas", "registry/trust/keys", "wal", "cache", "sockets",
                                 "manifests", "plans", "drivers", "tuned", "bin"}) {
    const Place place;
    const std::string outside = place.scratch().at("outside");
    fs::create_directories(outside);
    const fs::path link = place.scratch().at(".rtt/" + name);
    fs::create_directories(link.parent_path());
    fs::create_directory_symlink(outside, link);
    EXPECT_EQ(create_workspace(place.workspace()).error().code, Code::kBadWorkspace) << name;
    EXPECT_EQ(find_workspace({.directory = place.scratch().root()}).error().code, Code::kBadWorkspace)
        << name;
    EXPECT_TRUE(fs::is_empty(outside)) << name;
  }
}

TEST(Workspace, sockets_that_others_may_enter_are_refused) {
  const Place place;
  ASSERT_TRUE(create_workspace(place.workspace()));
  fs::permissions(place.workspace().sockets(), fs::perms(0755));
  EXPECT_EQ(create_workspace(place.workspace()).error().code, Code::kBadWorkspace);
}

}  // namespace
}  // namespace rtt::registry
