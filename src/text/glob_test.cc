// SPDX-License-Identifier: Apache-2.0
// Wildcards: examples, then agreement with the definition written as recursion, over every short pair.
#include "text/glob.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rtt::text {
namespace {

TEST(Glob, a_star_stays_within_its_part) {
  EXPECT_TRUE(glob_match("dev/*", "dev/x"));
  EXPECT_TRUE(glob_match("dev/*", "dev/"));
  EXPECT_FALSE(glob_match("dev/*", "dev/x/y"));
  EXPECT_FALSE(glob_match("*", "a/b"));
  EXPECT_FALSE(glob_match("**", "a/b"));
  EXPECT_TRUE(glob_match("**", "ab"));
  EXPECT_TRUE(glob_match("rtt://*/api/*@*", "rtt://core/api/metrics@1.2.0"));
  EXPECT_TRUE(glob_match("", ""));
  EXPECT_FALSE(glob_match("", "a"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_FALSE(glob_match("a?c", "abc"));
  EXPECT_FALSE(glob_match("[ab]", "a"));
}

bool defined(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] != '*') {
    return !text.empty() && pattern[0] == text[0] && defined(pattern.substr(1), text.substr(1));
  }
  return defined(pattern.substr(1), text) ||
         (!text.empty() && text[0] != '/' && defined(pattern, text.substr(1)));
}

std::vector<std::string> words(std::string_view letters, std::size_t length_max) {
  std::vector<std::string> out{""};
  for (std::size_t at = 0; at < out.size(); ++at) {
    if (out[at].size() == length_max) break;
    for (const char letter : letters) out.push_back(out[at] + letter);
  }
  return out;
}

TEST(Glob, equals_its_definition_on_every_short_pair) {
  const auto texts = words("ab/", 5);
  for (const std::string& pattern : words("ab/*", 5)) {
    for (const std::string& text : texts) {
      ASSERT_EQ(glob_match(pattern, text), defined(pattern, text)) << pattern << " on " << text;
    }
  }
}

// Backtracking over all stars would need longer than the universe has.
TEST(Glob, many_stars_do_not_blow_up) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(10'000, 'a')));
  EXPECT_TRUE(glob_match(pattern, std::string(10'000, 'a')));
}

}  // namespace
}  // namespace rtt::text
