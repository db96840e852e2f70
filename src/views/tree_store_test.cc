// SPDX-License-Identifier: Apache-2.0
#include "views/tree_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "os/file.h"
#include "os/link.h"
#include "os/temp_dir.h"

namespace rtt::views {
namespace {

namespace fs = std::filesystem;

Tree tree_of(int seed, int files = 30) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::vector<TreeFile> all;
  for (int i = 0; i < files; ++i) {
    all.push_back({.path = "." + std::string(1, static_cast<char>('a' + i % 3)) + "/d" +
                           std::to_string(i % 5) + "/f" + std::to_string(i),
                   .bytes = std::string(random() % 3000, static_cast<char>('a' + random() % 26)),
                   .executable = i % 7 == 0});
  }
  return Tree::of(std::move(all)).value();
}

class TreeStoreTest : public testing::Test {
 protected:
  os::TempDir scratch_ = os::TempDir::create().value();
  TreeStore store_{scratch_ / "views"};
};

TEST_F(TreeStoreTest, gives_back_what_was_put) {
  for (int seed = 0; seed < 10; ++seed) {
    const Tree tree = tree_of(seed);
    EXPECT_FALSE(store_.has(tree.root()));
    ASSERT_TRUE(store_.put(tree));
    ASSERT_TRUE(store_.put(tree));
    const auto back = store_.read(tree.root());
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_TRUE(std::ranges::equal(back->files(), tree.files()));
  }
  EXPECT_EQ(store_.read(Digest{}).error().code, Code::kNotFound);
}

TEST_F(TreeStoreTest, the_same_bytes_lie_there_once) {
  const Tree one = Tree::of({{.path = "a/x", .bytes = "same"}, {.path = "b", .bytes = "same"}}).value();
  const Tree two = Tree::of({{.path = "c", .bytes = "same"}}).value();
  ASSERT_TRUE(store_.put(one));
  ASSERT_TRUE(store_.put(two));
  const std::string a = store_.path_of(one.root()), b = store_.path_of(two.root());
  EXPECT_TRUE(fs::equivalent(a + "/a/x", a + "/b"));
  EXPECT_TRUE(fs::equivalent(a + "/b", b + "/c"));
}

TEST_F(TreeStoreTest, what_was_altered_is_seen) {
  const Tree tree = tree_of(1);
  ASSERT_TRUE(store_.put(tree));
  const std::string file = store_.path_of(tree.root()) + "/" + tree.files()[3].path;
  EXPECT_EQ(fs::status(store_.path_of(tree.root())).permissions(), fs::perms{0555});
  fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
  fs::resize_file(file, 1);
  EXPECT_EQ(store_.read(tree.root()).error().code, Code::kTampered);
  ASSERT_TRUE(store_.set_aside(tree.root()));
  EXPECT_FALSE(store_.has(tree.root()));
  EXPECT_EQ(os::list_directory(store_.folder() + "/edited")->size(), 1U);
  ASSERT_TRUE(store_.put(tree));  // the blob behind that file was altered too
  EXPECT_TRUE(store_.read(tree.root()));
}

// As an editor saves that renames: the store's own content stays beside it.
TEST_F(TreeStoreTest, what_somebody_wrote_is_told_by_path_and_the_tree_can_be_made_as_it_was) {
  using Edit = TreeStore::Edit;
  const Tree tree = tree_of(1);
  ASSERT_TRUE(store_.put(tree));
  EXPECT_TRUE(store_.edits(tree.root()).value().empty());
  const std::string folder = store_.path_of(tree.root());
  const std::string changed = tree.files()[0].path, gone = tree.files()[1].path;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory()) fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
  }
  fs::permissions(folder, fs::perms::owner_write, fs::perm_options::add);
  ASSERT_TRUE(os::write_atomic(folder + "/" + changed, "mine"));
  ASSERT_TRUE(os::remove_file(folder + "/" + gone));
  ASSERT_TRUE(os::write_atomic(folder + "/zz-new", "mine"));
  const std::vector<Edit> expected{
      {changed, Edit::Kind::kChanged}, {gone, Edit::Kind::kGone}, {"zz-new", Edit::Kind::kAdded}};
  EXPECT_EQ(store_.edits(tree.root()).value(), expected);
  EXPECT_EQ(store_.as_made(tree.root()).value(), tree);
  const auto aside = store_.set_aside(tree.root());
  ASSERT_TRUE(aside);
  EXPECT_EQ(aside->edits, (std::vector<Edit>{expected[0], expected[2]}));
  EXPECT_EQ(os::read_file(aside->folder + "/zz-new", 100).value(), "mine");
  ASSERT_TRUE(store_.put(store_.as_made(tree.root()).value()));
  EXPECT_TRUE(store_.edits(tree.root()).value().empty());
  EXPECT_EQ(store_.read(tree.root()).value(), tree);
}

