// SPDX-License-Identifier: Apache-2.0
#include "model/semver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rtt::model {
namespace {

constexpr std::size_t kTextMax = 256;
constexpr std::uint64_t kNumberMax = (std::uint64_t{1} << 53) - 1;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_identifier_byte(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}
bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

std::unexpected<Error> bad(std::string_view whole, std::string_view why) {
  return fail(Code::kBadVersion, fmt::format("'{}' is not usable: {}", whole, why), {},
              "versions look like 1.2.3 or 1.2.3-beta.1, ranges like ^1.2, >=1.2 <2.0 or 1.x || 2.x");
}

// A position in a text. Every reader takes what it recognises and leaves the rest.
struct Cursor {
  std::string_view whole;
  std::size_t at = 0;

  [[nodiscard]] bool done() const { return at == whole.size(); }
  [[nodiscard]] char peek() const { return done() ? '\0' : whole[at]; }
  bool take(std::string_view token) {
    if (!whole.substr(at).starts_with(token)) return false;
    at += token.size();
    return true;
  }
  std::string_view take_while(bool (*wanted)(char)) {
    const std::size_t start = at;
    while (!done() && wanted(whole[at])) ++at;
    return whole.substr(start, at - start);
  }
  void skip_spaces() {
    take_while([](char c) { return c == ' ' || c == '\t'; });
  }
};

Result<std::uint64_t> read_number(Cursor& cursor) {
  const std::string_view digits = cursor.take_while(is_digit);
  if (digits.empty()) return bad(cursor.whole, "a number is missing");
  if (digits.size() > 1 && digits[0] == '0') return bad(cursor.whole, "a number starts with 0");
  if (digits.size() > 16) return bad(cursor.whole, "a number is larger than 2^53-1");
  std::uint64_t value = 0;
  for (const char c : digits) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  if (value > kNumberMax) return bad(cursor.whole, "a number is larger than 2^53-1");
  return value;
}

enum class LeadingZero : std::uint8_t { kAllowed, kRefused };

Result<std::vector<std::string>> read_identifiers(Cursor& cursor, LeadingZero zero) {
  std::vector<std::string> identifiers;
  do {
    const std::string_view one = cursor.take_while(is_identifier_byte);
    if (one.empty()) return bad(cursor.whole, "an identifier after '-', '+' or '.' is empty");
    if (zero == LeadingZero::kRefused && one.size() > 1 && one[0] == '0' && all_digits(one)) {
      return bad(cursor.whole, "a numeric prerelease identifier starts with 0");
    }
    identifiers.emplace_back(one);
  } while (cursor.take("."));
  return identifiers;
}

std::string joined(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ".")); }

// [-prerelease][+build]
Status read_qualifiers(Cursor& cursor, Version& version) {
  if (cursor.take("-")) {
    RTT_TRY_SET(version.prerelease, read_identifiers(cursor, LeadingZero::kRefused));
  }
  if (cursor.take("+")) {
    RTT_TRY_SET(const auto build, read_identifiers(cursor, LeadingZero::kAllowed));
    version.build = joined(build);
  }
  return {};
}

std::strong_ordering compare_identifiers(std::string_view a, std::string_view b) {
  const bool a_number = all_digits(a), b_number = all_digits(b);
  if (a_number != b_number) return a_number ? std::strong_ordering::less : std::strong_ordering::greater;
  if (a_number && a.size() != b.size()) return a.size() <=> b.size();  // no leading zeros: longer is larger
  return a <=> b;
}

std::strong_ordering compare_core(const Version& a, const Version& b) {
  if (const auto order = a.major <=> b.major; order != 0) return order;
  if (const auto order = a.minor <=> b.minor; order != 0) return order;
  return a.patch <=> b.patch;
}

// One x-range: `1`, `1.2`, `1.x`, `*`, `1.2.3-beta`. Parts beyond `given` are wild.
struct Partial {
  int given = 0;  // 0 (any) to 3
  Version version;
};

bool take_wild(Cursor& cursor) { return cursor.take("x") || cursor.take("X") || cursor.take("*"); }

