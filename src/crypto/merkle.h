// SPDX-License-Identifier: Apache-2.0
// Merkle tree hash of RFC 6962 §2.1 over leaf hashes (leaf prefix 0x00, node prefix 0x01), kept
// incrementally: one digest per level, so appending a journal record costs at most log2(n) hashes and no
// history is kept in memory.
//
// Owns: at most 64 digests.   Thread: one.   Fails: never.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/id.h"

namespace rtt::crypto {

class MerkleTree {
 public:
  void append(const Digest& record_hash);  // leaf = SHA-256(0x00 || record_hash)
  [[nodiscard]] Digest root() const;       // of no leaves: SHA-256("")
  [[nodiscard]] std::uint64_t size() const { return size_; }

  friend bool operator==(const MerkleTree&, const MerkleTree&) = default;

 private:
  std::vector<std::optional<Digest>> levels_;  // levels_[k]: root of a full subtree of 2^k leaves, if present
  std::uint64_t size_ = 0;
};

}  // namespace rtt::crypto
