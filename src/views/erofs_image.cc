// SPDX-License-Identifier: Apache-2.0
#include "views/erofs_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string_view>
#include <vector>

#include "base/crc32c.h"

namespace rtt::views {
namespace {

constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kSlot = 32;  // inodes are numbered by the slots before them
constexpr std::uint32_t kLinksMax = 65'535;
constexpr std::size_t kDirentBytes = 12;

struct SuperBlock {
  std::uint32_t magic = 0xE0F5E1E2;
  std::uint32_t checksum = 0;
  std::uint32_t features = 1;  // it has a checksum
  std::uint8_t block_bits = 12;
  std::uint8_t extra_slots = 0;
  std::uint16_t root = 0;
  std::uint64_t inodes = 0;
  std::uint64_t time_s = 0;  // of every inode
  std::uint32_t time_ns = 0;
  std::uint32_t blocks = 0;
  std::uint32_t inodes_at = 0;  // in blocks
  std::uint32_t attributes_at = 0;
  std::array<std::byte, 16> uuid{};
  std::array<char, 16> volume{'r', 't', 't', '-', 'v', 'i', 'e', 'w', 's'};
  std::uint32_t needed_features = 0;
  std::array<std::byte, 44> zeros{};
};
constexpr std::uint64_t kSuperBlockAt = 1024;
static_assert(sizeof(SuperBlock) == 128 && offsetof(SuperBlock, root) == 14 &&
              offsetof(SuperBlock, inodes) == 16 && offsetof(SuperBlock, blocks) == 36 &&
              offsetof(SuperBlock, uuid) == 48 && offsetof(SuperBlock, needed_features) == 80);

struct DiskInode {
  std::uint16_t format = 0;  // bits 1 to 3: where the bytes are
  std::uint16_t attributes = 0;
  std::uint16_t mode = 0;
  std::uint16_t links = 0;
  std::uint32_t bytes = 0;
  std::uint32_t zero = 0;
  std::uint32_t block = 0;   // of the first whole one
  std::uint32_t number = 0;  // for stat(2) where a machine has 32 bits for it
  std::uint16_t uid = 0, gid = 0;
  std::uint32_t zero2 = 0;
};
static_assert(sizeof(DiskInode) == 32 && offsetof(DiskInode, block) == 16);
constexpr std::uint16_t kInBlocks = 0 << 1, kEndBehindInode = 2 << 1;

struct Member {
  std::string_view name;
  std::uint32_t inode = 0;
};
struct Inode {
  bool folder = false, executable = false;
  std::uint32_t links = 0;
  std::string_view bytes{};       // of a file
  std::vector<Member> members{};  // of a folder; `.` and `..` among them