Result<Partial> read_partial(Cursor& cursor) {
  cursor.take("v");
  Partial partial;
  std::array<std::uint64_t, 3> numbers{};
  std::size_t count = 0;
  bool wild = false;
  do {
    if (take_wild(cursor)) {
      wild = true;
    } else {
      RTT_TRY_SET(numbers[count], read_number(cursor));
      if (wild) return bad(cursor.whole, "a number follows a wildcard");
      ++partial.given;
    }
    ++count;
  } while (count < 3 && cursor.take("."));
  partial.version.major = numbers[0];
  partial.version.minor = numbers[1];
  partial.version.patch = numbers[2];
  if (count == 3) RTT_TRY(read_qualifiers(cursor, partial.version));
  if (partial.given < 3) partial.version.prerelease.clear();  // `1.2.x-beta` means 1.2.x
  partial.version.build.clear();                              // plays no part in matching
  return partial;
}

Version core(std::uint64_t major, std::uint64_t minor, std::uint64_t patch) {
  return Version{.major = major, .minor = minor, .patch = patch};
}
Version lowest(Version version) {  // the first prerelease, so that `<` leaves out all of them
  version.prerelease = {"0"};
  return version;
}
Version next_major(const Version& v) { return lowest(core(v.major + 1, 0, 0)); }
Version next_minor(const Version& v) { return lowest(core(v.major, v.minor + 1, 0)); }
Version next_patch(const Version& v) { return lowest(core(v.major, v.minor, v.patch + 1)); }

using Set = std::vector<Comparator>;
Set nothing() { return {{Compare::kLess, lowest(core(0, 0, 0))}}; }

Set between(const Version& from, const Version& before) {
  return {{Compare::kGreaterEqual, from}, {Compare::kLess, before}};
}

Set tilde(const Partial& p) {
  if (p.given == 0) return {};
  return between(p.version, p.given == 1 ? next_major(p.version) : next_minor(p.version));
}

Set caret(const Partial& p) {
  if (p.given == 0) return {};
  const Version& v = p.version;
  if (v.major > 0 || p.given == 1) return between(v, next_major(v));
  if (v.minor > 0 || p.given == 2) return between(v, next_minor(v));
  return between(v, next_patch(v));
}

Set plain(const Partial& p) {
  switch (p.given) {
    case 0:
      return {};
    case 1:
      return between(p.version, next_major(p.version));
    case 2:
      return between(p.version, next_minor(p.version));
    default:
      return {{Compare::kEqual, p.version}};
  }
}

Set compared(Compare op, const Partial& p) {
  if (p.given == 3) return {{op, p.version}};
  if (op == Compare::kEqual) return plain(p);
  if (p.given == 0) return op == Compare::kLess || op == Compare::kGreater ? nothing() : Set{};
  Version after = p.given == 1 ? next_major(p.version) : next_minor(p.version);
  if (op == Compare::kLessEqual) return {{Compare::kLess, after}};
  if (op == Compare::kLess) return {{Compare::kLess, lowest(p.version)}};
  if (op == Compare::kGreater) {
    after.prerelease.clear();
    return {{Compare::kGreaterEqual, after}};
  }
  return {{Compare::kGreaterEqual, p.version}};
}

Set hyphen(const Partial& from, const Partial& to) {
  Set set;
  if (from.given > 0) set.push_back({Compare::kGreaterEqual, from.version});
  if (to.given == 3) set.push_back({Compare::kLessEqual, to.version});
  if (to.given == 2) set.push_back({Compare::kLess, next_minor(to.version)});
  if (to.given == 1) set.push_back({Compare::kLess, next_major(to.version)});
  return set;
}

struct Spelled {
  Set set;
  std::string text;  // canonical
};

constexpr std::array<std::string_view, 8> kOperators{"~>", "~", "^", "<=", "<", ">=", ">", "="};

Set desugar(std::string_view op, const Partial& partial) {
  if (op.starts_with('~')) return tilde(partial);
  if (op == "^") return caret(partial);
  if (op == "<") return compared(Compare::kLess, partial);
  if (op == "<=") return compared(Compare::kLessEqual, partial);
  if (op == ">") return compared(Compare::kGreater, partial);
  if (op == ">=") return compared(Compare::kGreaterEqual, partial);
  return plain(partial);
}

bool at_space(const Cursor& cursor) { return cursor.peek() == ' ' || cursor.peek() == '\t'; }

