// SPDX-License-Identifier: Apache-2.0
// Whatever bytes stand in a pack: every question to it ends with an answer or an error, and one that verifies
// packs again to the same roots. As it came, and with its length and checksums made right, so that
// what lies behind them is reached.
#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "views/block_cache.h"
#include "views/pack.h"
#include "views/pack_write.h"

int fuzz_one(std::span<const std::byte> input);

namespace {

using namespace rtt;
using namespace rtt::views;

constexpr std::uint32_t kEntriesAsked = 4096;

void ask_everything(const Pack& pack) {
  BlockCache cache(2);
  for (Pack::Index index = 0; index < std::min(pack.entries(), kEntriesAsked); ++index) {
    const auto node = pack.node(index);
    if (!node) continue;
    if (node->kind != Pack::Kind::kFolder) {
      (void)pack.digest(*node);
      if (node->count < 65'536) (void)read_whole(pack, cache, *node);
      continue;
    }
    for (std::uint32_t place = 0; place < std::min(node->count, kEntriesAsked); ++place)
      (void)pack.child(index, *node, place);
    (void)pack.find(index, "agents");
  }
}

void judge(const Bytes& bytes) {
  const auto pack = Pack::of(bytes, "input");
  if (!pack) {
    RTT_ASSERT(pack.error().code == Code::kTampered);
    return;
  }
  ask_everything(*pack);
  const Status verified = verify(*pack);
  if (!verified) {
    RTT_ASSERT(verified.error().code == Code::kTampered);
    return;
  }
  std::vector<Tree> trees;
  std::vector<NamedTree> named;
  for (std::uint32_t i = 0; i < pack->trees(); ++i) trees.push_back(read_tree(*pack, i).value());
  for (std::uint32_t i = 0; i < pack->trees(); ++i)
    named.push_back({std::string(pack->node(Pack::tree_entry(i))->name), &trees[i]});
  const auto again = pack_trees(named, {.time_s = pack->time_s(), .block_bytes = pack->block_bytes()});
  if (!again) return;  // a provider may be called what no path of a view may hold
  const auto second = Pack::of(as_bytes(*again), "again");
  RTT_ASSERT(second.has_value() && verify(*second).has_value());
  for (std::uint32_t i = 0; i < pack->trees(); ++i) RTT_ASSERT(*second->root(i) == *pack->root(i));
}

}  // namespace

int fuzz_one(std::span<const std::byte> input) {
  Bytes bytes(input.begin(), input.end());
  judge(bytes);
  constexpr std::size_t kLength = offsetof(pack_format::Header, file_bytes);
  constexpr std::size_t kCrc = offsetof(pack_format::Header, crc);
  if (bytes.size() < sizeof(pack_format::Header)) return 0;
  store_le<std::uint64_t>(bytes, kLength, bytes.size());
  pack_format::Header header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::uint64_t data = std::min<std::uint64_t>(pack_format::places_of(header).data, bytes.size());
  store_le<std::uint32_t>(bytes, offsetof(pack_format::Header, index_crc),
                          crc32c(ByteView(bytes).first(data).subspan(sizeof header)));
  store_le<std::uint32_t>(bytes, kCrc, crc32c(ByteView(bytes).first(kCrc)));
  judge(bytes);
  return 0;
}
