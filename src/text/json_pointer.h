// SPDX-License-Identifier: Apache-2.0
// JSON pointers, RFC 6901: a path into a value, as text and as tokens.
//
// Thread: any (pure).   Fails: kBadShape (no `/` in front, `~` not followed by 0 or 1).   Limits: the text's.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/json.h"

namespace rtt::text {

using JsonPointer = std::vector<std::string>;  // decoded tokens; none = the whole value

Result<JsonPointer> parse_pointer(std::string_view pointer);
std::string to_pointer(std::span<const std::string> tokens);
// One token, decoded; nothing if `~` is followed by neither 0 nor 1.
std::optional<std::string> unescape_pointer(std::string_view token);
// The index that a token is: digits without a leading zero. Nothing for `-` and everything else.
std::optional<std::size_t> pointer_index(std::string_view token);
// What is there, or nullptr.
const Json* find_pointer(const Json& value, std::span<const std::string> tokens);
Json* find_pointer(Json& value, std::span<const std::string> tokens);

}  // namespace rtt::text
