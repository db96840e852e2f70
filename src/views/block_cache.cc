// SPDX-License-Identifier: Apache-2.0
#include "views/block_cache.h"

#include <fmt/format.h>
#include <zstd.h>

namespace rtt::views {

struct BlockCache::Unpacker {
  Unpacker() : context(ZSTD_createDCtx()) { RTT_ASSERT(context != nullptr); }
  ~Unpacker() { ZSTD_freeDCtx(context); }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  ZSTD_DCtx* context;
};

BlockCache::BlockCache(std::size_t blocks_max)
    : blocks_max_(blocks_max), unpacker_(std::make_unique<Unpacker>()) {
  RTT_ASSERT(blocks_max > 0);
}
BlockCache::~BlockCache() = default;

Result<BlockCache::Block> BlockCache::unpack(const Pack& pack, std::uint32_t block) {
  RTT_TRY_SET(const ByteView packed, pack.packed_block(block));
  std::string bytes(pack.block_size(block), '\0');
  const std::size_t got =
      ZSTD_decompressDCtx(unpacker_->context, bytes.data(), bytes.size(), packed.data(), packed.size());
  if (ZSTD_isError(got) != 0 || got != bytes.size())
    return std::unexpected(
        pack.damaged(fmt::format("block {} does not unpack ({})", block,
                                 ZSTD_isError(got) != 0 ? ZSTD_getErrorName(got) : "too short")));
  return std::make_shared<const std::string>(std::move(bytes));
}

Result<BlockCache::Block> BlockCache::get(std::uint32_t generation, const Pack& pack, std::uint32_t block) {
  const std::scoped_lock lock(mutex_);
  for (auto at = held_.begin(); at != held_.end(); ++at) {
    if (at->generation != generation || at->block != block) continue;
    held_.splice(held_.begin(), held_, at);
    return at->bytes;
  }
  if (held_.size() >= blocks_max_) held_.pop_back();
  RTT_TRY_SET(Block bytes, unpack(pack, block));
  held_.push_front({.generation = generation, .block = block, .bytes = bytes});
  return bytes;
}

void BlockCache::forget(std::uint32_t generation) {
  const std::scoped_lock lock(mutex_);
  held_.remove_if([&](const Held& held) { return held.generation == generation; });
}

Result<std::vector<StreamPart>> read_stream(const Pack& pack, BlockCache& cache, std::uint32_t generation,
                                            std::uint64_t at, std::size_t bytes) {
  std::vector<StreamPart> parts;
  while (bytes > 0) {
    const auto block = static_cast<std::uint32_t>(at / pack.block_bytes());
    const auto from = static_cast<std::size_t>(at % pack.block_bytes());
    RTT_TRY_SET(BlockCache::Block held, cache.get(generation, pack, block));
    RTT_ASSERT(from < held->size());
    const std::string_view part = std::string_view(*held).substr(from, bytes);
    parts.push_back({.block = std::move(held), .bytes = part});
    at += part.size();
    bytes -= part.size();
  }
  return parts;
}

Result<std::string> read_whole(const Pack& pack, BlockCache& cache, const Pack::Node& file) {
  RTT_TRY_SET(const auto parts, read_stream(pack, cache, 0, file.at, file.count));
  std::string bytes;
  bytes.reserve(file.count);
  for (const StreamPart& part : parts) bytes += part.bytes;
  return bytes;
}

}  // namespace rtt::views
