// SPDX-License-Identifier: Apache-2.0
// decode: one provider's native files as items; the way back of encode().
//
// decode(encode(items)) has every member that was no loss. A key an item has no member for, and a value it
// cannot say, is kept as it was written in `native.PROVIDER`, so encode(decode(files)) has every key again.
// Files are strangers': what cannot be read is a problem and the rest goes on. Values of MCP entries may be
// secrets, so no message repeats one.
//
// Thread: any (pure).   Fails: never; see Decoded::problems.
// Limits: kPromptBytesMax a file of a text, kClientConfigBytesMax one of servers, kItemsMax items,
// kDecodeProblemsMax problems.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "views/encode.h"

namespace rtt::views {

inline constexpr std::size_t kDecodeProblemsMax = 1'000;

struct DecodeProblem {
  enum class Weight : std::uint8_t {
    kNote,     // read, but the user may want to know
    kLeftOut,  // the item or file is not read
  };
  std::string file;
  std::uint32_t line = 0;  // 0 = the whole file
  Weight weight = Weight::kLeftOut;
  std::string why;
  std::string hint;  // what to do; may be empty
  friend bool operator==(const DecodeProblem&, const DecodeProblem&) = default;
};
struct Decoded {
  std::vector<Item> items;                      // sorted by kind and name
  std::vector<std::vector<std::string>> files;  // beside items: the paths each was read from
  std::vector<DecodeProblem> problems;
};
// Files that are none of this provider's are passed over.
Decoded decode(const Provider& provider, std::span<const TreeFile> files);
// Whether decode would look at a file of this path, or at one below this folder: for a walk that reads no
// others.
[[nodiscard]] bool reads(const Provider& provider, std::string_view path);
[[nodiscard]] bool reads_below(const Provider& provider, std::string_view folder);

}  // namespace rtt::views
