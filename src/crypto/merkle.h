// SPDX-License-Identifier: Apache-2.0
// Merkle tree hash of RFC 6962 §2.1 over leaf hashes (leaf prefix 0x00, node prefix 0x01), kept
// incrementally: one digest per level, so appending a journal record costs at most log2(n) hashes and no
// history is kept in memory.
//
// A tree may stand for a part of the leaves, those from `begin` on: then it holds the roots of the full
// subtrees that the part covers, at most two a level. Neighbouring parts join to the same value as if their
// leaves had been appended one by one, so parts are computed by several threads, and a part whose leaves are
// gone still counts towards the root.
//
// Owns: at most 128 digests.   Thread: one.   Fails: never.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/id.h"

namespace rtt::crypto {

class MerkleTree {
 public:
  // The root of a full subtree: of the 2^level leaves from a multiple of 2^level on.
  struct Node {
    std::uint8_t level = 0;
    Digest hash;
    friend bool operator==(const Node&, const Node&) = default;
  };

  explicit MerkleTree(std::uint64_t begin = 0) : begin_(begin), end_(begin) {}
  // The tree of `size` leaves with these subtrees, as nodes() gave them; nothing if their number is another.
  static std::optional<MerkleTree> from_hashes(std::uint64_t size, std::span<const Digest> hashes);

  void append(const Digest& record_hash);  // leaf = SHA-256(0x00 || record_hash)
  // The same in their order, hashed side by side (sha256_many.h): half the time.
  void append(std::span<const Digest> record_hashes);
  void append_leaf(const Digest& leaf);  // a merkle_leaf()
  void append(const MerkleTree& next);   // REQUIRES: it begins where this ends
  [[nodiscard]] Digest root() const;     // of no leaves: SHA-256("")   REQUIRES: it begins at 0
  [[nodiscard]] std::uint64_t begin() const { return begin_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }
  [[nodiscard]] std::uint64_t size() const { return end_ - begin_; }
  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }  // from left to right

  friend bool operator==(const MerkleTree&, const MerkleTree&) = default;

 private:
  void append_node(Node node);
  void append_nodes(std::uint8_t level, std::span<const Digest> hashes);

  std::vector<Node> nodes_;
  std::uint64_t begin_ = 0, end_ = 0;
};

Digest merkle_leaf(ByteView entry);  // SHA-256(0x00 || entry)
// The audit path of leaf `index` (RFC 6962 §2.1.1), nearest first. REQUIRES: index < leaves.size().
std::vector<Digest> merkle_path(std::span<const Digest> leaves, std::size_t index);
// The root that `leaf` at `index` of `size` leaves and its path lead to; nothing if the path has another
// length.
std::optional<Digest> root_by_path(const Digest& leaf, std::uint64_t index, std::uint64_t size,
                                   std::span<const Digest> path);

}  // namespace rtt::crypto
