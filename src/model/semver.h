// SPDX-License-Identifier: Apache-2.0
// Version (SemVer 2.0.0) and Range (node-semver grammar, not loose): `||`, hyphen ranges, x-ranges, `~`, `^`,
// comparators. Prereleases match only a comparator set that names a prerelease of the same major.minor.patch.
// The published node-semver vectors are the test (semver_test).
//
// Thread: any (values).   Fails: kBadVersion.   Limits: 256 bytes, numbers ≤ 2^53−1.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rtt::model {

struct Version {
  std::uint64_t major = 0, minor = 0, patch = 0;
  std::vector<std::string> prerelease;
  std::string build;  // ignored by precedence, kept for printing

  friend bool operator==(const Version&, const Version&) = default;
};
Result<Version> parse_version(std::string_view text);
std::string to_string(const Version& version);
// SemVer precedence; build metadata is ignored.
std::strong_ordering precedence(const Version& a, const Version& b);

enum class Compare : std::uint8_t { kLess, kLessEqual, kEqual, kGreaterEqual, kGreater };
struct Comparator {
  Compare op = Compare::kEqual;
  Version version;
  friend bool operator==(const Comparator&, const Comparator&) = default;
};

class Range {
 public:
  [[nodiscard]] bool contains(const Version& version) const;
  [[nodiscard]] bool is_any() const;  // `*`
  // Canonical spelling: as written, one space between comparators, ` || ` between sets, `*` for none.
  [[nodiscard]] const std::string& text() const { return text_; }
  // Outer vector: alternatives (`||`); inner: comparators that must all hold. An empty inner set holds for
  // all.
  [[nodiscard]] const std::vector<std::vector<Comparator>>& sets() const { return sets_; }

  friend bool operator==(const Range& a, const Range& b) { return a.text_ == b.text_; }

 private:
  friend Result<Range> parse_range(std::string_view text);
  std::string text_ = "*";
  std::vector<std::vector<Comparator>> sets_{{}};
};
Result<Range> parse_range(std::string_view text);

// The range that holds for this version alone.
Range exactly(const Version& version);

// Whether some version lies in both ranges; and in all three when the third is given. Exact over release
// versions and over the prereleases either side names.
[[nodiscard]] bool ranges_meet(const std::vector<Range>& ranges);

}  // namespace rtt::model
