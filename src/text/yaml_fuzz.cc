// SPDX-License-Identifier: Apache-2.0
// Whatever YAML parses is a Json that strict JSON reads back; whatever does not is an error with a place.
#include "base/assert.h"
#include "base/bytes.h"
#include "text/json_canonical.h"
#include "text/yaml.h"

int fuzz_one(std::span<const std::byte> input);

int fuzz_one(std::span<const std::byte> input) {
  using namespace rtt::text;
  const std::string_view text = rtt::as_text(input);
  const auto json = parse_yaml(text, {.source_name = "fuzz"});
  std::ignore = locate_yaml(text, "/a/0");
  if (!json) {
    RTT_ASSERT(!json.error().message.empty());
    RTT_ASSERT(json.error().where.starts_with("fuzz"));
    return 0;
  }
  const std::size_t unlimited = std::string::npos;  // escapes may make the JSON longer than the YAML's limit
  RTT_ASSERT(parse_json(canonical_json(*json), {.bytes_max = unlimited}) == json);
  return 0;
}
