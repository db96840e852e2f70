// SPDX-License-Identifier: Apache-2.0
#include "views/image_home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "os/file.h"
#include "os/link.h"
#include "os/mount.h"
#include "os/permissions.h"
#include "os/temp_dir.h"
#include "views/mount_home.h"
#include "views/random_tree_for_test.h"
#include "views/tree_folder.h"

namespace rtt::views {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

Tree tree_of(const std::string& words, int files = 40) {
  std::vector<TreeFile> made;
  for (int i = 0; i < files; ++i) {
    made.push_back({.path = "agents/d" + std::to_string(i % 3) + "/a" + std::to_string(i) + ".md",
                    .bytes = words + std::string(static_cast<std::size_t>(i) * 301, 'x'),
                    .executable = i % 5 == 0});
  }
  return Tree::of(std::move(made)).value();
}

class ImageHomeTest : public testing::TestWithParam<os::Through> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(os::make_directories(workspace_));
    if (const auto refused = home_.refusal()) GTEST_SKIP() << "no image can be mounted here: " << *refused;
    EXPECT_THAT(*os::list_directory(workspace_), IsEmpty());  // to ask leaves nothing
    EXPECT_THAT(*os::list_directory(mounts_), IsEmpty());
  }
  void TearDown() override {
    EXPECT_TRUE(home_.leave());
    if (os::exists(mounts_)) {
      EXPECT_THAT(*os::list_directory(mounts_), IsEmpty());
    }
  }

  ImageHome home() {
    return ImageHome({.folder = views_, .workspace = workspace_, .mounts = mounts_, .through = GetParam()});
  }
  static std::vector<NamedTree> named(const Tree& tree) { return {{.name = "claude", .tree = &tree}}; }
  std::string hold(const Tree& tree) {
    const auto at = home_.hold(named(tree));
    EXPECT_TRUE(at) << at.error().message;
    return at ? at->front() : "";
  }
  [[nodiscard]] std::string image(const Tree& tree) const {
    return views_ + "/images/" + set_name(named(tree)) + ".erofs";
  }

  os::TempDir scratch_ = os::TempDir::create().value();
  std::string workspace_ = scratch_ / "project", views_ = workspace_ + "/.rtt/registry/views",
              mounts_ = scratch_ / "mounts";
  ImageHome home_ = home();
};

TEST_P(ImageHomeTest, what_is_held_is_read_back_and_cannot_be_changed) {
  const Tree claude = tree_of("claude"), codex = tree_of("codex", 200), none;
  const auto at = home_.hold(std::vector<NamedTree>{{"claude", &claude}, {"codex", &codex}, {"none", &none}});
  ASSERT_TRUE(at) << at.error().message;
  ASSERT_THAT(*at, SizeIs(3));
  EXPECT_EQ(read_folder((*at)[0])->root(), claude.root());
  EXPECT_EQ(read_folder((*at)[1])->root(), codex.root());
  EXPECT_EQ(read_folder((*at)[2])->root(), none.root());
  EXPECT_EQ(home().find(codex.root())->root(), codex.root());
  EXPECT_EQ(home().find(tree_of("other").root()).error().code, Code::kNotFound);
  const std::string file = (*at)[0] + "/agents/d0/a0.md";
  EXPECT_TRUE(os::is_executable(file));
  EXPECT_FALSE(os::set_permissions(file, 0600));
  EXPECT_FALSE(std::ofstream(file, std::ios::app).is_open());
}

TEST_P(ImageHomeTest, whatever_a_tree_holds_the_kernel_finds_by_name) {
  for (std::uint64_t seed = 100; seed < 106; ++seed) {
    SCOPED_TRACE(seed);
    model::TestRandom random(seed);
    const Tree tree = random_tree(random, 300);
    const std::string at = hold(tree);
    for (const TreeFile& file : tree.files())
      EXPECT_EQ(os::read_file(at + "/" + file.path, kTreeFileBytesMax).value_or("-"), file.bytes);
    EXPECT_FALSE(os::exists(at + "/nothing"));
  }
}

