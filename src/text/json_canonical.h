// SPDX-License-Identifier: Apache-2.0
// Canonical JSON, RFC 8785: the one byte string of a value, and so its hash. Keys in UTF-16 code unit order,
// numbers as ECMAScript prints them, the shortest escapes. Checked against the RFC's own vectors
// (json_canonical_test).
//
// Thread: any.   Fails: never (every Json has a canonical form).
#pragma once

#include <string>
#include <string_view>

#include "text/json.h"

namespace rtt::text {

std::string canonical_json(const Json& value);

// Of an object without its member `key`, and where in the text that member would begin: before the first
// member of a larger key or, behind a comma if there are others, at the end.   REQUIRES: an object.
struct CanonicalWithGap {
  std::string text;
  std::size_t gap_at = 0;
};
CanonicalWithGap canonical_json_with_gap(const Json& object, std::string_view key);

}  // namespace rtt::text
