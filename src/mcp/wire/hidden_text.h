// SPDX-License-Identifier: Apache-2.0
// Which characters a reviewer cannot see: controls, bidi marks, tags, zero-width and filler characters.
//
// Emoji need two of them: U+FE0F after a pictograph and U+200D between two. Those pass there, and nowhere
// else. U+200C passes between letters of scripts that join (Persian, Indic). TAB, LF and CR pass.
//
// Thread: any (pure).   Fails: never.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace rtt::mcp {

// The first such character of valid UTF-8 `text`, or nothing.
std::optional<std::uint32_t> first_hidden(std::string_view text);

}  // namespace rtt::mcp
