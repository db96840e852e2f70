// SPDX-License-Identifier: Apache-2.0
// Wildcards: `*` matches any bytes within one part, never `/`. No `?`, no classes, no backtracking blow-up
// (linear in text × stars). `**` is two stars, so still one part.
#pragma once

#include <string_view>

namespace rtt::text {

bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace rtt::text
