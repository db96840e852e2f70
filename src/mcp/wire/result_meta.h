// SPDX-License-Identifier: Apache-2.0
// Result meta: a member of RTT's own in the `_meta` of a result, every other byte of it as it was.
//
// A server cannot speak for RTT: what it says itself under that key, however the key is spelled, is dropped.
// Where
// `_meta` stands more than once only the last stays, which is the one that most readers take.
//
// Thread: any (pure).   Fails: never: a result that is no object, or whose `_meta` is none, stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace rtt::mcp {

// `result` is valid raw JSON, `key` needs no escapes, `value` is raw JSON; empty: the key is only dropped.
[[nodiscard]] std::string with_meta(std::string_view result, std::string_view key, std::string_view value);

}  // namespace rtt::mcp
