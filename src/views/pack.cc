// SPDX-License-Identifier: Apache-2.0
#include "views/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/crc32c.h"
#include "crypto/sha256.h"
#include "os/parallel.h"
#include "views/block_cache.h"

namespace rtt::views {
namespace {

using pack_format::Entry;
using pack_format::Header;

constexpr std::uint64_t kPackBytesMax = std::uint64_t{64} << 30;

template <typename Value>
Value load(ByteView bytes, std::uint64_t at) {
  RTT_ASSERT(at <= bytes.size() && sizeof(Value) <= bytes.size() - at);
  Value value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

}  // namespace

Error Pack::damaged(std::string_view why) const {
  return Error{.code = Code::kTampered,
               .message = fmt::format("not a view pack as RTT writes them: {}", why),
               .where = name_,
               .hint = "rtt apply writes it again"};
}

Result<Pack> Pack::open(const std::string& path) {
  Pack pack;
  RTT_TRY_SET(pack.file_, os::MappedFile::open(path, kPackBytesMax));
  pack.bytes_ = pack.file_.bytes();
  pack.name_ = path;
  RTT_TRY(pack.check_header());
  return pack;
}

Result<Pack> Pack::of(ByteView bytes, std::string name) {
  Pack pack;
  pack.bytes_ = bytes;
  pack.name_ = std::move(name);
  RTT_TRY(pack.check_header());
  return pack;
}

Status Pack::check_header() {
  if (bytes_.size() < sizeof(Header)) return std::unexpected(damaged("it is shorter than its header"));
  header_ = load<Header>(bytes_, 0);
  if (header_.magic != pack_format::kMagic) return std::unexpected(damaged("it does not begin as one"));
  if (header_.crc != crc32c(bytes_.first(offsetof(Header, crc))))
    return std::unexpected(damaged("its header has another checksum"));
  if (header_.version != pack_format::kVersion)
    return std::unexpected(damaged(fmt::format("its version is {}, known is 1", header_.version)));
  if (header_.file_bytes != bytes_.size()) {
    return std::unexpected(
        damaged(fmt::format("it has {} bytes where its header says {}", bytes_.size(), header_.file_bytes)));
  }
  const std::uint64_t block = header_.block_bytes;
  if (!std::has_single_bit(block) || block < kPackBlockBytesMin || block > kPackBlockBytesMax)
    return std::unexpected(damaged(fmt::format("blocks of {} bytes", block)));
  if (header_.entries == 0 || header_.entries > kPackEntriesMax || header_.files >= header_.entries ||
      header_.trees > kPackTreesMax || header_.trees >= header_.entries)
    return std::unexpected(damaged("its counts contradict each other"));
  if (std::ranges::any_of(header_.zeros, [](std::byte byte) { return byte != std::byte{0}; }))
    return std::unexpected(damaged("its header has something where nothing may be"));
  at_ = pack_format::places_of(header_);
  if (at_.data > bytes_.size()) return std::unexpected(damaged("its index is longer than the file"));
  if (header_.blocks != header_.stream_bytes / block + (header_.stream_bytes % block != 0 ? 1 : 0))
    return std::unexpected(damaged("it has another number of blocks than its bytes need"));
  RTT_TRY_SET(const Node top, node(0));
  if (top.kind != Kind::kFolder || top.parent != 0 || top.at != 1 || top.count != header_.trees ||
      top.folders != header_.trees)
    return std::unexpected(damaged("its first entry is not the folder of its trees"));
  return {};
}

Status Pack::check_folder(Index index, const Node& node) const {
  if (node.at <= index || node.at > header_.entries || node.count > header_.entries - node.at ||
      node.folders > node.count)
    return std::unexpected(damaged(fmt::format("entry {} has children where there are none", index)));
  return {};
}

Status Pack::check_file(const Node& node) const {
  if (node.count > kTreeFileBytesMax || node.at > header_.stream_bytes ||
      node.count > header_.stream_bytes - node.at || node.digest >= header_.files)
    return std::unexpected(damaged("a file lies beyond the blocks"));
  return {};
}

Result<Pack::Node> Pack::node(Index index) const {
  if (index >= header_.entries) return std::unexpected(damaged(fmt::format("there is no entry {}", index)));
  const auto entry = load<Entry>(bytes_, at_.entries + std::uint64_t{index} * sizeof(Entry));
  if (entry.name_at > header_.names_bytes || entry.name_bytes > header_.names_bytes - entry.name_at)
    return std::unexpected(damaged(fmt::format("the name of entry {} lies outside", index)));
  if (entry.zero != 0 || entry.zero2 != 0)
    return std::unexpected(damaged(fmt::format("entry {} has something where nothing may be", index)));
  Node node{.name = as_text(bytes_.subspan(at_.names + entry.name_at, entry.name_bytes)),
            .kind = entry.kind,
            .parent = entry.parent,
            .count = entry.count,
            .at = entry.at};
  if (index == 0 ? !node.name.empty() : !is_name(node.name))
    return std::unexpected(damaged(fmt::format("entry {} has no name that a file may have", index)));
  switch (entry.kind) {
    case Kind::kFolder:
      node.folders = entry.extra;
      RTT_TRY(check_folder(index, node));
      return node;
    case Kind::kFile:
    case Kind::kProgram:
      node.digest = entry.extra;
      RTT_TRY(check_file(node));
      return node;
  }
  return std::unexpected(damaged(fmt::format("entry {} is of an unknown kind", index)));
}

Result<Pack::Node> Pack::child(Index index, const Node& folder, std::uint32_t place) const {
  RTT_ASSERT(folder.kind == Kind::kFolder && place < folder.count);
  RTT_TRY_SET(const Node found, node(static_cast<Index>(folder.at + place)));
  if (found.parent != index)
    return std::unexpected(damaged(fmt::format("entry {} is in two folders", folder.at + place)));
  return found;
}

Result<std::optional<Pack::Index>> Pack::find(Index folder, std::string_view name) const {
  RTT_TRY_SET(const Node in, node(folder));
  if (in.kind != Kind::kFolder) return std::optional<Index>();
  std::uint32_t low = 0, high = in.count;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    RTT_TRY_SET(const Node at, child(folder, in, middle));
    if (at.name == name) return std::optional(static_cast<Index>(in.at + middle));
    at.name < name ? low = middle + 1 : high = middle;
  }
  return std::optional<Index>();
}

Result<Pack::Index> Pack::find_path(std::string_view path, Index from) const {
  Index at = from;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    RTT_TRY_SET(const auto found, find(at, path.substr(begin, end - begin)));
    if (!found) return fail(Code::kNotFound, fmt::format("the view has no {}", path), name_);
    at = *found;
    begin = end + 1;
  }
  return at;
}

