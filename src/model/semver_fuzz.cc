// SPDX-License-Identifier: Apache-2.0
// Versions print to themselves, ranges to one spelling of the same sets; a range met by a version meets it.
#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "base/bytes.h"
#include "model/semver.h"

int fuzz_one(std::span<const std::byte> input);

// Input: a range, optionally a newline and a version or a second range.
int fuzz_one(std::span<const std::byte> input) {
  using namespace rtt::model;
  const std::string_view text = rtt::as_text(input);
  const std::size_t cut = std::min(text.find('\n'), text.size());
  const auto range = parse_range(text.substr(0, cut));
  const std::string_view rest = text.substr(std::min(cut + 1, text.size()));
  if (const auto version = parse_version(rest)) {
    RTT_ASSERT(to_string(*version) == rest);
    RTT_ASSERT(precedence(*version, *version) == 0);
    RTT_ASSERT(exactly(*version).contains(*version));
    if (range) RTT_ASSERT(ranges_meet({*range, exactly(*version)}) == range->contains(*version));
  }
  if (!range) return 0;
  const auto again = parse_range(range->text());
  RTT_ASSERT(again && again->text() == range->text() && again->sets() == range->sets());
  if (const auto other = parse_range(rest)) {
    RTT_ASSERT(ranges_meet({*range, *other}) == ranges_meet({*other, *range}));
  }
  return 0;
}
