// SPDX-License-Identifier: Apache-2.0
// Whatever parses has one canonical text that parses to the same value, in every written form.
#include "base/assert.h"
#include "base/bytes.h"
#include "text/json_canonical.h"

int fuzz_one(std::span<const std::byte> input);

int fuzz_one(std::span<const std::byte> input) {
  using namespace rtt::text;
  const std::string_view text = rtt::as_text(input);
  const auto json = parse_json(text, {.source_name = "fuzz"});
  if (!json) {
    RTT_ASSERT(!json.error().message.empty());
    RTT_ASSERT(json.error().where.starts_with("fuzz"));
    std::ignore = locate(text, "/a/0");
    return 0;
  }
  const std::string canonical = canonical_json(*json);
  const auto again = parse_json(canonical);
  RTT_ASSERT(again == json);
  RTT_ASSERT(canonical_json(*again) == canonical);
  RTT_ASSERT(parse_json(to_json(*json)) == json);
  RTT_ASSERT(locate(text, "").has_value());
  return 0;
}