Result<Digest> Pack::root(std::uint32_t tree) const {
  RTT_ASSERT(tree < header_.trees);
  return load<Digest>(bytes_, at_.roots + std::uint64_t{tree} * sizeof(Digest));
}

Result<Digest> Pack::digest(const Node& file) const {
  RTT_ASSERT(file.digest < header_.files);
  return load<Digest>(bytes_, at_.digests + std::uint64_t{file.digest} * sizeof(Digest));
}

Status Pack::check_index() const {
  if (crc32c(bytes_.subspan(sizeof(Header), at_.data - sizeof(Header))) != header_.index_crc)
    return std::unexpected(damaged("its index has another checksum"));
  return {};
}

std::size_t Pack::block_size(std::uint32_t block) const {
  RTT_ASSERT(block < header_.blocks);
  const std::uint64_t begin = std::uint64_t{block} * header_.block_bytes;
  return static_cast<std::size_t>(std::min<std::uint64_t>(header_.block_bytes, header_.stream_bytes - begin));
}

Result<ByteView> Pack::packed_block(std::uint32_t block) const {
  RTT_ASSERT(block < header_.blocks);
  const std::uint64_t entry = at_.blocks + std::uint64_t{block} * sizeof(std::uint64_t);
  const auto begin = load<std::uint64_t>(bytes_, entry);
  const auto end = load<std::uint64_t>(bytes_, entry + sizeof(std::uint64_t));
  if (begin > end || end > bytes_.size() - at_.data)
    return std::unexpected(damaged(fmt::format("block {} lies outside", block)));
  return bytes_.subspan(at_.data + begin, end - begin);
}

namespace {

// One tree's files, gathered folder by folder.
class Gathering {
 public:
  Gathering(const Pack& pack, BlockCache& cache) : pack_(pack), cache_(cache) {}

  struct Gathered {
    std::vector<TreeFile> files;  // sorted by path
    std::vector<Digest> digests;  // beside them, as the pack says and as they are
  };
  Result<Gathered> files_below(Pack::Index top) {
    std::vector<std::pair<Pack::Index, std::string>> folders{{top, ""}};
    while (!folders.empty()) {
      const auto [index, path] = std::move(folders.back());
      folders.pop_back();
      RTT_TRY_SET(const Pack::Node folder, pack_.node(index));
      std::string_view before;
      std::uint32_t subfolders = 0;
      for (std::uint32_t place = 0; place < folder.count; ++place) {
        RTT_TRY_SET(const Pack::Node node, pack_.child(index, folder, place));
        if (place > 0 && node.name <= before)
          return std::unexpected(pack_.damaged("the names of a folder are not in order"));
        before = node.name;
        ++entries_;
        std::string below = path.empty() ? std::string(node.name) : fmt::format("{}/{}", path, node.name);
        if (below.size() > kTreePathBytesMax)
          return std::unexpected(pack_.damaged("a path is longer than a view's may be"));
        if (node.kind == Pack::Kind::kFolder) {
          ++subfolders;
          folders.emplace_back(static_cast<Pack::Index>(folder.at + place), std::move(below));
          continue;
        }
        RTT_TRY(add_file(std::move(below), node));
      }
      if (subfolders != folder.folders)
        return std::unexpected(pack_.damaged("a folder counts its folders wrongly"));
    }
    return read();
  }
  [[nodiscard]] std::uint64_t entries() const { return entries_; }

