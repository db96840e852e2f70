// SPDX-License-Identifier: Apache-2.0
// Versions and ranges agree with the published vectors, with the specification's own lists, and with brute
// force.
#include "model/semver.h"

#include <gtest/gtest.h>

#include <bitset>
#include <sstream>

#include "model/random_for_test.h"
#include "model/semver_vectors.h"

namespace rtt::model {
namespace {

Range range(std::string_view text) {
  auto parsed = parse_range(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Range();
}
Version version(std::string_view text) {
  auto parsed = parse_version(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Version();
}
std::vector<std::string> words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> out;
  for (std::string word; stream >> word;) out.push_back(word);
  return out;
}

TEST(Semver, node_ranges_hold_what_is_published) {
  for (const auto& fact : vectors::kRanges) {
    for (const auto& one : words(fact.inside))
      EXPECT_TRUE(range(fact.range).contains(version(one))) << fact.range << " " << one;
    for (const auto& one : words(fact.outside))
      EXPECT_FALSE(range(fact.range).contains(version(one))) << fact.range << " " << one;
  }
}

TEST(Semver, node_ranges_desugar_as_published) {
  for (const auto& same : vectors::kDesugared)
    EXPECT_EQ(range(same.range).sets(), range(same.desugared).sets()) << same.range;
}

TEST(Semver, node_comparisons) {
  for (const auto& pair : vectors::kComparisons) {
    EXPECT_TRUE(precedence(version(pair.greater), version(pair.less)) > 0)
        << pair.greater << " > " << pair.less;
    EXPECT_TRUE(precedence(version(pair.less), version(pair.greater)) < 0)
        << pair.greater << " > " << pair.less;
    EXPECT_TRUE(precedence(version(pair.less), version(pair.less)) == 0);
  }
  EXPECT_TRUE(precedence(version("1.2.3-beta+build"), version("1.2.3-beta+otherbuild")) == 0);
  EXPECT_TRUE(precedence(version("1.2.3+build"), version("1.2.3+otherbuild")) == 0);
}

TEST(Semver, node_intersections) {
  for (const auto& pair : vectors::kMeetings) {
    EXPECT_EQ(ranges_meet({range(pair.a), range(pair.b)}), pair.meet) << pair.a << " with " << pair.b;
    EXPECT_EQ(ranges_meet({range(pair.b), range(pair.a)}), pair.meet) << pair.b << " with " << pair.a;
  }
}

// The lists the SemVer specification links for testing expressions.
TEST(Semver, specification_valid) {
  for (const char* text : {"0.0.4",
                           "1.2.3",
                           "10.20.30",
                           "1.1.2-prerelease+meta",
                           "1.1.2+meta",
                           "1.1.2+meta-valid",
                           "1.0.0-alpha",
                           "1.0.0-beta",
                           "1.0.0-alpha.beta",
                           "1.0.0-alpha.beta.1",
                           "1.0.0-alpha.1",
                           "1.0.0-alpha0.valid",
                           "1.0.0-alpha.0valid",
                           "1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay",
                           "1.0.0-rc.1+build.1",
                           "2.0.0-rc.1+build.123",
                           "1.2.3-beta",
                           "10.2.3-DEV-SNAPSHOT",
                           "1.2.3-SNAPSHOT-123",
                           "1.0.0",
                           "2.0.0",
                           "1.1.7",
                           "2.0.0+build.1848",
                           "2.0.1-alpha.1227",
                           "1.0.0-alpha+beta",
                           "1.2.3----RC-SNAPSHOT.12.9.1--.12+788",
                           "1.2.3----R-S.12.9.1--.12+meta",
                           "1.2.3----RC-SNAPSHOT.12.9.1--.12",
                           "1.0.0+0.build.1-rc.10000aaa-kk-0.1",
                           "1.0.0-0A.is.legal",
                           "9007199254740991.0.9007199254740991"}) {
    const auto parsed = parse_version(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(to_string(*parsed), text);
  }
}

TEST(Semver, specification_invalid) {
  for (const char* text : {"",
                           "1",
                           "1.2",
                           "1.2.3-0123",
                           "1.2.3-0123.0123",
                           "1.1.2+.123",
                           "+invalid",
                           "-invalid",
                           "-invalid+invalid",
                           "alpha",
                           "alpha.beta",
                           "alpha.beta.1",
                           "alpha.1",
                           "alpha+beta",
                           "alpha_beta",
                           "alpha.",
                           "alpha..",
                           "beta",
                           "1.0.0-alpha_beta",
                           "-alpha.",
                           "1.0.0-alpha..",
                           "1.0.0-alpha..1",
                           "1.0.0-alpha...1",
                           "01.1.1",
                           "1.01.1",
                           "1.1.01",
                           "1.2.3.DEV",
                           "1.2-SNAPSHOT",
                           "1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788",
                           "1.2-RC-SNAPSHOT",
                           "-1.0.3-gamma+b7718",
                           "+justmeta",
                           "9.8.7+meta+meta",
                           "9.8.7-whatever+meta+meta",
                           "v1.2.3",
                           " 1.2.3",
                           "1.2.3 ",
                           "=1.2.3",
                           "9007199254740992.0.0",
                           "0.99999999999999999999.0",
                           "1.0.0-",
                           "1.0.0+",
                           "1.0.0-\xc3\xa9"}) {
    const auto parsed = parse_version(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::kBadVersion);
    EXPECT_FALSE(parsed.error().hint.empty());
  }
  EXPECT_FALSE(parse_version("1.0.0-" + std::string(300, 'a')));
}

TEST(Semver, numbers_beyond_64_bits_compare_by_size) {
  EXPECT_TRUE(precedence(version("1.0.0-9"), version("1.0.0-99999999999999999999999")) < 0);
  EXPECT_TRUE(precedence(version("1.0.0-99999999999999999999998"), version("1.0.0-99999999999999999999999")) <
              0);
}

TEST(Semver, ranges_that_are_none) {
  for (const char* text : {">01.02.03",
                           "~1.2.3beta",
                           "1.2.3.4",
                           "a",
                           "^",
                           "~>",
                           ">=",
                           "1 -2",
                           "1- 2",
                           "1 - 2 3",
                           "1 - 2 - 3",
                           "*.1",
                           "1.x.3",
                           "^*.1",
                           "==1.2.3",
                           "^=1.2.3",
                           "vv1",
                           "1.2.3-",
                           "1.2.3-01",
                           "1|2",
                           "1 ||| 2",
                           "1,2",
                           "latest",
                           "9007199254740992",
                           "^9007199254740991",
                           "~1.9007199254740991.0",
                           "1\n2",
                           "1.2.3 #x"}) {
    const auto parsed = parse_range(text);
    ASSERT_FALSE(parsed) << text << " read as " << parsed->text();
    EXPECT_EQ(parsed.error().code, Code::kBadVersion);
  }
  EXPECT_FALSE(parse_range(std::string(300, ' ')));
  EXPECT_FALSE(
      parse_range("^0" + std::string(150, '|')));  // its canonical text would be too long to read back
}

TEST(Semver, canonical_range_text) {
  EXPECT_EQ(range("").text(), "*");
  EXPECT_EQ(range(" 1.2.0 ").text(), "1.2.0");
  EXPECT_EQ(range(">= 1.2   < 2.0").text(), ">=1.2 <2.0");
  EXPECT_EQ(range("1.x||2.x").text(), "1.x || 2.x");
  EXPECT_EQ(range("||").text(), "* || *");
  EXPECT_EQ(range("1.0\t-   2").text(), "1.0 - 2");
  EXPECT_EQ(range("~> 1").text(), "~>1");
  EXPECT_TRUE(range(">=0.0.0").is_any());
  EXPECT_TRUE(range("1 || *").is_any());
  EXPECT_FALSE(range("0").is_any());
  EXPECT_TRUE(exactly(version("1.2.3-a+b")).contains(version("1.2.3-a")));
  EXPECT_FALSE(exactly(version("1.2.3")).contains(version("1.2.4")));
}

// Ranges drawn from numbers 0 to 2 and prereleases 0, a, b cannot tell versions outside this grid apart.
constexpr int kSide = 5;
const std::vector<std::vector<std::string>> kPres{{},         {"0"}, {"0", "0"}, {"a"},
                                                  {"a", "0"}, {"b"}, {"b", "0"}};
using Members = std::bitset<kSide * kSide * kSide * 7>;

Members members(const Range& one) {
  Members out;
  std::size_t bit = 0;
  for (std::uint64_t major = 0; major < kSide; ++major) {
    for (std::uint64_t minor = 0; minor < kSide; ++minor) {
      for (std::uint64_t patch = 0; patch < kSide; ++patch) {
        for (const auto& pre : kPres) {
          out[bit++] =
              one.contains(Version{.major = major, .minor = minor, .patch = patch, .prerelease = pre});
        }
      }
    }
  }
  return out;
}

std::string random_partial(TestRandom& random) {
  const auto number = [&] { return std::string(random.pick({"0", "1", "2"})); };
  switch (random.below(6)) {
    case 0:
      return number();
    case 1:
      return number() + "." + number();
    case 2:
      return std::string(random.pick({"*", "1.x", "x", "2.x.x"}));
    default:
      return number() + "." + number() + "." + number() +
             std::string(random.pick({"", "", "-0", "-a", "-b"}));
  }
}

std::string random_range(TestRandom& random) {
  std::string text;
  const std::size_t alternatives = 1 + random.below(2);
  for (std::size_t i = 0; i < alternatives; ++i) {
    if (i > 0) text += random.pick({" || ", "||"});
    if (random.below(6) == 0) {
      text += random_partial(random) + " - " + random_partial(random);
      continue;
    }
    const std::size_t comparators = 1 + random.below(3);
    for (std::size_t c = 0; c < comparators; ++c) {
      if (c > 0) text += ' ';
      text += random.pick({"", ">", "<", ">=", "<=", "=", "^", "~", "> ", "~ "});
      text += random_partial(random);
    }
  }
  return text;
}

TEST(Semver, meeting_is_exactly_what_brute_force_finds) {
  TestRandom random(20250101);
  std::vector<Range> ranges;
  std::vector<Members> sets;
  while (ranges.size() < 400) {
    ranges.push_back(range(random_range(random)));
    sets.push_back(members(ranges.back()));
  }
  std::size_t met = 0;
  for (std::size_t a = 0; a < ranges.size(); ++a) {
    for (std::size_t b = a; b < ranges.size(); ++b) {
      const bool expected = (sets[a] & sets[b]).any();
      met += expected ? 1 : 0;
      ASSERT_EQ(ranges_meet({ranges[a], ranges[b]}), expected)
          << ranges[a].text() << " with " << ranges[b].text();
    }
  }
  EXPECT_GT(met, 1000u);
  for (int i = 0; i < 20'000; ++i) {
    const auto a = random.below(400), b = random.below(400), c = random.below(400);
    ASSERT_EQ(ranges_meet({ranges[a], ranges[b], ranges[c]}), (sets[a] & sets[b] & sets[c]).any())
        << ranges[a].text() << " with " << ranges[b].text() << " with " << ranges[c].text();
  }
}

TEST(Semver, printed_range_reads_as_the_same_range) {
  TestRandom random(7);
  for (int i = 0; i < 50'000; ++i) {
    const Range one = range(random_range(random));
    const Range again = range(one.text());
    ASSERT_EQ(again.text(), one.text());
    ASSERT_EQ(again.sets(), one.sets()) << one.text();
  }
}

}  // namespace
}  // namespace rtt::model
