// SPDX-License-Identifier: Apache-2.0
// Wildcards: `*` matches any bytes within one part, never `/`.
//
// No `?`, no classes, no backtracking blow-up (text × pattern steps at worst). `**` is two stars, so still
// one part.
//
// Thread: any.   Fails: never.
#pragma once

#include <string_view>

namespace rtt::text {

bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace rtt::text
