// SPDX-License-Identifier: Apache-2.0
// Images as the tools of EROFS's own authors read them; image_mounts_test has the kernel.
#include "views/erofs_image.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "os/file.h"
#include "os/output_of.h"
#include "os/temp_dir.h"
#include "views/random_tree_for_test.h"
#include "views/tree_folder.h"

namespace rtt::views {
namespace {

namespace fs = std::filesystem;
using model::TestRandom;

constexpr std::int64_t kTime = 1'790'000'000;

std::string image_of(std::span<const NamedTree> trees) { return erofs_image(trees, kTime).value(); }

TEST(ErofsImage, fsck_finds_nothing_wrong_and_takes_out_what_was_put_in) {
  os::TempDir scratch = os::TempDir::create().value();
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    TestRandom random(seed);
    std::vector<Tree> trees;
    for (std::size_t i = random.below(4); i > 0; --i) trees.push_back(random_tree(random, random.below(400)));
    std::vector<NamedTree> named;
    for (std::size_t i = 0; i < trees.size(); ++i)
      named.push_back({"provider-" + std::to_string(9 - i), &trees[i]});
    const std::string bytes = image_of(named), image = scratch / "image", out = scratch / "out";
    EXPECT_EQ(image_of(named), bytes);
    ASSERT_TRUE(os::write_atomic(image, bytes));
    const auto said = os::output_of({.argv = {"fsck.erofs", "--extract=" + out, "--overwrite", image},
                                     .env = os::own_environment(),
                                     .directory = {},
                                     .pass_fds = {}},
                                    {.bytes_max = 1 << 20, .time_max = nanos_from_ms(60'000)});
    if (!said) GTEST_SKIP() << said.error().message;
    ASSERT_TRUE(said->has_value());
    EXPECT_EQ(os::list_directory(out)->size(), named.size());
    for (const NamedTree& tree : named) {
      const auto back = read_folder(out + "/" + tree.name);
      ASSERT_TRUE(back) << back.error().message;
      EXPECT_EQ(back->root(), tree.tree->root());
    }
    fs::remove_all(out);
  }
}

TEST(ErofsImage, equal_files_lie_there_once) {
  const std::string bytes(100'000, 'z');
  const Tree one = Tree::of({{.path = "a", .bytes = bytes}}).value();
  const Tree two = Tree::of({{.path = "b/c", .bytes = bytes}, {.path = "d", .bytes = bytes}}).value();
  EXPECT_LT(image_of(std::vector<NamedTree>{{"p", &one}, {"q", &two}}).size(), bytes.size() + 3 * 4096);
}

TEST(ErofsImage, what_it_cannot_hold_is_refused) {
  const Tree empty;
  for (const std::string name : {"", "..", "a/b"})
    EXPECT_EQ(erofs_image(std::vector<NamedTree>{{name, &empty}}, kTime).error().code, Code::kBadShape)
        << name;
  EXPECT_EQ(erofs_image(std::vector<NamedTree>{{"a", &empty}, {"a", &empty}}, kTime).error().code,
            Code::kBadShape);
}

}  // namespace
}  // namespace rtt::views
