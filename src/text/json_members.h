// SPDX-License-Identifier: Apache-2.0
// Members of an object as read, in the text's order, made into a JsonObject: the one place that refuses a key
// twice.
//
// Sorting once keeps a large object in any key order at n log n, and brings equal keys side by side.
//
// Owns: the members given.   Thread: any.   Fails: the first repeated key of the text.   Limits: the
// reader's.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "text/json.h"

namespace rtt::text {

struct JsonMember {
  std::string key;
  Json value;
  std::size_t at = 0;  // offset of the key in the text
};

struct RepeatedKey {
  std::string key;
  std::size_t first_at = 0;
  std::size_t again_at = 0;
};

std::expected<JsonObject, RepeatedKey> build_object(std::vector<JsonMember> members);
Error repeated_key_error(std::string_view text, const RepeatedKey& repeated);  // where = line:column

// The key as a JSON string, cut where it is long: keys go into messages, values never do.
std::string quoted_key(std::string_view key);

Position position_of(std::string_view text, std::size_t offset);
std::string to_string(Position position);  // line:column

}  // namespace rtt::text
