// SPDX-License-Identifier: Apache-2.0
#include "views/mount_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "os/file.h"
#include "os/temp_dir.h"
#include "views/block_cache.h"
#include "views/pack_write.h"

namespace rtt::views {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;

// A generation in which every provider has one file that says which it is.
class MountNodesTest : public testing::Test {
 protected:
  Pack pack(GenerationNumber number, const std::vector<std::string>& providers) {
    std::vector<Tree> trees;
    std::vector<NamedTree> named;
    for (const std::string& name : providers) {
      trees.push_back(*Tree::of({{.path = "agents/a.md", .bytes = name + " " + std::to_string(number)},
                                 {.path = "run.sh", .bytes = "#!\n", .executable = true}}));
    }
    for (std::size_t i = 0; i < providers.size(); ++i) named.push_back({providers[i], &trees[i]});
    kept_.push_back(std::make_unique<std::string>(*pack_trees(named, {.time_s = 7})));
    return *Pack::of(as_bytes(*kept_.back()), "pack");
  }
  MountNodes::Numbered told() {
    return [this](const std::string& name, std::uint32_t number) {
      if (number == 0)
        numbers_.erase(name);
      else
        numbers_[name] = number;
    };
  }
  static std::vector<std::string> names(const MountNodes& shown, NodeId folder) {
    std::vector<std::string> found;
    EXPECT_TRUE(shown.list(folder, 0, [&](std::string_view name, const MountNode&, std::uint64_t) {
      found.emplace_back(name);
      return true;
    }));
    return found;
  }
  // Follows `cur` as the kernel does; nothing if some step is not there.
  static std::optional<MountNode> walk(const MountNodes& shown, const std::vector<std::string>& path) {
    NodeId at = kTopNode;
    std::optional<MountNode> node;
    for (const std::string& name : path) {
      const auto next = shown.lookup(at, name);
      if (!next || !*next) return std::nullopt;
      node = **next;
      if (node->kind == NodeKind::kLink) {
        const auto target = shown.link(node->id);
        const auto there = shown.lookup(at, *target);
        if (!there || !*there) return std::nullopt;
        node = **there;
      }
      at = node->id;
    }
    return node;
  }
  static std::string read(const MountNodes& shown, const std::vector<std::string>& path) {
    const auto node = walk(shown, path);
    if (!node) return "nothing";
    const auto range = shown.range(node->id, 0, 1000);
    if (!range) return "error";
    BlockCache cache(1);
    std::string bytes;
    const auto parts = read_stream(range->generation->pack, cache, 1, range->at, range->bytes);
    for (const StreamPart& part : *parts) bytes += part.bytes;
    return bytes;
  }