  std::uint64_t size = 0, at = 0, behind = 0;  // behind: bytes that follow the inode
  std::uint32_t block = 0;
};

std::uint64_t rounded(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

class Image {
 public:
  void add(const NamedTree& tree) {
    if (inodes_.empty()) add_folder(0);
    const std::uint32_t top = enter(0, tree.name);
    for (std::size_t i = 0; i < tree.tree->files().size(); ++i)
      add_file(top, tree.tree->files()[i], tree.tree->digests()[i]);
  }
  Result<std::string> bytes(std::int64_t time_s);

 private:
  std::uint32_t add_folder(std::uint32_t in);
  std::uint32_t enter(std::uint32_t in, std::string_view name);
  void add_file(std::uint32_t in, const TreeFile& file, const Digest& digest);
  [[nodiscard]] std::string listing(const Inode& folder) const;
  void place();
  [[nodiscard]] DiskInode on_disk(std::size_t number) const;

  std::vector<Inode> inodes_;  // the first is the top
  std::map<std::pair<Digest, bool>, std::uint32_t> files_;
  std::uint64_t blocks_ = 0;
};

std::uint32_t Image::add_folder(std::uint32_t in) {
  const auto number = static_cast<std::uint32_t>(inodes_.size());
  inodes_.push_back({.folder = true, .links = 2, .members = {{".", number}, {"..", in}}});
  if (number != in) ++inodes_[in].links;
  return number;
}

// Paths come sorted by their bytes, so all below a folder follow each other and the last one made is the one
// meant.
std::uint32_t Image::enter(std::uint32_t in, std::string_view name) {
  const Member last = inodes_[in].members.back();
  if (last.name == name && inodes_[last.inode].folder) return last.inode;
  const std::uint32_t made = add_folder(in);
  inodes_[in].members.push_back({name, made});
  return made;
}

void Image::add_file(std::uint32_t in, const TreeFile& file, const Digest& digest) {
  std::string_view rest = file.path;
  for (std::size_t slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    in = enter(in, rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
  }
  std::uint32_t& known = files_[{digest, file.executable}];
  if (known == 0 || inodes_[known].links == kLinksMax) {
    known = static_cast<std::uint32_t>(inodes_.size());
    inodes_.push_back({.executable = file.executable, .bytes = file.bytes});
  }
  ++inodes_[known].links;
  inodes_[in].members.push_back({rest, known});
}

// Blocks of entries, each with its own names behind them, sorted through all of it.
std::string Image::listing(const Inode& folder) const {
  std::string out;
  for (std::size_t first = 0; first < folder.members.size();) {
    std::size_t end = first, bytes = 0;
    while (end < folder.members.size() && bytes + kDirentBytes + folder.members[end].name.size() <= kBlock)
      bytes += kDirentBytes + folder.members[end++].name.size();
    out.resize(rounded(out.size(), kBlock));
    const std::size_t begin = out.size();
    std::size_t name_at = (end - first) * kDirentBytes;
    out.resize(begin + name_at);
    for (std::size_t i = first; i < end; ++i) {
      const Member& member = folder.members[i];
      const Inode& inode = inodes_[member.inode];
      const MutableBytes dirent =
          std::as_writable_bytes(std::span(out)).subspan(begin + (i - first) * kDirentBytes);
      store_le<std::uint64_t>(dirent, 0, inode.at / kSlot);
      store_le<std::uint16_t>(dirent, 8, static_cast<std::uint16_t>(name_at));
      store_le<std::uint8_t>(dirent, 10, inode.folder ? 2 : 1);
      out += member.name;
      name_at += member.name.size();
    }
    first = end;
  }
  return out;
}

// Inodes and what follows them first, in the order in which a walk meets them, then whole blocks.
void Image::place() {
  std::uint64_t at = kSuperBlockAt + sizeof(SuperBlock);
  for (Inode& inode : inodes_) {
    std::ranges::sort(inode.members, {}, &Member::name);
    inode.size = inode.folder ? listing(inode).size() : inode.bytes.size();
    const std::uint64_t end = inode.size % kBlock;
    if (sizeof(DiskInode) + end <= kBlock) inode.behind = end;
    const std::uint64_t needed = sizeof(DiskInode) + inode.behind;
    if (at % kBlock + needed > kBlock) at = rounded(at, kBlock);
    inode.at = at;
    at = rounded(at + needed, kSlot);
  }
  blocks_ = rounded(at, kBlock) / kBlock;
  for (Inode& inode : inodes_) {
    const std::uint64_t whole = rounded(inode.size - inode.behind, kBlock) / kBlock;
    if (whole == 0) continue;
    inode.block = static_cast<std::uint32_t>(blocks_);
    blocks_ += whole;
  }
}

DiskInode Image::on_disk(std::size_t number) const {
  const Inode& inode = inodes_[number];
  const std::uint16_t mode = inode.folder ? 0040755 : inode.executable ? 0100755 : 0100644;
  return {.format = inode.behind > 0 ? kEndBehindInode : kInBlocks,
          .mode = mode,
          // Programs that count the folders in a folder by its links take one as "not told".
          .links = static_cast<std::uint16_t>(inode.links > kLinksMax ? 1 : inode.links),
          .bytes = static_cast<std::uint32_t>(inode.size),
          .block = inode.block,
          .number = static_cast<std::uint32_t>(number + 1)};
}

Result<std::string> Image::bytes(std::int64_t time_s) {
  if (inodes_.empty()) add_folder(0);
  place();
  if (blocks_ * kBlock > kImageBytesMax)
    return fail(Code::kLimit,
                fmt::format("an image of {} bytes; {} are the most", blocks_ * kBlock, kImageBytesMax));
  std::string out(blocks_ * kBlock, '\0');
  const auto put = [&](std::uint64_t at, std::string_view bytes) {
    std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(at));
  };
  for (std::size_t i = 0; i < inodes_.size(); ++i) {
    const Inode& inode = inodes_[i];
    const DiskInode disk = on_disk(i);
    const std::string listed = inode.folder ? listing(inode) : std::string();
    const std::string_view all = inode.folder ? std::string_view(listed) : inode.bytes;
    put(inode.at, as_text(std::as_bytes(std::span(&disk, 1))));
    put(inode.at + sizeof disk, all.substr(all.size() - inode.behind));
    put(inode.block * kBlock,
        inode.block == 0 ? std::string_view() : all.substr(0, all.size() - inode.behind));
  }
  SuperBlock super;
  super.root = static_cast<std::uint16_t>(inodes_.front().at / kSlot);
  super.inodes = inodes_.size();
  super.time_s = static_cast<std::uint64_t>(time_s);
  super.blocks = static_cast<std::uint32_t>(blocks_);
  put(kSuperBlockAt, as_text(std::as_bytes(std::span(&super, 1))));
  // Over the rest of the first block, this field zero, without the last inversion that crc32c ends with.
  super.checksum = ~crc32c(as_bytes(out).subspan(kSuperBlockAt, kBlock - kSuperBlockAt));
  put(kSuperBlockAt, as_text(std::as_bytes(std::span(&super, 1))));
  return out;
}

}  // namespace

Result<std::string> erofs_image(std::span<const NamedTree> trees, std::int64_t time_s) {
  RTT_TRY_SET(const std::vector<NamedTree> sorted, sorted_by_name(trees));
  Image image;
  for (const NamedTree& tree : sorted) image.add(tree);
  return image.bytes(time_s);
}

}  // namespace rtt::views
