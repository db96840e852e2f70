// SPDX-License-Identifier: Apache-2.0
// Whatever reads as an address, pattern or route prints to one spelling that reads as the same value.
#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "base/bytes.h"
#include "model/saddr.h"

int fuzz_one(std::span<const std::byte> input);

namespace {
using namespace rtt::model;

void check_address(std::string_view text) {
  const auto reference = parse_reference(text);
  if (!reference) {
    RTT_ASSERT(reference.error().where.starts_with("column "));
  } else {
    const std::string printed = to_string(*reference);
    RTT_ASSERT(parse_reference(printed) == reference);
    RTT_ASSERT(printed.find("..") == std::string::npos);
    RTT_ASSERT(resolve_short(printed, {}) == reference);
  }
  if (const auto definition = parse_definition(text)) {
    RTT_ASSERT(parse_definition(to_string(*definition)) == definition);
    RTT_ASSERT(canonical_order(*definition, *definition) == 0);
    const auto pattern = parse_pattern(identity(identity_only(*definition)));
    // A prerelease in a pattern names itself, so a definition's own address always matches it.
    RTT_ASSERT(pattern && matches(*pattern, *definition) && can_match(*pattern));
  }
}
}  // namespace

int fuzz_one(std::span<const std::byte> input) {
  const std::string_view text = rtt::as_text(input);
  check_address(text);
  if (const auto pattern = parse_pattern(text)) {
    RTT_ASSERT(parse_pattern(to_string(*pattern)) == pattern);
    RTT_ASSERT(literal_parts(*pattern) <= 5);
  }
  if (const auto route = split_route(text)) {
    RTT_ASSERT(!route->from.empty() && !route->to.empty());
    check_address(route->from);
  }
  const std::vector<Saddr> known{*parse_definition("rtt://github/tool/create_issue@1.0.0")};
  std::ignore = resolve_short(text, known);
  return 0;
}
