// SPDX-License-Identifier: Apache-2.0
// Goal: the diff turns the text before into the text after, and says so in as few lines as there are changes.
#include "text/line_diff.h"

#include <gtest/gtest.h>

#include <random>

namespace rtt::text {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

TEST(LineDiff, is_what_diff_u_prints) {
  EXPECT_EQ(joined(line_diff({.before = "a\nb\nc\nd\ne\nf\ng\n", .after = "a\nb\nc\nX\ne\nf\ng\n"})),
            "@@ -1,7 +1,7 @@\n a\n b\n c\n-d\n+X\n e\n f\n g\n");
  EXPECT_EQ(joined(line_diff({.before = "", .after = "x\n"})), "@@ -0,0 +1,1 @@\n+x\n");
  EXPECT_EQ(joined(line_diff({.before = "x\n", .after = ""})), "@@ -1,1 +0,0 @@\n-x\n");
  EXPECT_TRUE(line_diff({.before = "x\n", .after = "x\n"}).empty());
  EXPECT_EQ(joined(line_diff(
                {.before = "k 1\n", .after = "k 2\n", .shown_before = "k …\n", .shown_after = "k …\n"})),
            "@@ -1,1 +1,1 @@\n-k …\n+k …\n");
}

// The lines after, made of the lines before and the diff.
std::string patched(const std::vector<std::string>& before, const std::vector<std::string>& diff) {
  std::string out;
  std::size_t at = 0;
  for (const std::string& line : diff) {
    if (line.starts_with("@@ -")) {
      std::size_t from = std::stoul(line.substr(4));
      const std::size_t count = std::stoul(line.substr(line.find(',') + 1));
      if (count > 0) --from;
      for (; at < from; ++at) out += before[at] + "\n";
    } else if (line[0] == '+') {
      out += line.substr(1) + "\n";
    } else {
      EXPECT_EQ(before.at(at), line.substr(1));
      if (line[0] == ' ') out += before[at] + "\n";
      ++at;
    }
  }
  for (; at < before.size(); ++at) out += before[at] + "\n";
  return out;
}

TEST(LineDiff, applied_to_the_one_gives_the_other) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> before, after;
    const std::size_t lines = round % 100 == 0 ? 1500 : 1 + random() % 40;
    const std::size_t kept = round % 100 == 0 ? 2 : 1 + random() % 12;
    for (std::size_t i = 0; i < lines; ++i)
      before.push_back(std::string(1, static_cast<char>('a' + random() % 4)));
    for (const std::string& line : before) {
      if (random() % kept != 0) after.push_back(line);
      if (random() % kept == 0) after.push_back(std::string(1, static_cast<char>('a' + random() % 6)));
    }
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    ASSERT_EQ(patched(before, line_diff({.before = joined(before), .after = joined(after)})), joined(after));
  }
}

}  // namespace
}  // namespace rtt::text
