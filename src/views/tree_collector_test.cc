// SPDX-License-Identifier: Apache-2.0
// What nobody needs goes, in steps of few names, and what stays is whole after each of them.
#include "views/tree_collector.h"

#include <gtest/gtest.h>

#include <fstream>

#include "os/file.h"
#include "os/link.h"
#include "os/temp_dir.h"
#include "views/tree_store.h"

namespace rtt::views {
namespace {

Tree tree_of(int number) {
  std::vector<TreeFile> files{{.path = "same/by/all.md", .bytes = "all"}};
  for (int i = 0; i < 20; ++i)
    files.push_back({.path = "d" + std::to_string(i % 3) + "/f" + std::to_string(i),
                     .bytes = std::to_string(number) + " " + std::to_string(i),
                     .executable = i % 2 == 0});
  return Tree::of(std::move(files)).value();
}

class TreeCollectorTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const Tree* tree : {&a_, &b_, &c_}) ASSERT_TRUE(store_.put(*tree));
  }
  void collect(const std::vector<Digest>& keep, std::size_t names_max = 3) {
    TreeCollector collector(store_.folder());
    for (int steps = 0; steps < 5000; ++steps) {
      const auto left = collector.step(keep, names_max);
      ASSERT_TRUE(left) << left.error().message;
      for (const Digest& root : keep) ASSERT_TRUE(!store_.has(root) || store_.read(root));
      if (*left == TreeCollector::Left::kNothing) return;
    }
    FAIL() << "it does not end";
  }
  [[nodiscard]] std::size_t blobs() const {
    std::size_t count = 0;
    const auto folders = os::list_directory(store_.folder() + "/blobs");
    for (const std::string& folder : folders ? *folders : std::vector<std::string>{})
      count += os::list_directory(store_.folder() + "/blobs/" + folder)->size();
    return count;
  }

  os::TempDir scratch_ = os::TempDir::create().value();
  TreeStore store_{scratch_.path() + "/views"};
  Tree a_ = tree_of(1), b_ = tree_of(2), c_ = tree_of(3);
};

TEST_F(TreeCollectorTest, what_is_kept_stays_and_nothing_else) {
  EXPECT_EQ(blobs(), 61U);
  collect({a_.root(), b_.root()});
  EXPECT_TRUE(store_.read(a_.root()));
  EXPECT_TRUE(store_.read(b_.root()));
  EXPECT_FALSE(store_.has(c_.root()));
  EXPECT_EQ(blobs(), 41U);
  EXPECT_EQ(os::list_directory(store_.folder() + "/trees")->size(), 2U);
  collect({});
  EXPECT_EQ(blobs(), 0U);
  ASSERT_TRUE(store_.put(b_));  // its blobs come back
  EXPECT_TRUE(store_.read(b_.root()));
}

TEST_F(TreeCollectorTest, one_step_does_little) {
  TreeCollector collector(store_.folder());
  ASSERT_EQ(collector.step({}, 3).value(), TreeCollector::Left::kSomething);
  EXPECT_EQ(blobs(), 61U);
  ASSERT_EQ(collector.step({}, 3).value(), TreeCollector::Left::kSomething);
  const std::vector<std::string> trees = os::list_directory(store_.folder() + "/trees").value();
  EXPECT_EQ(trees.size(), 3U);  // one of them aside, and still there for the most part
  collect({b_.root()});         // another goes on where this one was
  EXPECT_EQ(os::list_directory(store_.folder() + "/trees")->size(), 1U);
}

TEST_F(TreeCollectorTest, what_somebody_wrote_into_a_tree_does_not_go_with_it) {
  const std::string folder = store_.path_of(c_.root());
  ASSERT_TRUE(os::set_mode(folder + "/d0", 0755));
  ASSERT_TRUE(os::write_atomic(folder + "/d0/f0", "saved by renaming"));
  ASSERT_TRUE(os::write_atomic(folder + "/d0/mine", "beside it"));
  ASSERT_TRUE(os::set_mode(folder + "/d1/f1", 0644));
  std::ofstream(folder + "/d1/f1") << "in place";
  collect({a_.root(), b_.root()});
  EXPECT_FALSE(store_.has(c_.root()));
  const auto edited = os::list_directory(store_.folder() + "/edited");
  ASSERT_TRUE(edited);
  ASSERT_EQ(edited->size(), 1U);
  const std::string aside = store_.folder() + "/edited/" + edited->front();
  EXPECT_EQ(os::read_file(aside + "/d0/f0", 100).value_or("(none)"), "saved by renaming");
  EXPECT_EQ(os::read_file(aside + "/d0/mine", 100).value_or("(none)"), "beside it");
  EXPECT_EQ(os::read_file(aside + "/d1/f1", 100).value_or("(none)"), "in place");
  EXPECT_EQ(os::list_directory(aside + "/d0")->size(), 2U);
  EXPECT_EQ(os::list_directory(store_.folder() + "/lists")->size(), 2U);
}

TEST_F(TreeCollectorTest, the_set_that_is_shown_stays) {
  ASSERT_TRUE(store_.show({{.provider = "x", .root = b_.root()}}));
  ASSERT_TRUE(store_.show({{.provider = "x", .root = a_.root()}}));
  collect({a_.root()});
  EXPECT_EQ(os::list_directory(store_.folder() + "/sets")->size(), 1U);
  EXPECT_EQ(os::read_file(store_.shown_path("x") + "/same/by/all.md", 100).value(), "all");
}

}  // namespace
}  // namespace rtt::views