// `a - b`, if what follows a plain partial is a hyphen between spaces.
bool take_hyphen(Cursor& cursor) {
  const std::size_t start = cursor.at;
  if (at_space(cursor)) {
    cursor.skip_spaces();
    if (cursor.take("-") && at_space(cursor)) {
      cursor.skip_spaces();
      return true;
    }
  }
  cursor.at = start;
  return false;
}

// One alternative: comparators separated by spaces, or one hyphen range; empty means any.
Result<Spelled> read_set(Cursor& cursor) {
  Spelled out;
  bool first = true;
  for (cursor.skip_spaces(); !cursor.done(); cursor.skip_spaces(), first = false) {
    if (!first) out.text += ' ';
    std::string_view op;
    for (const std::string_view candidate : kOperators) {
      if (!cursor.take(candidate)) continue;
      op = candidate;
      break;
    }
    out.text += op;
    if (!op.empty()) cursor.skip_spaces();
    const std::size_t start = cursor.at;
    RTT_TRY_SET(const Partial partial, read_partial(cursor));
    out.text += cursor.whole.substr(start, cursor.at - start);
    if (first && op.empty() && take_hyphen(cursor)) {
      const std::size_t second = cursor.at;
      RTT_TRY_SET(const Partial to, read_partial(cursor));
      out.text += " - ";
      out.text += cursor.whole.substr(second, cursor.at - second);
      out.set = hyphen(partial, to);
      cursor.skip_spaces();
      if (!cursor.done()) return bad(cursor.whole, "something follows a hyphen range");
      return out;
    }
    if (!cursor.done() && !at_space(cursor)) {
      return bad(cursor.whole, fmt::format("'{}' does not belong there", cursor.whole.substr(cursor.at)));
    }
    for (Comparator& comparator : desugar(op, partial)) out.set.push_back(std::move(comparator));
  }
  if (out.text.empty()) out.text = "*";
  return out;
}

bool representable(const Set& set) {
  return std::ranges::all_of(set, [](const Comparator& c) {
    return c.version.major <= kNumberMax && c.version.minor <= kNumberMax && c.version.patch <= kNumberMax;
  });
}

bool holds(const Comparator& comparator, const Version& version) {
  const auto order = precedence(version, comparator.version);
  switch (comparator.op) {
    case Compare::kLess:
      return order < 0;
    case Compare::kLessEqual:
      return order <= 0;
    case Compare::kEqual:
      return order == 0;
    case Compare::kGreaterEqual:
      return order >= 0;
    case Compare::kGreater:
      return order > 0;
  }
  return false;
}

bool set_contains(const Set& set, const Version& version) {
  if (!std::ranges::all_of(set, [&](const Comparator& c) { return holds(c, version); })) return false;
  if (version.prerelease.empty()) return true;
  return std::ranges::any_of(set, [&](const Comparator& c) {
    return !c.version.prerelease.empty() && compare_core(c.version, version) == 0;
  });
}

using Sets = std::vector<const Set*>;

bool all_contain(const Sets& sets, const Version& version) {
  return std::ranges::all_of(sets, [&](const Set* set) { return set_contains(*set, version); });
}

bool is_lower_bound(Compare op) {
  return op == Compare::kEqual || op == Compare::kGreaterEqual || op == Compare::kGreater;
}

// The smallest release that satisfies one lower bound.
Version first_release(const Comparator& bound) {
  Version version = bound.version;
  const bool was_prerelease = !version.prerelease.empty();
  version.prerelease.clear();
  if (bound.op == Compare::kGreater && !was_prerelease) ++version.patch;
  return version;
}

// The smallest prerelease that satisfies one lower bound which is itself a prerelease: `x` has `x.0` as its
// successor.
Version first_prerelease(const Comparator& bound) {
  Version version = bound.version;
  if (bound.op == Compare::kGreater) version.prerelease.emplace_back("0");
  return version;
}

// Lower bounds only grow along a set and upper bounds are closed downwards, so if any version lies in all
// sets, then one of these smallest candidates does: 0.0.0, the first release or prerelease at a bound, or the
// first prerelease of a core some comparator names.
bool sets_meet(const Sets& sets) {
  if (all_contain(sets, core(0, 0, 0))) return true;
  for (const Set* set : sets) {
    for (const Comparator& c : *set) {
      if (is_lower_bound(c.op)) {
        const Version release = first_release(c);
        if (release.patch <= kNumberMax && all_contain(sets, release)) return true;
      }
      if (c.version.prerelease.empty()) continue;
      if (is_lower_bound(c.op) && all_contain(sets, first_prerelease(c))) return true;
      if (all_contain(sets, lowest(core(c.version.major, c.version.minor, c.version.patch)))) return true;
    }
  }
  return false;
}

