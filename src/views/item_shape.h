// SPDX-License-Identifier: Apache-2.0
// Item shape: which members an item of each kind has, and what each of them is.
//
// One table for all that make items: files of a workspace, overlays, what is read back from a client's tree.
// So every encoder may rely on it.
//
// Thread: any (pure).   Fails: kUnknownKey, kBadShape, kTooLarge, the member named in the message.
// Limits: kInstructionsBytesMax.
#pragma once

#include "base/result.h"
#include "views/item.h"

namespace rtt::views {

inline constexpr std::size_t kInstructionsBytesMax = std::size_t{1} << 20;

Status check_shape(const Item& item);

}  // namespace rtt::views
