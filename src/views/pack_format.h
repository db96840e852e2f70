// SPDX-License-Identifier: Apache-2.0
// The bytes of a view pack (docs/formats/view-pack.md), shared by who writes and who reads them.
//
// Sections follow each other in this order, their places computed from the counts in the header, so that
// there is no stored offset to be wrong: header, entries, roots, digests, blocks, names, data.
//
// Thread: any (constants and values).   Units: bytes, little-endian.   Fails: never.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/id.h"

namespace rtt::views::pack_format {

inline constexpr std::array<char, 8> kMagic{'R', 'T', 'T', 'V', 'I', 'E', 'W', '1'};
inline constexpr std::uint32_t kVersion = 1;

enum class Kind : std::uint8_t { kFolder = 0, kFile = 1, kProgram = 2 };

struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t block_bytes;  // unpacked, of every block but the last
  std::uint64_t file_bytes;
  std::int64_t time_s;  // what the files are dated
  std::uint32_t trees;
  std::uint32_t entries;
  std::uint32_t files;
  std::uint32_t blocks;
  std::uint64_t stream_bytes;  // all blocks unpacked
  std::uint32_t names_bytes;
  std::uint32_t index_crc;  // crc32c of all between the header and the data
  std::array<std::byte, 60> zeros;
  std::uint32_t crc;  // crc32c of the bytes before
};
static_assert(sizeof(Header) == 128 && offsetof(Header, file_bytes) == 16 && offsetof(Header, trees) == 32 &&
              offsetof(Header, stream_bytes) == 48 && offsetof(Header, names_bytes) == 56 &&
              offsetof(Header, index_crc) == 60 && offsetof(Header, crc) == 124);

struct Entry {
  std::uint32_t name_at;  // in names
  std::uint16_t name_bytes;
  Kind kind;
  std::uint8_t zero;
  std::uint32_t parent;
  std::uint32_t count;  // of a folder: its children; of a file: its bytes
  std::uint64_t at;     // of a folder: its first child; of a file: its first byte in the stream
  std::uint32_t extra;  // of a folder: how many of its children are folders; of a file: its digest
  std::uint32_t zero2;
};
static_assert(sizeof(Entry) == 32 && offsetof(Entry, kind) == 6 && offsetof(Entry, parent) == 8 &&
              offsetof(Entry, at) == 16 && offsetof(Entry, extra) == 24);
static_assert(sizeof(Digest) == 32);

// Where each section begins. Counts are 32 bits wide, so no sum here can overflow.
struct Places {
  std::uint64_t entries, roots, digests, blocks, names, data;
};
constexpr Places places_of(const Header& header) {
  Places at{};
  at.entries = sizeof(Header);
  at.roots = at.entries + std::uint64_t{header.entries} * sizeof(Entry);
  at.digests = at.roots + std::uint64_t{header.trees} * sizeof(Digest);
  at.blocks = at.digests + std::uint64_t{header.files} * sizeof(Digest);
  at.names = at.blocks + (std::uint64_t{header.blocks} + 1) * sizeof(std::uint64_t);
  at.data = at.names + header.names_bytes;
  return at;
}

}  // namespace rtt::views::pack_format
