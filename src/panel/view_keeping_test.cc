// SPDX-License-Identifier: Apache-2.0
// The trees of the last commits stay, as many as the limits have room for, and what is one `undo` away
// always.
#include "panel/view_keeping.h"

#include <gtest/gtest.h>

#include "os/file.h"
#include "os/temp_dir.h"
#include "panel/ledger.h"
#include "panel/shown_views.h"
#include "panel/view_signatures.h"
#include "registry/identity.h"
#include "views/mount_home.h"
#include "views/project.h"

namespace rtt::panel {
namespace {

class ViewKeepingTest : public testing::Test {
 protected:
  static constexpr int kCommits = 8;
  static constexpr std::size_t kFiles = 5;

  void SetUp() override {
    ASSERT_TRUE(registry::create_workspace(workspace_));
    ASSERT_TRUE(registry::create_own_key(workspace_.user_dir, "me"));
    const auto key = registry::load_own_key(workspace_.user_dir).value();
    Digest before = model::graph_root({});
    for (int i = 0; i < kCommits; ++i) {
      std::vector<views::TreeFile> files;
      for (std::size_t f = 0; f < kFiles; ++f)
        files.push_back({.path = "f" + std::to_string(f), .bytes = std::to_string(i)});
      const views::Tree tree = views::Tree::of(std::move(files)).value();
      ASSERT_TRUE(store().put(tree));
      model::Graph graph;
      graph.views = {{.provider = "x", .root = tree.root()}};
      ASSERT_TRUE(store_graph(workspace_, model::graph_root(graph), graph));
      ASSERT_TRUE(sign_views(workspace_, graph.views, key));
      roots_.push_back(tree.root());
      history_.push_back({.seq = Seq{static_cast<std::uint64_t>(i + 1)},
                          .plan_id = {},
                          .before = before,
                          .root = model::graph_root(graph),
                          .graph = i % 2 == 0 ? std::optional(graph) : std::nullopt});
      before = history_.back().root;
    }
  }
  [[nodiscard]] views::TreeStore store() const { return tree_store(workspace_); }
  // How many of the trees, from the newest on, stay; none older may, but one.
  std::size_t kept(ViewKeepLimits limits, std::optional<Digest> but = {}) {
    ViewKeeping keeping(workspace_, limits);
    keeping.begin(history_, {roots_.back()});
    for (int steps = 0; steps < 5000; ++steps) {
      const auto left = keeping.step();
      EXPECT_TRUE(left) << left.error().message;
      if (!left || *left == ViewKeeping::Left::kNothing) break;
    }
    std::size_t count = 0;
    while (count < roots_.size() && store().has(roots_[roots_.size() - 1 - count])) ++count;
    for (std::size_t i = 0; i < roots_.size(); ++i) {
      const bool stays = i + count >= roots_.size() || roots_[i] == but;
      EXPECT_EQ(store().has(roots_[i]), stays) << i;
      EXPECT_EQ(os::exists(view_signature_path(workspace_, roots_[i])), stays) << i;
    }
    return count;
  }

  os::TempDir scratch_ = os::TempDir::create().value();
  registry::Workspace workspace_{.root = scratch_.path() + "/ws", .user_dir = scratch_.path() + "/user"};
  std::vector<Digest> roots_;
  std::vector<apply::Commit> history_;
};

TEST_F(ViewKeepingTest, all_of_a_short_history_stays) { EXPECT_EQ(kept({}), kCommits); }
TEST_F(ViewKeepingTest, the_last_commits_stay) { EXPECT_EQ(kept({.commits_max = 3}), 3U); }
TEST_F(ViewKeepingTest, as_many_as_there_is_room_for) { EXPECT_EQ(kept({.files_max = 4 * kFiles}), 5U); }
TEST_F(ViewKeepingTest, bytes_count_too) { EXPECT_EQ(kept({.bytes_max = 2 * kFiles}), 3U); }
TEST_F(ViewKeepingTest, what_undo_shows_stays_whatever_its_size) { EXPECT_EQ(kept({.files_max = 1}), 2U); }

// A pack goes whole, and is as large as it is whatever number of trees it has.
TEST_F(ViewKeepingTest, packs_count_by_their_bytes) {
  const views::MountHome home({.folder = store().folder(), .workspace = workspace_.root, .start = {}});
  const auto size_of = [&](const Digest& root) -> std::uint64_t {
    for (const auto& holder : home.holders()) {
      if (holder.roots == std::vector{root}) return holder.bytes;
    }
    return 0;
  };
  for (const Digest& root : roots_) {
    const views::Tree tree = store().read(root).value();
    ASSERT_TRUE(home.keep(std::vector{views::NamedTree{.name = "x", .tree = &tree}}));
    ASSERT_NE(size_of(root), 0U);
  }
  const std::uint64_t two = size_of(roots_[kCommits - 2]) + size_of(roots_[kCommits - 3]);
  EXPECT_EQ(kept({.bytes_max = two + 2 * kFiles}), 3U);
  EXPECT_NE(size_of(roots_[kCommits - 3]), 0U);
  EXPECT_EQ(size_of(roots_[kCommits - 4]), 0U);
}

TEST_F(ViewKeepingTest, what_an_edit_began_with_stays_while_the_edit_does) {
  const auto show = [&](const Digest& root) {
    ASSERT_TRUE(store().show({{.provider = "x", .root = root}}));
    ASSERT_TRUE(views::Project::open(workspace_.root, store())
                    ->refresh({{"x", store().read(root).value()}}, views::Wish::kLinks));
  };
  show(roots_[1]);
  ASSERT_TRUE(os::write_atomic(workspace_.path("f0"), "edited"));
  show(roots_[2]);
  show(roots_.back());
  EXPECT_EQ(kept({.commits_max = 3}, roots_[1]), 3U);
  ASSERT_TRUE(os::write_atomic(workspace_.path("f0"), "1"));  // as it was
  show(roots_.back());
  EXPECT_EQ(kept({.commits_max = 3}), 3U);
}

// What was set aside of a tree is told from that tree: for whoever pulls it after a hundred commits more.
TEST_F(ViewKeepingTest, what_was_set_aside_keeps_the_tree_it_began_with) {
  const std::string aside = store().folder() + "/edited/" + bare_hex(roots_[1]).substr(0, 16) + "-0a1b2c3d";
  ASSERT_TRUE(os::make_directories(aside));
  ASSERT_TRUE(os::write_atomic(aside + "/f0", "edited"));
  EXPECT_EQ(kept({.commits_max = 3}, roots_[1]), 3U);
  ASSERT_TRUE(os::remove_tree(aside));
  EXPECT_EQ(kept({.commits_max = 3}), 3U);
}

}  // namespace
}  // namespace rtt::panel
