// SPDX-License-Identifier: Apache-2.0
// Laws: exposed names are unique, at most 64 bytes, UTF-8, the same in any order of servers, and a tool keeps
// its name when servers that do not share it come and go.
#include "mcp/clients/exposed_names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "text/utf8.h"

namespace rtt::mcp {
namespace {

using model::NameMode;
using Names = std::map<std::pair<std::string, std::string>, std::string>;

Names named(std::vector<NameClaim> claims, NameMode mode, const std::vector<std::string>& reserved = {}) {
  expose_names(claims, mode, reserved);
  Names out;
  for (const NameClaim& claim : claims) out[{claim.ns, claim.key}] = claim.exposed;
  return out;
}

TEST(ExposedNames, follow_the_mode) {
  const std::vector<NameClaim> claims{{"a", "both", {}}, {"a", "x", {}}, {"b", "both", {}}};
  EXPECT_EQ(named(claims, NameMode::kConflict),
            (Names{{{"a", "both"}, "a__both"}, {{"a", "x"}, "x"}, {{"b", "both"}, "b__both"}}));
  EXPECT_EQ(named(claims, NameMode::kPlain),
            (Names{{{"a", "both"}, "both"}, {{"a", "x"}, "x"}, {{"b", "both"}, ""}}));
  EXPECT_EQ(named(claims, NameMode::kPrefixed),
            (Names{{{"a", "both"}, "a__both"}, {{"a", "x"}, "a__x"}, {{"b", "both"}, "b__both"}}));
}

TEST(ExposedNames, a_long_name_is_shortened_the_same_way_every_time) {
  const std::string exact(64, 'n');
  const auto names =
      named({{"a", exact, {}}, {"a", exact + "1", {}}, {"a", exact + "2", {}}}, NameMode::kPlain);
  EXPECT_EQ(names.at({"a", exact}), exact);
  EXPECT_EQ(names.at({"a", exact + "1"}), std::string(47, 'n') + "_863af308112761d0");
}

TEST(ExposedNames, reserved_names_stay_free) {
  const auto names = named({{"a", "call_tool", {}}}, NameMode::kPlain, {"call_tool"});
  EXPECT_NE(names.at({"a", "call_tool"}), "call_tool");
  EXPECT_TRUE(names.at({"a", "call_tool"}).starts_with("call_tool_"));
}

// Names of few letters and joints, so that they meet one another and the limit of 64 often.
std::vector<NameClaim> some_claims(std::mt19937_64& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::vector<std::string> spaces{"a", "b", "a__b", "c"};
  const std::vector<std::string> parts{"t", "b__t", "a__b__t", "\xC3\xA9", "_", std::string(31, 'x')};
  std::set<std::pair<std::string, std::string>> drawn;
  for (std::size_t i = 0, n = 1 + below(12); i < n; ++i) {
    std::string key;
    for (std::size_t k = 0, m = 1 + below(4); k < m; ++k) key += parts[below(parts.size())];
    drawn.emplace(spaces[below(spaces.size())], key);
  }
  std::vector<NameClaim> out;
  for (const auto& [ns, key] : drawn) out.push_back({ns, key, {}});
  return out;
}

TEST(ExposedNames, are_unique_short_and_independent_of_order_and_bystanders) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const auto claims = some_claims(random);
    for (const NameMode mode : {NameMode::kPlain, NameMode::kConflict, NameMode::kPrefixed}) {
      const Names names = named(claims, mode);
      std::set<std::string> seen;
      for (const auto& [of, name] : names) {
        if (name.empty()) {
          EXPECT_EQ(mode, NameMode::kPlain);
          continue;
        }
        EXPECT_LE(name.size(), kExposedNameBytesMax);
        EXPECT_TRUE(text::find_invalid_utf8(name) == std::string_view::npos) << name;
        EXPECT_TRUE(seen.insert(name).second) << name;
      }
      auto shuffled = claims;
      std::ranges::shuffle(shuffled, random);
      EXPECT_EQ(named(shuffled, mode), names);
      auto more = claims;  // another server, whose names nobody here has
      more.push_back({"zz", "quite_another", {}});
      more.push_back({"zz", std::string(70, 'q'), {}});
      const Names with = named(more, mode);
      for (const auto& [of, name] : names) EXPECT_EQ(with.at(of), name);
    }
  }
}

}  // namespace
}  // namespace rtt::mcp