TEST_F(TreeStoreTest, a_list_that_was_altered_is_not_believed) {
  const Tree tree = tree_of(1);
  ASSERT_TRUE(store_.put(tree));
  const std::string path = store_.folder() + "/lists/" + bare_hex(tree.root());
  EXPECT_EQ(os::read_file(path, 1 << 20).value(), tree_text(tree));
  EXPECT_EQ(store_.list(tree.root()).value().files().size(), tree.files().size());
  for (const std::string& text : {std::string("x"), tree_text(tree_of(2)), tree_text(tree).substr(1),
                                  tree_text(tree) + tree_text(tree)}) {
    ASSERT_TRUE(os::write_atomic(path, text));
    EXPECT_FALSE(store_.list(tree.root()));
    EXPECT_FALSE(store_.edits(tree.root()));
    EXPECT_FALSE(store_.as_made(tree.root()));
  }
}

TEST_F(TreeStoreTest, shows_and_flips_all_providers_at_once) {
  const Tree a = tree_of(1), b = tree_of(2);
  ASSERT_TRUE(store_.put(a));
  ASSERT_TRUE(store_.put(b));
  EXPECT_TRUE(store_.shown().set.empty());
  const TreeStore::Set first{{"claude", a.root()}, {"codex", b.root()}}, second{{"claude", b.root()}};
  ASSERT_TRUE(store_.show(first));
  EXPECT_EQ(store_.shown().set, first);
  ASSERT_TRUE(store_.show(second));
  EXPECT_EQ(store_.shown().set, second);
  ASSERT_TRUE(store_.show(first));
  EXPECT_EQ(os::read_file(store_.shown_path("codex") + "/" + b.files()[0].path, 1 << 20).value(),
            b.files()[0].bytes);
  EXPECT_EQ(store_.show({{"claude", Digest{}}}).error().code, Code::kNotFound);
  EXPECT_EQ(store_.shown().set, first);
}

// Whoever follows the link once reads one generation, whatever flips meanwhile.
TEST_F(TreeStoreTest, no_reader_sees_a_mixture) {
  std::vector<Tree> trees;
  for (char c : {'1', '2', '3'}) {
    std::vector<TreeFile> files;
    for (int i = 0; i < 5; ++i)
      files.push_back({.path = "f" + std::to_string(i), .bytes = std::string(500, c)});
    trees.push_back(Tree::of(std::move(files)).value());
    ASSERT_TRUE(store_.put(trees.back()));
  }
  ASSERT_TRUE(store_.show({{"p", trees[0].root()}, {"q", trees[0].root()}}));
  std::atomic<int> mixed = 0, missing = 0, reads = 0;
  std::thread reader([&] {
    while (reads < 10'000) {
      const auto now = os::read_symlink(store_.folder() + "/now");
      if (!now) {
        ++missing;
        continue;
      }
      std::string seen;
      for (const std::string provider : {"p", "q"}) {
        for (int i = 0; i < 5; ++i) {
          const auto bytes =
              os::read_file(store_.folder() + "/" + *now + "/" + provider + "/f" + std::to_string(i), 600);
          if (bytes && bytes->size() == 500) {
            seen += bytes->back();
          } else {
            ++missing;
          }
          ++reads;
        }
      }
      if (seen.find_first_not_of(seen.front()) != std::string::npos) ++mixed;
    }
  });
  for (std::size_t flip = 0; reads < 10'000; ++flip) {
    const Digest& root = trees[flip % 3].root();
    ASSERT_TRUE(store_.show({{"p", root}, {"q", root}}));
  }
  reader.join();
  EXPECT_EQ(mixed, 0);
  EXPECT_EQ(missing, 0);
}

}  // namespace
}  // namespace rtt::views
