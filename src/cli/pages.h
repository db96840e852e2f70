// SPDX-License-Identifier: Apache-2.0
// The texts built into the program: docs/cli/<verb>.md and share/completions (cmake/rtt_pages.cmake writes
// pages.cc).
//
// Thread: any (constants).   Fails: find_page: nothing for an unknown name.
#pragma once

#include <span>
#include <string_view>

namespace rtt::cli {

struct Page {
  std::string_view name;  // "plan", or "completion.bash"
  std::string_view text;
};

std::span<const Page> pages();
const Page* find_page(std::string_view name);
// "compare wanted and present wiring", from the page's first line "# rtt plan: …".
std::string_view title(const Page& page);
std::string_view version();

}  // namespace rtt::cli
