// SPDX-License-Identifier: Apache-2.0
#include "views/tree_home.h"

#include <gtest/gtest.h>

#include "os/file.h"
#include "os/link.h"
#include "os/temp_dir.h"

namespace rtt::views {
namespace {

Tree tree_of(const std::string& words) {
  return Tree::of({{.path = "a/x.md", .bytes = words},
                   {.path = "a/run.sh", .bytes = "#!/bin/sh\n", .executable = true},
                   {.path = "b.md", .bytes = "b"}})
      .value();
}

class FolderHomeTest : public testing::Test {
 protected:
  static Status hold(FolderHome& home, const Tree& tree) {
    const NamedTree named{.name = "codex", .tree = &tree};
    const auto held = home.hold({&named, 1});
    if (!held) return std::unexpected(held.error());
    EXPECT_EQ(*held, std::vector<std::string>{""});
    return {};
  }
  void edit(const std::string& file) const {
    ASSERT_TRUE(os::set_mode(file.substr(0, file.rfind('/')), 0755));
    ASSERT_TRUE(os::write_atomic(file, "mine", {.durable = os::Durable::kNo}));
  }
  os::TempDir scratch_ = os::TempDir::create().value();
  TreeStore store_{scratch_ / "views"};
};

TEST_F(FolderHomeTest, what_is_held_is_found_and_can_be_looked_through) {
  FolderHome home(store_);
  const Tree tree = tree_of("1");
  EXPECT_EQ(home.find(tree.root()).error().code, Code::kNotFound);
  ASSERT_TRUE(hold(home, tree));
  EXPECT_EQ(home.find(tree.root()).value(), tree);
  LookThrough how{.files_left = 100};
  EXPECT_TRUE(look_through(store_.path_of(tree.root()), tree, how));
  EXPECT_EQ(how.files_left, 97U);
}

TEST_F(FolderHomeTest, what_somebody_wrote_into_is_set_aside_and_made_anew) {
  const Tree tree = tree_of("1");
  ASSERT_TRUE(store_.put(tree));
  edit(store_.path_of(tree.root()) + "/a/x.md");
  FolderHome home(store_);
  EXPECT_EQ(home.find(tree.root()).error().code, Code::kTampered);
  ASSERT_TRUE(hold(home, tree));
  EXPECT_EQ(home.find(tree.root()).value(), tree);
  EXPECT_EQ(os::list_directory(store_.folder() + "/edited")->size(), 1U);
  const auto aside = home.take_aside();
  ASSERT_EQ(aside.size(), 1U);
  ASSERT_EQ(aside[0].edits.size(), 1U);
  EXPECT_EQ(aside[0].edits[0].path, "a/x.md");
  EXPECT_TRUE(home.take_aside().empty());
}

TEST_F(FolderHomeTest, what_was_just_read_is_not_read_again) {
  const Tree tree = tree_of("1");
  ASSERT_TRUE(store_.put(tree));
  FolderHome home(store_);
  ASSERT_TRUE(home.find(tree.root()));
  edit(store_.path_of(tree.root()) + "/a/x.md");
  ASSERT_TRUE(hold(home, tree));
  EXPECT_FALSE(os::exists(store_.folder() + "/edited"));
}

TEST_F(FolderHomeTest, looking_through_sees_what_differs_came_or_went) {
  const Tree tree = tree_of("1");
  ASSERT_TRUE(store_.put(tree));
  const std::string path = store_.path_of(tree.root());
  const auto look = [&](const Tree& as, std::size_t files) {
    LookThrough how{.files_left = files};
    return look_through(path, as, how);
  };
  EXPECT_EQ(look(tree_of("2"), 100).error().code, Code::kTampered);
  EXPECT_TRUE(look(tree_of("2"), 0));  // its names alone
  ASSERT_TRUE(os::set_mode(path, 0755));
  ASSERT_TRUE(os::write_atomic(path + "/c.md", "c", {.durable = os::Durable::kNo}));
  EXPECT_EQ(look(tree, 0).error().code, Code::kTampered);
  ASSERT_TRUE(os::remove_file(path + "/c.md"));
  EXPECT_TRUE(look(tree, 100));
  ASSERT_TRUE(os::remove_file(path + "/b.md"));
  EXPECT_EQ(look(tree, 0).error().code, Code::kTampered);
}

}  // namespace
}  // namespace rtt::views
