// SPDX-License-Identifier: Apache-2.0
// Result meta: one more member in the `_meta` of a result, every other byte of it as it was.
//
// Thread: any (pure).   Fails: never: a result that is no object, or whose `_meta` is none, stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace rtt::mcp {

// `result` is valid raw JSON; `member` is raw `"key":value`, of a key nobody else uses.
[[nodiscard]] std::string with_meta(std::string_view result, std::string_view member);

}  // namespace rtt::mcp
