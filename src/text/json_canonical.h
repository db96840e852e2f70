// SPDX-License-Identifier: Apache-2.0
// Canonical JSON, RFC 8785: the one byte string of a value, and so its hash. Keys in UTF-16 code unit order,
// numbers as ECMAScript prints them, the shortest escapes. Checked against the RFC's own vectors
// (json_canonical_test).
//
// Thread: any.   Fails: never (every Json has a canonical form).
#pragma once

#include <string>

#include "text/json.h"

namespace rtt::text {

std::string canonical_json(const Json& value);

}  // namespace rtt::text