  MountNodes::Numbers numbers_;
  std::vector<std::unique_ptr<std::string>> kept_;
  MountNodes nodes_{{}, 0, told()};
};

TEST_F(MountNodesTest, nothing_is_in_force_until_it_is_shown) {
  ASSERT_TRUE(nodes_.add("w", 1, pack(1, {"claude", "codex"})));
  EXPECT_THAT(names(nodes_, kTopNode), ElementsAre("w"));
  EXPECT_THAT(names(nodes_, walk(nodes_, {"w", "codex"})->id), ElementsAre("gen-1"));
  EXPECT_EQ(read(nodes_, {"w", "codex", "cur", "agents", "a.md"}), "nothing");
  EXPECT_EQ(read(nodes_, {"w", "codex", "gen-1", "agents", "a.md"}), "codex 1");
  ASSERT_TRUE(nodes_.show("w", 1));
  EXPECT_THAT(names(nodes_, walk(nodes_, {"w", "codex"})->id), ElementsAre("cur", "gen-1"));
  EXPECT_EQ(read(nodes_, {"w", "codex", "cur", "agents", "a.md"}), "codex 1");
}

TEST_F(MountNodesTest, a_flip_asks_for_one_name_a_provider) {
  (void)nodes_.add("w", 1, pack(1, {"a", "b", "c"}));
  (void)nodes_.show("w", 1);
  (void)nodes_.add("w", 2, pack(2, {"a", "b", "c"}));
  const auto stale = nodes_.show("w", 2);
  ASSERT_TRUE(stale);
  ASSERT_EQ(stale->size(), 3u);
  for (const Stale& one : *stale) {
    EXPECT_EQ(one.what, Stale::What::kName);
    EXPECT_EQ(one.name, "cur");
  }
  EXPECT_EQ(read(nodes_, {"w", "b", "cur", "agents", "a.md"}), "b 2");
  EXPECT_EQ(read(nodes_, {"w", "b", "gen-1", "agents", "a.md"}), "b 1");
  EXPECT_TRUE(nodes_.show("w", 2)->empty());
  EXPECT_EQ(nodes_.show("w", 3).error().code, Code::kNotFound);
  EXPECT_EQ(nodes_.add("w", 2, pack(2, {"a"})).error().code, Code::kNameClash);
}

TEST_F(MountNodesTest, a_provider_that_a_generation_lacks_has_no_cur) {
  (void)nodes_.add("w", 1, pack(1, {"a", "b"}));
  (void)nodes_.show("w", 1);
  (void)nodes_.add("w", 2, pack(2, {"a"}));
  const NodeId folder = walk(nodes_, {"w", "b"})->id;
  const auto stale = nodes_.show("w", 2);
  EXPECT_THAT(*stale, Contains(Field(&Stale::folder, folder)));
  EXPECT_THAT(names(nodes_, folder), ElementsAre("gen-1"));
  EXPECT_EQ(read(nodes_, {"w", "b", "cur", "agents", "a.md"}), "nothing");
}

// What a node id shows never changes: that is what the kernel is promised.
TEST_F(MountNodesTest, a_successor_gives_the_same_numbers_and_never_one_again) {
  for (GenerationNumber i = 1; i <= 3; ++i) (void)nodes_.add("w", i, pack(i, {"a", "b"}));
  (void)nodes_.show("w", 3);
  const std::vector<std::vector<std::string>> paths{{"w"},
                                                    {"w", "a"},
                                                    {"w", "b", "gen-2"},
                                                    {"w", "b", "gen-2", "agents", "a.md"},
                                                    {"w", "a", "cur", "run.sh"}};
  std::uint32_t last = 0;
  for (const auto& [name, number] : numbers_) last = std::max(last, number);
  MountNodes successor(numbers_, last, told());
  for (GenerationNumber i = 3; i >= 1; --i) (void)successor.add("w", i, pack(i, {"a", "b"}));
  (void)successor.show("w", 3);
  for (const auto& path : paths) EXPECT_EQ(walk(successor, path)->id, walk(nodes_, path)->id);
  const auto before = walk(successor, {"w", "a", "gen-1"})->id;
  (void)successor.drop_workspace("w");
  EXPECT_TRUE(numbers_.empty());
  EXPECT_EQ(successor.node(before).error(), ESTALE);
  (void)successor.add("w", 1, pack(1, {"a", "b"}));
  EXPECT_GT(walk(successor, {"w", "a", "gen-1"})->id, NodeId{last} << 40);
}

TEST_F(MountNodesTest, the_oldest_goes_and_never_the_one_in_force) {
  (void)nodes_.add("w", 1, pack(1, {"a"}));
  (void)nodes_.show("w", 1);
  for (GenerationNumber i = 2; i <= kGenerationsKept; ++i) (void)nodes_.add("w", i, pack(i, {"a"}));
  EXPECT_FALSE(nodes_.drop_surplus("w"));
  (void)nodes_.add("w", kGenerationsKept + 1, pack(9, {"a"}));
  const NodeId second = walk(nodes_, {"w", "a", "gen-2", "run.sh"})->id;
  const auto dropped = nodes_.drop_surplus("w");
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->generation, 2u);
  EXPECT_THAT(dropped->stale, Contains(Field(&Stale::name, "gen-2")));
  EXPECT_FALSE(nodes_.drop_surplus("w"));
  EXPECT_EQ(read(nodes_, {"w", "a", "cur", "agents", "a.md"}), "a 1");
  EXPECT_EQ(read(nodes_, {"w", "a", "gen-2", "agents", "a.md"}), "nothing");
  EXPECT_EQ(nodes_.node(second).error(), ESTALE);
  EXPECT_EQ(nodes_.range(second, 0, 1).error(), ESTALE);
}

