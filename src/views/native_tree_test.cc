// SPDX-License-Identifier: Apache-2.0
#include "views/native_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "os/link.h"
#include "os/temp_dir.h"

namespace rtt::views {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class NativeTreeTest : public testing::Test {
 protected:
  void write(const std::string& path) {
    const std::string full = scratch_ / path;
    ASSERT_TRUE(os::make_directories(full.substr(0, full.rfind('/'))));
    ASSERT_TRUE(os::write_atomic(full, "x"));
  }
  [[nodiscard]] NativeTree read() const {
    auto tree = read_native_tree(scratch_.path(), std::span(find_provider("claude"), 1));
    EXPECT_TRUE(tree) << tree.error().message;
    return tree ? *std::move(tree) : NativeTree();
  }

  os::TempDir scratch_ = os::TempDir::create().value();
};

TEST_F(NativeTreeTest, a_skill_with_a_link_in_it_is_not_whole) {
  write(".claude/skills/loop/SKILL.md");
  write(".claude/skills/sound/SKILL.md");
  ASSERT_TRUE(os::put_symlink(scratch_ / ".claude/skills/loop/self", "."));
  const NativeTree tree = read();
  EXPECT_THAT(tree.files, SizeIs(2));
  EXPECT_FALSE(tree.read_whole(".claude/skills/loop/"));
  EXPECT_TRUE(tree.read_whole(".claude/skills/sound/"));
}

TEST_F(NativeTreeTest, what_lies_too_deep_is_named_and_its_skill_not_whole) {
  std::string folder = ".claude/skills/deep";  // three names
  for (std::size_t names = 3; names + 1 < kTreeDepthMax; ++names) folder += "/d";
  write(".claude/skills/deep/SKILL.md");
  write(folder + "/last");
  EXPECT_TRUE(read().read_whole(".claude/skills/deep/"));
  write(folder + "/d/beyond");
  const NativeTree tree = read();
  ASSERT_THAT(tree.problems, SizeIs(1));
  EXPECT_EQ(tree.problems[0].file, folder + "/d");
  EXPECT_THAT(tree.problems[0].why, HasSubstr("too deep"));
  EXPECT_FALSE(tree.read_whole(".claude/skills/deep/"));
  EXPECT_THAT(tree.files, SizeIs(2));
}

}  // namespace
}  // namespace rtt::views
