// SPDX-License-Identifier: Apache-2.0
// Writing packs: the trees of one generation to the bytes of docs/formats/view-pack.md.
//
// What is said of one agent to five providers differs little, so the files are laid out by item and not by
// provider: then their like parts fall into one block, and compress to little more than one of them. Equal
// files are stored once. The same trees, options and libzstd give the same bytes.
//
// Owns: nothing.   Thread: any.   Units: bytes.
// Fails: kLimit (kPackEntriesMax), kIo, kNoSpace, kPermission.   Limits: pack.h.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/result.h"
#include "views/pack.h"
#include "views/tree.h"

namespace rtt::views {

// What a file speaks of: files of one item lie side by side.
using ItemOf = std::function<std::string(std::string_view path)>;
// The name of the file without its endings; of the folder where that is in capitals (SKILL.md, AGENT.md).
std::string item_by_name(std::string_view path);

struct PackOptions {
  std::int64_t time_s = 0;                 // what the files are dated
  std::uint32_t block_bytes = 64U << 10U;  // a power of two, kPackBlockBytesMin to kPackBlockBytesMax
  ItemOf item = item_by_name;
};

Result<std::string> pack_trees(std::span<const NamedTree> trees, const PackOptions& options);
// Complete and durable, or not there (os::write_atomic); readable by its owner alone.
Status write_pack(const std::string& path, std::span<const NamedTree> trees, const PackOptions& options);

}  // namespace rtt::views
