// SPDX-License-Identifier: Apache-2.0
// Trees as an image of the kernel's read-only file system EROFS: what docs/formats/view-image.md says.
//
// mkfs.erofs would want the files on disk first (100,000 of them are 400 MB and seconds) and takes 5 s for
// them; written from memory it is one pass and the same bytes each time. Of the format only what views need
// is used: short inodes, uncompressed, the end of each file behind its inode where it fits. Files of equal
// bytes are one inode, so what five providers have alike lies there once.
//
// Owns: nothing.   Thread: any (pure).   Units: bytes.
// Fails: kLimit (kImageBytesMax), as sorted_by_name.   Limits: kImageBytesMax; those of Tree.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "views/tree.h"

namespace rtt::views {

inline constexpr std::uint64_t kImageBytesMax = std::uint64_t{4} << 30;

// Each tree in a folder of its name. `time_s`: what all of it is dated.
Result<std::string> erofs_image(std::span<const NamedTree> trees, std::int64_t time_s);

}  // namespace rtt::views