 private:
  struct Found {
    std::string path;
    Pack::Node node;
  };

  Status add_file(std::string path, const Pack::Node& node) {
    bytes_ += node.count;
    if (bytes_ > kGatheredBytesMax)
      return std::unexpected(pack_.damaged("its files say they hold more than 2 GiB"));
    found_.push_back({.path = std::move(path), .node = node});
    return {};
  }

  Status read_one(Found& found, TreeFile& file, Digest& digest) {
    RTT_TRY_SET(file.bytes, read_whole(pack_, cache_, found.node));
    RTT_TRY_SET(digest, pack_.digest(found.node));
    file.executable = found.node.kind == Pack::Kind::kProgram;
    file.path = std::move(found.path);
    if (crypto::sha256(file.bytes) != digest)
      return std::unexpected(pack_.damaged(fmt::format("{} has another digest", file.path)));
    return {};
  }

  Result<Gathered> read() {
    std::ranges::sort(found_, {}, &Found::path);
    Gathered out{.files = std::vector<TreeFile>(found_.size()),
                 .digests = std::vector<Digest>(found_.size())};
    std::vector<Status> read(found_.size());
    os::in_parallel(found_.size(),
                    [&](std::size_t i) { read[i] = read_one(found_[i], out.files[i], out.digests[i]); });
    for (Status& one : read) RTT_TRY(std::move(one));
    return out;
  }

  static constexpr std::uint64_t kGatheredBytesMax = std::uint64_t{2}
                                                     << 30;  // one range may serve many files
  const Pack& pack_;
  BlockCache& cache_;
  std::vector<Found> found_;
  std::uint64_t entries_ = 0, bytes_ = 0;
};

Status check_root(const Pack& pack, std::uint32_t tree, const Tree& found) {
  RTT_TRY_SET(const Pack::Node top, pack.node(Pack::tree_entry(tree)));
  RTT_TRY_SET(const Digest root, pack.root(tree));
  if (root != found.root())
    return std::unexpected(pack.damaged(fmt::format("the tree {} has another root", top.name)));
  return {};
}

Result<Tree> read_counted(const Pack& pack, std::uint32_t tree, BlockCache& cache, std::uint64_t& entries) {
  Gathering gathering(pack, cache);
  RTT_TRY_SET(const Pack::Node folders, pack.node(0));
  RTT_TRY_SET(const Pack::Node top, pack.child(0, folders, tree));
  if (top.kind != Pack::Kind::kFolder) return std::unexpected(pack.damaged("a tree is not a folder"));
  RTT_TRY_SET(auto files, gathering.files_below(Pack::tree_entry(tree)));
  auto found = Tree::of(std::move(files.files), std::move(files.digests));
  if (!found) return std::unexpected(pack.damaged(found.error().message));
  RTT_TRY(check_root(pack, tree, *found));
  entries += 1 + gathering.entries();
  return found;
}

}  // namespace

Result<Tree> read_tree(const Pack& pack, std::uint32_t tree, BlockCache& cache) {
  RTT_ASSERT(tree < pack.trees());
  std::uint64_t entries = 0;
  return read_counted(pack, tree, cache, entries);
}

Result<Tree> read_tree(const Pack& pack, std::uint32_t tree) {
  BlockCache cache(BlockCache::kBlocksForWalks);
  return read_tree(pack, tree, cache);
}

Status verify(const Pack& pack) {
  RTT_TRY(pack.check_index());
  BlockCache cache(BlockCache::kBlocksForWalks);
  std::uint64_t entries = 1;
  std::string_view before;
  for (std::uint32_t tree = 0; tree < pack.trees(); ++tree) {
    RTT_TRY_SET(const Pack::Node top, pack.node(Pack::tree_entry(tree)));
    if (tree > 0 && top.name <= before) return std::unexpected(pack.damaged("its trees are not in order"));
    before = top.name;
    RTT_TRY(read_counted(pack, tree, cache, entries));
  }
  if (entries != pack.entries()) return std::unexpected(pack.damaged("it has entries that no tree holds"));
  return {};
}

}  // namespace rtt::views
