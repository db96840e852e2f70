// SPDX-License-Identifier: Apache-2.0
// Pack: one generation of views in one immutable file: an index that is used where it lies in memory, and the
// files' bytes in compressed blocks (docs/formats/view-pack.md).
//
// A pack holds one tree a provider, each a folder of that name at the top. Opening maps the file and checks
// the header, whatever the pack's size; everything else is checked when it is used, so that a pack that was
// cut, rotted or made by somebody else is an error and never a read outside of it. Links between entries only
// lead forward and a child must name its folder, so no pack leads in circles or shows one entry twice.
//
// Owns: the mapping (open) or nothing (of).   Thread: any (const).   Units: bytes.
// Fails: kTampered (not what a pack may be, or not what its digests say), kNotFound, kIo.
// Limits: kPackTreesMax, kPackBlockBytesMax; those of tree.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "os/mapped_file.h"
#include "views/pack_format.h"
#include "views/tree.h"

namespace rtt::views {

inline constexpr std::size_t kPackTreesMax = kNamedTreesMax;
inline constexpr std::size_t kPackBlockBytesMin = std::size_t{4} << 10;
inline constexpr std::size_t kPackBlockBytesMax = std::size_t{1} << 20;
inline constexpr std::uint32_t kPackEntriesMax = 8'000'000;  // files and their folders

class BlockCache;

class Pack {
 public:
  using Kind = pack_format::Kind;
  using Index = std::uint32_t;  // of an entry; 0 is the folder of the trees

  struct Node {
    std::string_view name;  // in the pack
    Kind kind = Kind::kFolder;
    Index parent = 0;
    std::uint32_t count = 0;    // children, or bytes
    std::uint64_t at = 0;       // first child, or first byte in the stream
    std::uint32_t folders = 0;  // of the children
    std::uint32_t digest = 0;   // its number, of a file
  };

  static Result<Pack> open(const std::string& path);
  static Result<Pack> of(ByteView bytes, std::string name);  // which must outlive it

  [[nodiscard]] std::int64_t time_s() const { return header_.time_s; }
  [[nodiscard]] std::uint32_t trees() const { return header_.trees; }
  [[nodiscard]] std::uint32_t entries() const { return header_.entries; }
  [[nodiscard]] std::uint32_t block_bytes() const { return header_.block_bytes; }
  [[nodiscard]] std::uint32_t blocks() const { return header_.blocks; }
  static Index tree_entry(std::uint32_t tree) { return 1 + tree; }

  [[nodiscard]] Result<Digest> root(std::uint32_t tree) const;
  [[nodiscard]] Result<Digest> digest(const Node& file) const;
  [[nodiscard]] Result<Node> node(Index index) const;
  // REQUIRES: `folder` is the node of `index`, `place` < folder.count.
  [[nodiscard]] Result<Node> child(Index index, const Node& folder, std::uint32_t place) const;
  [[nodiscard]] Result<std::optional<Index>> find(Index folder, std::string_view name) const;
  // From the folder of the trees, or another; kNotFound.
  [[nodiscard]] Result<Index> find_path(std::string_view path, Index from = 0) const;

  [[nodiscard]] Status check_index() const;  // reads all of it
  // What block `block` unpacks to: block_bytes(), of the last one what is left.
  [[nodiscard]] std::size_t block_size(std::uint32_t block) const;
  [[nodiscard]] Result<ByteView> packed_block(std::uint32_t block) const;

  [[nodiscard]] Error damaged(std::string_view why) const;

 private:
  Pack() = default;
  [[nodiscard]] Status check_header();
  [[nodiscard]] Status check_file(const Node& node) const;
  [[nodiscard]] Status check_folder(Index index, const Node& node) const;

  os::MappedFile file_;
  ByteView bytes_;
  std::string name_;
  pack_format::Header header_{};
  pack_format::Places at_{};
};

// A tree as it was packed, every digest and the root computed again and found right.
// `cache`, of this pack alone, keeps the blocks for the next tree: all trees lie in the same ones.
Result<Tree> read_tree(const Pack& pack, std::uint32_t tree, BlockCache& cache);
Result<Tree> read_tree(const Pack& pack, std::uint32_t tree);
// All of them, and that nothing else is in the pack.
Status verify(const Pack& pack);

}  // namespace rtt::views
