// SPDX-License-Identifier: Apache-2.0
#include "crypto/merkle.h"

#include "crypto/sha256.h"

namespace rtt::crypto {
namespace {

// The prefixes keep a node from being passed off as a leaf.
constexpr std::byte kLeafPrefix{0x00};
constexpr std::byte kNodePrefix{0x01};

Digest leaf_hash(const Digest& record_hash) {
  std::array<std::byte, 33> bytes{kLeafPrefix};
  std::copy(record_hash.bytes.begin(), record_hash.bytes.end(), bytes.begin() + 1);
  return sha256(bytes);
}

Digest node_hash(const Digest& left, const Digest& right) {
  std::array<std::byte, 65> bytes{kNodePrefix};
  std::copy(left.bytes.begin(), left.bytes.end(), bytes.begin() + 1);
  std::copy(right.bytes.begin(), right.bytes.end(), bytes.begin() + 33);
  return sha256(bytes);
}

}  // namespace

// Like adding one to a binary number: a level that is taken carries into the next.
void MerkleTree::append(const Digest& record_hash) {
  Digest carry = leaf_hash(record_hash);
  std::size_t level = 0;
  for (; level < levels_.size() && levels_[level]; ++level) {
    carry = node_hash(*levels_[level], carry);
    levels_[level].reset();
  }
  if (level == levels_.size()) levels_.emplace_back();
  levels_[level] = carry;
  ++size_;
}

// The larger a full subtree, the further left it stands, so the smallest is folded in first.
Digest MerkleTree::root() const {
  std::optional<Digest> right;
  for (const auto& level : levels_) {
    if (!level) continue;
    right = right ? node_hash(*level, *right) : *level;
  }
  return right ? *right : sha256(ByteView());
}

}  // namespace rtt::crypto
