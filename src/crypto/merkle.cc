// SPDX-License-Identifier: Apache-2.0
#include "crypto/merkle.h"

#include <algorithm>
#include <bit>

#include "crypto/sha256.h"
#include "crypto/sha256_many.h"

namespace rtt::crypto {
namespace {

// The prefixes keep a node from being passed off as a leaf.
constexpr std::byte kLeafPrefix{0x00};
constexpr std::byte kNodePrefix{0x01};

constexpr std::size_t kSmallEntry = 255;

// What is hashed at a time.
constexpr std::size_t kAtOnce = 64;

using LeafBytes = std::array<std::byte, 33>;
using NodeBytes = std::array<std::byte, 65>;

NodeBytes node_bytes(const Digest& left, const Digest& right) {
  NodeBytes bytes;
  bytes[0] = kNodePrefix;
  std::copy(left.bytes.begin(), left.bytes.end(), bytes.begin() + 1);
  std::copy(right.bytes.begin(), right.bytes.end(), bytes.begin() + 33);
  return bytes;
}

Digest node_hash(const Digest& left, const Digest& right) { return sha256(node_bytes(left, right)); }

// The largest power of two below `size`: where RFC 6962 cuts a tree. REQUIRES: size > 1.
std::uint64_t cut_of(std::uint64_t size) { return std::bit_floor(size - 1); }

Digest root_of(std::span<const Digest> leaves) {
  MerkleTree tree;
  for (const Digest& leaf : leaves) tree.append_leaf(leaf);
  return tree.root();
}

}  // namespace

Digest merkle_leaf(ByteView entry) {
  std::array<std::byte, 1 + kSmallEntry> small{kLeafPrefix};
  if (entry.size() <= kSmallEntry) {
    std::ranges::copy(entry, small.begin() + 1);
    return sha256(ByteView(small).first(1 + entry.size()));
  }
  Sha256 hasher;
  hasher.update(ByteView(small).first(1));
  hasher.update(entry);
  return hasher.finish();
}

std::vector<Digest> merkle_path(std::span<const Digest> leaves, std::size_t index) {
  std::vector<Digest> path;  // farthest first
  while (leaves.size() > 1) {
    const auto cut = static_cast<std::size_t>(cut_of(leaves.size()));
    const bool left = index < cut;
    path.push_back(root_of(left ? leaves.subspan(cut) : leaves.first(cut)));
    leaves = left ? leaves.first(cut) : leaves.subspan(cut);
    if (!left) index -= cut;
  }
  std::ranges::reverse(path);
  return path;
}

std::optional<Digest> root_by_path(const Digest& leaf, std::uint64_t index, std::uint64_t size,
                                   std::span<const Digest> path) {
  if (index >= size) return std::nullopt;
  std::vector<bool> on_left;  // at each cut from the root down
  for (; size > 1 && on_left.size() <= path.size();) {
    const std::uint64_t cut = cut_of(size);
    on_left.push_back(index < cut);
    size = index < cut ? cut : size - cut;
    if (!on_left.back()) index -= cut;
  }
  if (size != 1 || on_left.size() != path.size()) return std::nullopt;
  Digest hash = leaf;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool left = on_left[on_left.size() - 1 - i];
    hash = left ? node_hash(hash, path[i]) : node_hash(path[i], hash);
  }
  return hash;
}

// Like adding one to a binary number: two subtrees that are halves of one are carried into it.
void MerkleTree::append_node(Node node) {
  end_ += std::uint64_t{1} << node.level;
  while (!nodes_.empty() && nodes_.back().level == node.level &&
         end_ % (std::uint64_t{2} << node.level) == 0) {
    node = {.level = static_cast<std::uint8_t>(node.level + 1),
            .hash = node_hash(nodes_.back().hash, node.hash)};
    nodes_.pop_back();
  }
  nodes_.push_back(node);
}

void MerkleTree::append_leaf(const Digest& leaf) { append_node({.level = 0, .hash = leaf}); }

void MerkleTree::append(const Digest& record_hash) { append_leaf(merkle_leaf(record_hash.bytes)); }

// A row of neighbours on one level: what stands alone at either end goes up one by one, the pairs between
// them are a row of half the length on the level above.
void MerkleTree::append_nodes(std::uint8_t level, std::span<const Digest> hashes) {
  RTT_ASSERT(hashes.size() <= kAtOnce);
  const auto alone = [&](const Digest& hash) { append_node({.level = level, .hash = hash}); };
  if (!hashes.empty() && (end_ >> level) % 2 == 1) {
    alone(hashes.front());
    hashes = hashes.subspan(1);
  }
  const std::size_t pairs = hashes.size() / 2;
  if (pairs > 0) {
    std::array<NodeBytes, kAtOnce / 2> entries{};
    std::array<ByteView, kAtOnce / 2> messages;
    std::array<Digest, kAtOnce / 2> above;
    for (std::size_t i = 0; i < pairs; ++i) {
      entries[i] = node_bytes(hashes[2 * i], hashes[2 * i + 1]);
      messages[i] = entries[i];
    }
    const auto parents = std::span(above).first(pairs);
    sha256_many(std::span(messages).first(pairs), parents);
    append_nodes(static_cast<std::uint8_t>(level + 1), parents);
  }
  if (hashes.size() % 2 == 1) alone(hashes.back());
}

void MerkleTree::append(std::span<const Digest> record_hashes) {
  std::array<LeafBytes, kAtOnce> entries{};
  std::array<ByteView, kAtOnce> messages;
  std::array<Digest, kAtOnce> leaves;
  while (!record_hashes.empty()) {
    const std::size_t count = std::min(record_hashes.size(), kAtOnce);
    for (std::size_t i = 0; i < count; ++i) {
      entries[i][0] = kLeafPrefix;
      std::ranges::copy(record_hashes[i].bytes, entries[i].begin() + 1);
      messages[i] = entries[i];
    }
    const auto hashed = std::span(leaves).first(count);
    sha256_many(std::span(messages).first(count), hashed);
    append_nodes(0, hashed);
    record_hashes = record_hashes.subspan(count);
  }
}

void MerkleTree::append(const MerkleTree& next) {
  RTT_ASSERT(next.begin_ == end_);
  for (const Node& node : next.nodes_) append_node(node);
}

std::optional<MerkleTree> MerkleTree::from_hashes(std::uint64_t size, std::span<const Digest> hashes) {
  if (static_cast<std::size_t>(std::popcount(size)) != hashes.size()) return std::nullopt;
  MerkleTree tree;
  for (const Digest& hash : hashes) {
    const auto level = static_cast<std::uint8_t>(std::bit_width(size - tree.end_) - 1);
    tree.append_node({.level = level, .hash = hash});
  }
  return tree;
}

// The larger a full subtree, the further left it stands, so the smallest is folded in first.
Digest MerkleTree::root() const {
  RTT_ASSERT(begin_ == 0);
  if (nodes_.empty()) return sha256(ByteView());
  Digest right = nodes_.back().hash;
  for (std::size_t i = nodes_.size() - 1; i-- > 0;) right = node_hash(nodes_[i].hash, right);
  return right;
}

}  // namespace rtt::crypto