TEST_P(ImageHomeTest, a_flip_mixes_nothing_and_what_goes_stays_with_its_readers) {
  const Tree one = tree_of("1"), two = tree_of("2");
  const std::string now = scratch_ / "now", first = hold(one);
  ASSERT_TRUE(os::put_symlink(now, first));
  ASSERT_TRUE(home_.settle(named(one)));
  const std::string second = hold(two);
  std::atomic<bool> stop = false;
  std::atomic<int> bad = 0, reads = 0;
  std::thread reader([&] {
    while (!stop) {
      const auto tree = read_folder(os::real_path(now).value());
      bad += !tree || (tree->root() != one.root() && tree->root() != two.root());
      ++reads;
    }
  });
  for (int flip = 0; reads < 100; ++flip) ASSERT_TRUE(os::put_symlink(now, flip % 2 == 0 ? second : first));
  stop = true;
  reader.join();
  EXPECT_EQ(bad, 0) << "of " << reads;

  std::ifstream held(first + "/agents/d1/a1.md");
  ASSERT_TRUE(held.is_open());
  ASSERT_TRUE(home_.settle(named(two)));
  EXPECT_FALSE(os::exists(first));
  const std::string bytes((std::istreambuf_iterator<char>(held)), {});
  EXPECT_EQ(bytes, one.find("agents/d1/a1.md")->bytes);
  EXPECT_EQ(read_folder(second)->root(), two.root());
  EXPECT_EQ(home_.find(one.root())->root(), one.root());  // for a rollback
  EXPECT_FALSE(os::exists(first));
}

TEST_P(ImageHomeTest, after_the_machine_started_it_is_mounted_again) {
  const Tree tree = tree_of("1");
  const std::string at = hold(tree), place = at.substr(0, at.rfind('/'));
  ASSERT_TRUE(os::detach_mount(place));
  EXPECT_THAT(*os::list_directory(place), IsEmpty());
  EXPECT_EQ(hold(tree), at);
  EXPECT_EQ(read_folder(at)->root(), tree.root());
}

TEST_P(ImageHomeTest, an_image_that_is_not_what_its_set_says_is_made_anew) {
  const Tree tree = tree_of("1");
  const std::string at = hold(tree);
  const std::string good = os::read_file(image(tree), 1 << 20).value();
  std::vector<std::string> bad{good, "no image", "", good.substr(0, 4096)};
  bad[0][good.find("1xxxx")] = '2';
  for (std::size_t at_byte = 1024; at_byte < 1024 + 128 + 64; at_byte += 7) {
    bad.push_back(good);
    bad.back()[at_byte] = static_cast<char>(good[at_byte] ^ 0x40);
  }
  for (const std::string& bytes : bad) {
    ASSERT_TRUE(home_.leave());
    ASSERT_TRUE(os::write_atomic(image(tree), bytes));
    EXPECT_EQ(home_.find(tree.root()).error().code, Code::kNotFound);
    EXPECT_EQ(hold(tree), at);
    EXPECT_EQ(read_folder(at)->root(), tree.root());
    EXPECT_TRUE(os::read_file(image(tree), 1 << 20).value() == good);
  }
}

TEST_P(ImageHomeTest, what_nobody_needs_is_collected) {
  const Tree one = tree_of("1"), two = tree_of("2"), three = tree_of("3");
  for (const Tree* tree : {&one, &two, &three}) {
    (void)hold(*tree);
    ASSERT_TRUE(home_.settle(named(*tree)));
  }
  ASSERT_TRUE(home_.collect({two.root()}));
  EXPECT_FALSE(os::exists(image(one)));
  EXPECT_TRUE(os::exists(image(two)));
  EXPECT_TRUE(os::exists(image(three)));  // it is shown
}

TEST_P(ImageHomeTest, a_workspace_that_is_gone_leaves_no_mount) {
  const Tree tree = tree_of("1");
  const std::string at = hold(tree);
  ASSERT_TRUE(os::remove_tree(workspace_));
  const std::string other = scratch_ / "other";
  ASSERT_TRUE(os::make_directories(other));
  ImageHome theirs(
      {.folder = other + "/views", .workspace = other, .mounts = mounts_, .through = GetParam()});
  ASSERT_TRUE(theirs.hold(named(tree)));
  EXPECT_FALSE(os::exists(at));
  EXPECT_THAT(*os::list_directory(mounts_), testing::ElementsAre(mount_id(other)));
  ASSERT_TRUE(theirs.leave());
}

TEST_P(ImageHomeTest, a_folder_that_others_may_write_is_refused) {
  const Tree tree = tree_of("1");
  (void)hold(tree);
  ASSERT_TRUE(os::set_permissions(views_ + "/images", 0777));
  EXPECT_TRUE(home_.refusal());
  EXPECT_EQ(home_.hold(named(tree_of("2"))).error().code, Code::kPermission);
}

INSTANTIATE_TEST_SUITE_P(Through, ImageHomeTest, testing::Values(os::Through::kFile, os::Through::kLoop),
                         [](const auto& with) { return with.param == os::Through::kFile ? "file" : "loop"; });

}  // namespace
}  // namespace rtt::views
