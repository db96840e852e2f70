// SPDX-License-Identifier: Apache-2.0
// Merkle tree hash of RFC 6962 §2.1 over leaf hashes (leaf prefix 0x00, node prefix 0x01), kept
// incrementally: one digest per level, so appending a journal record costs at most log2(n) hashes and no
// history is kept in memory.
//
// Owns: at most 64 digests.   Thread: one.   Fails: never.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/id.h"

namespace rtt::crypto {

class MerkleTree {
 public:
  void append(const Digest& record_hash);  // leaf = SHA-256(0x00 || record_hash)
  void append_leaf(const Digest& leaf);    // a merkle_leaf()
  [[nodiscard]] Digest root() const;       // of no leaves: SHA-256("")
  [[nodiscard]] std::uint64_t size() const { return size_; }

  friend bool operator==(const MerkleTree&, const MerkleTree&) = default;

 private:
  std::vector<std::optional<Digest>> levels_;  // levels_[k]: root of a full subtree of 2^k leaves, if present
  std::uint64_t size_ = 0;
};

Digest merkle_leaf(ByteView entry);  // SHA-256(0x00 || entry)
// The audit path of leaf `index` (RFC 6962 §2.1.1), nearest first. REQUIRES: index < leaves.size().
std::vector<Digest> merkle_path(std::span<const Digest> leaves, std::size_t index);
// The root that `leaf` at `index` of `size` leaves and its path lead to; nothing if the path has another
// length.
std::optional<Digest> root_by_path(const Digest& leaf, std::uint64_t index, std::uint64_t size,
                                   std::span<const Digest> path);

}  // namespace rtt::crypto
