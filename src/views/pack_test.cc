// SPDX-License-Identifier: Apache-2.0
#include "views/pack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "model/random_for_test.h"
#include "os/file.h"
#include "os/temp_dir.h"
#include "views/block_cache.h"
#include "views/pack_write.h"

namespace rtt::views {
namespace {

using model::TestRandom;

Tree random_tree(TestRandom& random, std::size_t files) {
  std::vector<TreeFile> made;
  for (std::size_t i = 0; i < files; ++i) {
    std::string path;
    for (std::size_t depth = random.below(4); depth > 0; --depth)
      path += "d" + random.from_bytes("ab-.", 1 + random.below(3)) + "/";
    path += random.from_bytes("abcdefg-. ", 1 + random.below(12)) + std::to_string(i);
    // Some over a block, some empty, some like each other.
    const std::size_t bytes = random.below(10) == 0 ? random.below(40'000) : random.below(900);
    made.push_back(
        {.path = path,
         .bytes = random.below(4) == 0 ? std::string(bytes, 'x') : random.from_bytes("abc\n\0\xff", bytes),
         .executable = random.below(5) == 0});
  }
  auto tree = Tree::of(std::move(made));
  EXPECT_TRUE(tree) << tree.error().message;
  return std::move(*tree);
}

const PackOptions kSmall{.time_s = 1'790'000'000, .block_bytes = 8192};

std::string packed(std::span<const NamedTree> trees, const PackOptions& options = kSmall) {
  auto bytes = pack_trees(trees, options);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return std::move(*bytes);
}

Result<Pack> pack_of(const std::string& bytes) { return Pack::of(as_bytes(bytes), "a pack"); }

TEST(Pack, what_is_packed_is_read_back) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    TestRandom random(seed);
    std::vector<Tree> trees;
    for (std::size_t i = random.below(6); i > 0; --i) trees.push_back(random_tree(random, random.below(120)));
    std::vector<NamedTree> named;
    for (std::size_t i = 0; i < trees.size(); ++i)
      named.push_back({.name = "provider-" + std::to_string(9 - i), .tree = &trees[i]});
    const std::string bytes = packed(named);
    EXPECT_EQ(packed(named), bytes);
    const auto pack = pack_of(bytes);
    ASSERT_TRUE(pack) << pack.error().message;
    ASSERT_EQ(pack->trees(), trees.size());
    EXPECT_EQ(pack->time_s(), kSmall.time_s);
    const auto verified = verify(*pack);
    EXPECT_TRUE(verified) << verified.error().message;
    for (std::uint32_t i = 0; i < pack->trees(); ++i) {
      const auto node = pack->node(Pack::tree_entry(i));
      const auto& source = *std::ranges::find(named, node->name, &NamedTree::name)->tree;
      const auto tree = read_tree(*pack, i);
      ASSERT_TRUE(tree) << tree.error().message;
      EXPECT_TRUE(std::ranges::equal(tree->files(), source.files()));
      EXPECT_EQ(*pack->root(i), source.root());
      for (const TreeFile& file : source.files()) {
        const auto at = pack->find_path(std::string(node->name) + "/" + file.path);
        ASSERT_TRUE(at) << file.path;
        EXPECT_EQ(pack->node(*at)->count, file.bytes.size());
      }
      EXPECT_FALSE(pack->find_path(std::string(node->name) + "/nothing"));
    }
  }
}

TEST(Pack, of_no_trees_and_of_an_empty_one) {
  const std::string none = packed({});
  EXPECT_TRUE(verify(*pack_of(none)));
  const Tree empty;
  const std::vector<NamedTree> one{{.name = "claude", .tree = &empty}};
  const std::string bytes = packed(one);
  const auto pack = pack_of(bytes);
  EXPECT_TRUE(verify(*pack));
  EXPECT_EQ(read_tree(*pack, 0)->root(), empty.root());
}

TEST(Pack, what_it_cannot_hold_is_refused) {
  const Tree empty;
  const auto refused = [&](std::vector<NamedTree> trees, Code code) {
    const auto bytes = pack_trees(trees, kSmall);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code, code);
  };
  refused({{"a", &empty}, {"a", &empty}}, Code::kBadShape);
  refused({{"a/b", &empty}}, Code::kBadShape);
  refused({{"..", &empty}}, Code::kBadShape);
  refused({{"", &empty}}, Code::kBadShape);
  std::vector<NamedTree> many;
  for (std::size_t i = 0; i <= kPackTreesMax; ++i) many.push_back({std::to_string(i), &empty});
  refused(many, Code::kLimit);
}

TEST(Pack, items_are_told_by_their_files_names) {
  EXPECT_EQ(item_by_name(".claude/agents/review.md"), "review");
  EXPECT_EQ(item_by_name(".codex/agents/review.toml"), "review");
  EXPECT_EQ(item_by_name(".github/agents/review.agent.md"), "review");
  EXPECT_EQ(item_by_name(".claude/skills/pdf/SKILL.md"), "pdf");
  EXPECT_EQ(item_by_name("AGENTS.md"), "AGENTS");
  EXPECT_EQ(item_by_name(".mcp.json"), ".mcp");
}

// Five forms of one item beside each other, and equal files once.
TEST(Pack, forms_of_one_item_cost_little_more_than_one) {
  TestRandom random(1);
  std::vector<TreeFile> files;
  for (int i = 0; i < 200; ++i) {
    files.push_back({.path = "agents/a" + std::to_string(i) + ".md",
                     .bytes = random.from_bytes("abcdefghijklmnopqrstuvwxyz \n", 1000)});
  }
  const auto one = Tree::of(files);
  const std::vector<NamedTree> alone{{"p0", &*one}};
  std::vector<Tree> forms;
  for (int form = 0; form < 5; ++form) {
    auto other = files;
    for (TreeFile& file : other) file.bytes = "form " + std::to_string(form) + "\n" + file.bytes;
    forms.push_back(*Tree::of(other));
  }
  std::vector<NamedTree> five, same;
  for (std::size_t i = 0; i < forms.size(); ++i) {
    five.push_back({"p" + std::to_string(i), &forms[i]});
    same.push_back({"p" + std::to_string(i), &*one});
  }
  const std::size_t index = 5 * 200 * 96;  // entry, digest and name
  EXPECT_LT(packed(five).size(), packed(alone).size() * 5 / 4 + index);
  EXPECT_LT(packed(same).size(), packed(alone).size() + index);
}

class OnePack : public testing::Test {
 protected:
  OnePack() {
    TestRandom random(5);
    for (int i = 0; i < 2; ++i) trees_.push_back(random_tree(random, 30));
    const std::vector<NamedTree> named{{"a", &trees_[0]}, {"b", &trees_[1]}};
    bytes_ = packed(named);
  }
  std::vector<Tree> trees_;
  std::string bytes_;
};

TEST_F(OnePack, cut_anywhere_is_refused_at_once) {
  for (std::size_t size = 0; size < bytes_.size(); size += 1 + size / 50) {
    const std::string cut = bytes_.substr(0, size);
    const auto pack = pack_of(cut);
    ASSERT_FALSE(pack) << size;
    EXPECT_EQ(pack.error().code, Code::kTampered);
  }
  EXPECT_FALSE(pack_of(bytes_ + "x"));
}

// But for bits of a compressed block that unpack to the same.
TEST_F(OnePack, every_changed_byte_is_noticed) {
  pack_format::Header header{};
  std::memcpy(&header, bytes_.data(), sizeof header);
  const std::size_t every = 7;
  for (std::size_t at = 0; at < bytes_.size(); at += every) {
    std::string changed = bytes_;
    changed[at] = static_cast<char>(changed[at] ^ 0x41);
    const auto pack = pack_of(changed);
    const Status good = pack ? verify(*pack) : std::unexpected(pack.error());
    if (good && at >= pack_format::places_of(header).data) {
      for (std::uint32_t tree = 0; tree < 2; ++tree)
        EXPECT_TRUE(std::ranges::equal(read_tree(*pack, tree)->files(), trees_[tree].files()));
      continue;
    }
    ASSERT_FALSE(good) << "byte " << at;
    EXPECT_EQ(good.error().code, Code::kTampered) << good.error().message;
  }
}

// Both checksums as they should be.
void sign(std::string& bytes, std::uint64_t data) {
  const MutableBytes all(reinterpret_cast<std::byte*>(bytes.data()), bytes.size());
  store_le<std::uint32_t>(all, offsetof(pack_format::Header, index_crc),
                          crc32c(all.first(data).subspan(128)));
  store_le<std::uint32_t>(all, offsetof(pack_format::Header, crc), crc32c(all.first(124)));
}

// Somebody who makes the checksums right: whatever the entries say, reading them ends with an answer.
TEST_F(OnePack, entries_that_lie_are_errors) {
  TestRandom random(11);
  pack_format::Header header{};
  std::memcpy(&header, bytes_.data(), sizeof header);
  int refused = 0;
  for (int round = 0; round < 500; ++round) {
    std::string changed = bytes_;
    const std::size_t at = 128 + random.below(32 * std::size_t{header.entries});
    changed[at] = static_cast<char>(changed[at] ^ static_cast<char>(1 + random.below(255)));
    sign(changed, pack_format::places_of(header).data);
    const auto pack = pack_of(changed);
    if (!pack) {
      ++refused;
      continue;
    }
    BlockCache cache(2);
    for (Pack::Index index = 0; index < pack->entries(); ++index) {
      const auto node = pack->node(index);
      if (!node) continue;
      if (node->kind != Pack::Kind::kFolder) {
        (void)read_whole(*pack, cache, *node);
        continue;
      }
      for (std::uint32_t place = 0; place < node->count; ++place) (void)pack->child(index, *node, place);
      (void)pack->find(index, "x");
    }
    refused += !verify(*pack);
  }
  EXPECT_GT(refused, 490);  // another name for a tree is a right pack of other trees
}

TEST(Pack, is_written_whole_or_not_at_all) {
  const auto dir = os::TempDir::create();
  ASSERT_TRUE(dir);
  TestRandom random(3);
  const Tree tree = random_tree(random, 20);
  const std::vector<NamedTree> named{{"a", &tree}};
  ASSERT_TRUE(write_pack(*dir / "1.pack", named, kSmall));
  const auto pack = Pack::open(*dir / "1.pack");
  ASSERT_TRUE(pack) << pack.error().message;
  EXPECT_TRUE(verify(*pack));
  EXPECT_EQ(os::list_directory(dir->path())->size(), 1u);
  EXPECT_FALSE(write_pack(*dir / "no/1.pack", named, kSmall));
  EXPECT_EQ(Pack::open(*dir / "2.pack").error().code, Code::kNotFound);
  EXPECT_EQ(Pack::open(dir->path()).error().code, Code::kNotRegular);
  ASSERT_TRUE(os::write_atomic(*dir / "3.pack", "", {}));
  EXPECT_EQ(Pack::open(*dir / "3.pack").error().code, Code::kTampered);
}

TEST(BlockCache, holds_no_more_than_it_may_and_forgets_a_generation) {
  TestRandom random(9);
  const Tree tree = random_tree(random, 200);
  const std::vector<NamedTree> named{{"a", &tree}};
  const std::string bytes = packed(named, {.time_s = 0, .block_bytes = 4096});
  const auto pack = pack_of(bytes);
  ASSERT_GT(pack->blocks(), 3u);
  BlockCache cache(2);
  const auto first = cache.get(1, *pack, 0);
  std::weak_ptr<const std::string> watched = *first;
  EXPECT_EQ(cache.get(1, *pack, 0)->get(), first->get());
  (void)cache.get(1, *pack, 1);
  (void)cache.get(1, *pack, 2);
  EXPECT_NE(cache.get(1, *pack, 0)->get(), first->get());  // pushed out, and whole for who holds it
  EXPECT_EQ((*first)->size(), pack->block_size(0));
  auto again = cache.get(1, *pack, 0);
  watched = *again;
  again = fail(Code::kNotFound, "let go");
  EXPECT_FALSE(watched.expired());
  cache.forget(1);
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace rtt::views
