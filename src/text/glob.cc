// SPDX-License-Identifier: Apache-2.0
#include "text/glob.h"

namespace rtt::text {

// Only the last star is ever lengthened. That loses nothing: a star cannot pass `/`, so where a literal
// between two stars holds a `/` its place is fixed, and where it holds none, matching it later only leaves
// the next star less.
bool glob_match(std::string_view pattern, std::string_view text) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = kNone;  // the last star seen in the pattern
  std::size_t star_end = 0;  // where in the text what it matches ends
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != kNone && text[star_end] != '/') {
      t = ++star_end;
      p = star + 1;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace rtt::text