TEST_F(MountNodesTest, a_listing_goes_on_where_it_was_whatever_came_meanwhile) {
  for (GenerationNumber i = 1; i <= 4; ++i) (void)nodes_.add("w", i, pack(i, {"a"}));
  (void)nodes_.show("w", 2);
  const NodeId folder = walk(nodes_, {"w", "a"})->id;
  std::vector<std::string> found;
  std::uint64_t offset = 0;
  GenerationNumber next = 5;
  for (bool more = true; more;) {
    more = false;
    (void)nodes_.list(folder, offset, [&](std::string_view name, const MountNode&, std::uint64_t at) {
      if (std::exchange(more, true)) return false;
      found.emplace_back(name);
      offset = at;
      return true;
    });
    if (next <= 6) {
      (void)nodes_.add("w", next, pack(next, {"a"}));
      ++next;
    }
  }
  EXPECT_THAT(found, ElementsAre("cur", "gen-1", "gen-2", "gen-3", "gen-4", "gen-5", "gen-6"));
}

TEST_F(MountNodesTest, questions_that_make_no_sense_have_an_errno) {
  (void)nodes_.add("w", 1, pack(1, {"a"}));
  (void)nodes_.show("w", 1);
  const NodeId file = walk(nodes_, {"w", "a", "cur", "run.sh"})->id;
  const auto link = nodes_.lookup(walk(nodes_, {"w", "a"})->id, "cur");
  EXPECT_EQ(nodes_.link(file).error(), EINVAL);
  EXPECT_EQ(nodes_.range((*link)->id, 0, 1).error(), EINVAL);
  EXPECT_EQ(nodes_.range(walk(nodes_, {"w", "a", "cur"})->id, 0, 1).error(), EISDIR);
  EXPECT_EQ(nodes_.range(kTopNode, 0, 1).error(), EISDIR);
  EXPECT_EQ(nodes_.range(file, 100, 10)->bytes, 0u);
  EXPECT_EQ(nodes_.lookup(kTopNode, "x").error(), ENOENT);
  EXPECT_EQ(nodes_.lookup(walk(nodes_, {"w", "a"})->id, "gen-01").error(), ENOENT);
  EXPECT_EQ(nodes_.lookup(NodeId{999} << 40, "x").error(), ESTALE);
  EXPECT_EQ(*nodes_.lookup(file, "x"), std::nullopt);
  EXPECT_EQ(*nodes_.lookup(walk(nodes_, {"w", "a", "cur"})->id, "x"), std::nullopt);
  for (NodeId id = file - 40; id < file + 40; ++id) (void)nodes_.node(id);
  EXPECT_FALSE(nodes_.add("../w", 1, pack(1, {"a"})));
}

TEST(PackStore, keeps_what_is_of_its_layout) {
  const auto dir = os::TempDir::create();
  const PackStore store(dir->path());
  for (const char* name : {"w1", "w2", ".hidden"}) ASSERT_TRUE(os::make_directories(*dir / name));
  for (const std::string& file :
       {store.pack_path("w1", 2), store.pack_path("w1", 10), store.pack_path("w2", 1), *dir / "w1/01.pack",
        *dir / "w1/x.pack", *dir / "loose"})
    ASSERT_TRUE(os::write_atomic(file, "x", {}));
  ASSERT_TRUE(store.set_current("w1", 2));
  ASSERT_TRUE(store.set_current("w1", 10));
  ASSERT_TRUE(store.set_current("w2", 7));
  const auto kept = store.list();
  ASSERT_EQ(kept->size(), 2u);
  EXPECT_THAT((*kept)[0].generations, ElementsAre(2u, 10u));
  EXPECT_EQ((*kept)[0].current, 10u);
  EXPECT_EQ((*kept)[1].current, std::nullopt);
  ASSERT_TRUE(store.remove_workspace("w1"));
  EXPECT_EQ(store.list()->size(), 1u);
  EXPECT_EQ(store.remove_workspace("..").error().code, Code::kBadArgument);
}

}  // namespace
}  // namespace rtt::views
