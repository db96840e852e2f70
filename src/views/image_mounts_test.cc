// SPDX-License-Identifier: Apache-2.0
#include "views/image_mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "os/file.h"
#include "os/link.h"
#include "os/mount.h"
#include "os/permissions.h"
#include "os/process.h"
#include "os/temp_dir.h"
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

class ImageMountsTest : public testing::TestWithParam<os::Through> {
 protected:
  void SetUp() override {
    const Status can = mounts_.probe();
    if (!can) GTEST_SKIP() << "no image can be mounted here: " << can.error().message;
  }
  void TearDown() override { (void)mounts_.keep({}); }

  ImageMounts::Set put(const Tree& tree, const std::string& provider = "claude") {
    const ImageMounts::Set set{{provider, tree.root()}};
    const Status written = mounts_.write(set, std::vector<NamedTree>{{provider, &tree}});
    EXPECT_TRUE(written) << written.error().message;
    return set;
  }
  [[nodiscard]] std::string image(const ImageMounts::Set& set) const {
    return scratch_ / ("images/" + ImageMounts::name_of(set) + ".erofs");
  }

  os::TempDir scratch_ = os::TempDir::create().value();
  ImageMounts mounts_{scratch_ / "images", scratch_ / "mounts", GetParam()};
};

TEST_P(ImageMountsTest, what_was_written_is_read_back_and_cannot_be_changed) {
  const Tree claude = tree_of("claude"), codex = tree_of("codex", 200), none;
  const ImageMounts::Set set{{"claude", claude.root()}, {"codex", codex.root()}, {"none", none.root()}};
  ASSERT_TRUE(
      mounts_.write(set, std::vector<NamedTree>{{"claude", &claude}, {"codex", &codex}, {"none", &none}}));
  const auto place = mounts_.mount(set);
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_EQ(*mounts_.mount(set), *place);
  EXPECT_EQ(read_folder(*place + "/claude")->root(), claude.root());
  EXPECT_EQ(read_folder(*place + "/codex")->root(), codex.root());
  EXPECT_THAT(*os::list_directory(*place), SizeIs(3));
  EXPECT_EQ(os::mounted_at(*place).value()->type, "erofs");
  const std::string file = *place + "/claude/agents/d0/a0.md";
  EXPECT_TRUE(os::is_executable(file));
  EXPECT_FALSE(os::set_permissions(file, 0600));
  EXPECT_FALSE(std::ofstream(file, std::ios::app).is_open());
}

TEST_P(ImageMountsTest, whatever_a_tree_holds_the_kernel_finds_by_name) {
  for (std::uint64_t seed = 100; seed < 106; ++seed) {
    SCOPED_TRACE(seed);
    model::TestRandom random(seed);
    const Tree tree = random_tree(random, 300);
    const auto place = mounts_.mount(put(tree));
    ASSERT_TRUE(place) << place.error().message;
    for (const TreeFile& file : tree.files())
      EXPECT_EQ(os::read_file(*place + "/claude/" + file.path, kTreeFileBytesMax).value_or("-"), file.bytes);
    EXPECT_FALSE(os::exists(*place + "/claude/nothing"));
  }
}

TEST_P(ImageMountsTest, a_flip_between_two_mixes_nothing_and_what_goes_stays_with_its_readers) {
  const Tree one = tree_of("1"), two = tree_of("2");
  const std::string now = scratch_ / "now";
  const ImageMounts::Set first = put(one), second = put(two);
  ASSERT_TRUE(os::put_symlink(now, *mounts_.mount(first)));
  ASSERT_TRUE(mounts_.mount(second));
  std::atomic<bool> stop = false;
  std::atomic<int> bad = 0, reads = 0;
  std::thread reader([&] {
    while (!stop) {
      const std::string folder = os::real_path(now + "/claude").value();
      const auto tree = read_folder(folder);
      bad += !tree || (tree->root() != one.root() && tree->root() != two.root());
      ++reads;
    }
  });
  for (int flip = 0; reads < 100; ++flip)
    ASSERT_TRUE(os::put_symlink(now, mounts_.place_of(flip % 2 == 0 ? second : first)));
  stop = true;
  reader.join();
  EXPECT_EQ(bad, 0) << "of " << reads;

  std::ifstream held(mounts_.place_of(first) + "/claude/agents/d1/a1.md");
  ASSERT_TRUE(held.is_open());
  ASSERT_TRUE(mounts_.keep(std::vector<ImageMounts::Set>{second}));
  EXPECT_FALSE(os::exists(mounts_.place_of(first)));
  EXPECT_FALSE(os::exists(image(first)));
  std::string bytes((std::istreambuf_iterator<char>(held)), {});
  EXPECT_EQ(bytes, one.find("agents/d1/a1.md")->bytes);
  EXPECT_EQ(read_folder(mounts_.place_of(second) + "/claude")->root(), two.root());
}

TEST_P(ImageMountsTest, after_the_machine_started_it_is_mounted_again) {
  const Tree tree = tree_of("1");
  const ImageMounts::Set set = put(tree);
  const std::string place = mounts_.mount(set).value();
  ASSERT_TRUE(os::detach_mount(place));
  EXPECT_THAT(*os::list_directory(place), IsEmpty());
  EXPECT_EQ(*mounts_.mount(set), place);
  EXPECT_EQ(read_folder(place + "/claude")->root(), tree.root());
}

TEST_P(ImageMountsTest, an_image_that_is_not_what_the_set_says_is_never_shown) {
  const Tree tree = tree_of("1");
  const ImageMounts::Set set = put(tree);
  const std::string good = os::read_file(image(set), 1 << 20).value();
  const auto refused = [&](const std::string& bytes, const std::string& what) {
    ASSERT_TRUE(os::write_atomic(image(set), bytes));
    EXPECT_FALSE(mounts_.mount(set)) << what;
    EXPECT_FALSE(os::mounted_at(mounts_.place_of(set)).value()) << what;
  };
  std::string changed = good;
  changed[changed.find("1xxxx")] = '2';
  refused(changed, "one byte of a file");
  EXPECT_FALSE(os::exists(image(set)));  // so that it is made again
  refused("no image", "no image");
  refused("", "nothing");
  refused(good.substr(0, 4096), "cut short");
  for (std::size_t at = 1024; at < 1024 + 128 + 64; at += 7) {
    std::string rotten = good;
    rotten[at] = static_cast<char>(rotten[at] ^ 0x40);
    ASSERT_TRUE(os::write_atomic(image(set), rotten));
    if (const auto place = mounts_.mount(set)) {
      EXPECT_EQ(read_folder(*place + "/claude")->root(), tree.root()) << at;
      ASSERT_TRUE(os::detach_mount(*place));
    }
  }
  (void)os::remove_file(image(set));
  EXPECT_EQ(mounts_.mount(set).error().code, Code::kNotFound);
  put(tree);
  EXPECT_TRUE(mounts_.mount(set));
}

TEST_P(ImageMountsTest, a_folder_that_others_may_write_is_refused) {
  ASSERT_TRUE(os::set_permissions(scratch_ / "images", 0777));
  EXPECT_EQ(mounts_.probe().error().code, Code::kPermission);
  EXPECT_EQ(mounts_.mount({}).error().code, Code::kPermission);
  ASSERT_TRUE(os::set_permissions(scratch_ / "images", 0700));
}

INSTANTIATE_TEST_SUITE_P(Through, ImageMountsTest, testing::Values(os::Through::kFile, os::Through::kLoop),
                         [](const auto& with) { return with.param == os::Through::kFile ? "file" : "loop"; });

}  // namespace
}  // namespace rtt::views