// Depth = number of ranges, a handful; each level picks one alternative.
bool any_choice_meets(const std::vector<Range>& ranges, Sets& chosen) {
  if (chosen.size() == ranges.size()) return sets_meet(chosen);
  for (const Set& set : ranges[chosen.size()].sets()) {
    chosen.push_back(&set);
    const bool met = sets_meet(chosen) && any_choice_meets(ranges, chosen);
    chosen.pop_back();
    if (met) return true;
  }
  return false;
}

}  // namespace

Result<Version> parse_version(std::string_view text) {
  if (text.size() > kTextMax) return bad(text.substr(0, 32), "longer than 256 bytes");
  Cursor cursor{text};
  Version version;
  RTT_TRY_SET(version.major, read_number(cursor));
  if (!cursor.take(".")) return bad(text, "a version has three numbers");
  RTT_TRY_SET(version.minor, read_number(cursor));
  if (!cursor.take(".")) return bad(text, "a version has three numbers");
  RTT_TRY_SET(version.patch, read_number(cursor));
  RTT_TRY(read_qualifiers(cursor, version));
  if (!cursor.done()) return bad(text, fmt::format("'{}' does not belong there", text.substr(cursor.at)));
  return version;
}

std::string to_string(const Version& version) {
  std::string text = std::to_string(version.major);
  text.append(".").append(std::to_string(version.minor)).append(".").append(std::to_string(version.patch));
  if (!version.prerelease.empty()) text += "-" + joined(version.prerelease);
  if (!version.build.empty()) text += "+" + version.build;
  return text;
}

std::strong_ordering precedence(const Version& a, const Version& b) {
  if (const auto order = compare_core(a, b); order != 0) return order;
  if (a.prerelease.empty() || b.prerelease.empty()) {  // a release is above its prereleases
    return a.prerelease.empty() <=> b.prerelease.empty();
  }
  const std::size_t common = std::min(a.prerelease.size(), b.prerelease.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (const auto order = compare_identifiers(a.prerelease[i], b.prerelease[i]); order != 0) return order;
  }
  return a.prerelease.size() <=> b.prerelease.size();
}

bool Range::contains(const Version& version) const {
  return std::ranges::any_of(sets_, [&](const Set& set) { return set_contains(set, version); });
}

bool Range::is_any() const {
  return std::ranges::any_of(sets_, [](const Set& set) { return set.empty(); });
}

Result<Range> parse_range(std::string_view text) {
  if (text.size() > kTextMax) return bad(text.substr(0, 32), "longer than 256 bytes");
  Range range;
  range.text_.clear();
  range.sets_.clear();
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t bar = std::min(text.find("||", start), text.size());
    Cursor cursor{text.substr(start, bar - start)};
    RTT_TRY_SET(Spelled one, read_set(cursor));
    if (!representable(one.set)) return bad(text, "it needs a number larger than 2^53-1");
    std::erase(one.set,
               Comparator{Compare::kGreaterEqual, core(0, 0, 0)});  // as node-semver has it: the same as `*`
    if (!range.text_.empty()) range.text_ += " || ";
    range.text_ += one.text;
    range.sets_.push_back(std::move(one.set));
    start = bar + 2;
  }
  if (range.text_.size() > kTextMax) return bad(text.substr(0, 32), "longer than 256 bytes when spelled out");
  // As node-semver has it: an alternative that holds for every release is the whole range, prereleases named
  // by the other alternatives included in what it leaves out.
  if (range.is_any()) range.sets_ = {{}};
  return range;
}

Range exactly(const Version& version) {
  Version plain_version = version;
  plain_version.build.clear();
  return *parse_range(to_string(plain_version));
}

bool ranges_meet(const std::vector<Range>& ranges) {
  Sets chosen;
  chosen.reserve(ranges.size());
  return ranges.empty() || any_choice_meets(ranges, chosen);
}

}  // namespace rtt::model
