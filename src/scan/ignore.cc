// SPDX-License-Identifier: Apache-2.0
#include "scan/ignore.h"

#include <algorithm>

#include "text/glob.h"

namespace rtt::scan {
namespace {

std::string_view plain(std::string_view pattern) {
  while (pattern.starts_with("./")) pattern.remove_prefix(2);
  while (pattern.starts_with("**/")) pattern.remove_prefix(3);
  while (pattern.ends_with('/')) pattern.remove_suffix(1);
  return pattern;
}

}  // namespace

IgnoreList::IgnoreList(const std::vector<std::string>& patterns) {
  for (const std::string& written : patterns) {
    const std::string_view pattern = plain(written);
    if (pattern.empty()) continue;
    if (pattern.contains('/')) {
      paths_.emplace_back(pattern);
    } else if (pattern.contains('*')) {
      names_.emplace_back(pattern);
    } else {
      literal_names_.emplace_back(pattern);
    }
  }
  std::ranges::sort(literal_names_);
}

bool IgnoreList::matches(std::string_view path, std::string_view name) const {
  if (std::ranges::binary_search(literal_names_, name, std::less<>{})) return true;
  for (const std::string& pattern : names_) {
    if (text::glob_match(pattern, name)) return true;
  }
  for (const std::string& pattern : paths_) {
    if (text::glob_match(pattern, path)) return true;
  }
  return false;
}

}  // namespace rtt::scan
