// SPDX-License-Identifier: Apache-2.0
// BlockCache: the unpacked blocks of packs that were read last.
//
// The kernel keeps what it has read, so a block is wanted again only while its files are read for the first
// time; a few are enough. Whoever reads holds the block it reads from, so one that is pushed out stays whole.
//
// Owns: up to `blocks_max` blocks and the state of one decompressor.   Thread: any.   Units: bytes.
// Fails: kTampered (a block that does not unpack to what the pack says).   Limits: blocks_max.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "views/pack.h"

namespace rtt::views {

class BlockCache {
 public:
  static constexpr std::size_t kBlocksForWalks = 128;  // 8 MiB: 1,000 agents of five providers fit
  using Block = std::shared_ptr<const std::string>;    // the cache's and whoever reads from it

  explicit BlockCache(std::size_t blocks_max);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // `generation` tells packs apart: one number, one pack.
  Result<Block> get(std::uint32_t generation, const Pack& pack, std::uint32_t block);
  void forget(std::uint32_t generation);

 private:
  struct Held {
    std::uint32_t generation, block;
    Block bytes;
  };
  Result<Block> unpack(const Pack& pack, std::uint32_t block);

  std::mutex mutex_;
  std::list<Held> held_;  // the last used first
  std::size_t blocks_max_;
  struct Unpacker;
  std::unique_ptr<Unpacker> unpacker_;
};

// What lies at `at` of the stream: parts of as many blocks as it crosses.
struct StreamPart {
  BlockCache::Block block;
  std::string_view bytes;
};
// REQUIRES: the range was checked (Pack::node).
Result<std::vector<StreamPart>> read_stream(const Pack& pack, BlockCache& cache, std::uint32_t generation,
                                            std::uint64_t at, std::size_t bytes);
Result<std::string> read_whole(const Pack& pack, BlockCache& cache, const Pack::Node& file);

}  // namespace rtt::views
