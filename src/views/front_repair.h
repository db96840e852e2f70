// SPDX-License-Identifier: Apache-2.0
// Front matter that clients read and YAML readers do not: lines `key: text` whose text is not in quotes.
//
// Thread: any (pure).   Fails: never; what does not look like such a line stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace rtt::views {

// The text of the line `key: TEXT` in quotes, unless it is or it is a list.
std::string with_quoted_line(std::string_view front, std::string_view key);
// The text of every line that YAML would take apart or refuse: with `: ` in it, at its end, or a sign before.
std::string with_quoted_lines(std::string_view front);

}  // namespace rtt::views
