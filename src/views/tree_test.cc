// SPDX-License-Identifier: Apache-2.0
#include "views/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace rtt::views {
namespace {

TEST(Tree, of_nothing_has_the_root_of_no_leaves) {
  EXPECT_EQ(bare_hex(Tree().root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// The root by two lines of shell: sha256 of 0x00 and each line, then of 0x01 and both.
TEST(Tree, root_is_the_one_anybody_computes) {
  const auto tree =
      Tree::of({{.path = "b/run.sh", .bytes = "#!\n", .executable = true}, {.path = "a.md", .bytes = "x"}});
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree_line(tree->files()[0], tree->digests()[0]),
            "100644 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 a.md\n");
  EXPECT_EQ(bare_hex(tree->root()), "ad63a7b6ae4d01b85542ab87150a9840f77c020ec6028ba9c262b54cf9125b18");
}

TEST(Tree, the_order_of_files_does_not_count_and_everything_else_does) {
  std::vector<TreeFile> files;
  for (int i = 0; i < 40; ++i)
    files.push_back(
        {.path = "d" + std::to_string(i % 7) + "/f" + std::to_string(i), .bytes = std::to_string(i)});
  const auto tree = Tree::of(files);
  ASSERT_TRUE(tree);
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::ranges::shuffle(files, random);
    EXPECT_EQ(Tree::of(files)->root(), tree->root());
  }
  const auto changed = [&](auto&& change) {
    auto other = files;
    change(other[5]);
    return Tree::of(other)->root() != tree->root();
  };
  EXPECT_TRUE(changed([](TreeFile& f) { f.bytes += "."; }));
  EXPECT_TRUE(changed([](TreeFile& f) { f.path += "."; }));
  EXPECT_TRUE(changed([](TreeFile& f) { f.executable = true; }));
}

TEST(Tree, paths_that_lead_elsewhere_are_refused) {
  for (const std::string& path : {std::string(), std::string("/a"), std::string("a//b"), std::string("a/"),
                                  std::string("./a"), std::string("a/../b"), std::string("a\nb"),
                                  std::string("a\0b", 3), std::string("\xff"), std::string(300, 'x'), [] {
                                    std::string deep = "a";
                                    for (std::size_t i = 0; i < kTreeDepthMax; ++i) deep += "/a";
                                    return deep;
                                  }()}) {
    const auto tree = Tree::of({{.path = path, .bytes = ""}});
    ASSERT_FALSE(tree) << path;
    EXPECT_EQ(tree.error().code, Code::kBadShape);
  }
}

TEST(Tree, one_path_is_one_thing) {
  EXPECT_FALSE(Tree::of({{.path = "a", .bytes = "1"}, {.path = "a", .bytes = "1"}}));
  EXPECT_FALSE(
      Tree::of({{.path = "a", .bytes = ""}, {.path = "a-b", .bytes = ""}, {.path = "a/b", .bytes = ""}}));
  const auto tree = Tree::of({{.path = "a.md", .bytes = "1"}, {.path = "a/b", .bytes = "2"}});
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->find("a/b")->bytes, "2");
  EXPECT_EQ(tree->find("a"), nullptr);
}

}  // namespace
}  // namespace rtt::views
