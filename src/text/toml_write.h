// SPDX-License-Identifier: Apache-2.0
// TOML 1.0 values written so that every reader reads the same: statements `KEY = VALUE`.
//
// A text of several lines is a multi-line basic string, whose carriage returns, backslashes and quotes are
// escaped: readers may change the ends of raw lines, and three quotes end the string.
//
// Thread: any.   Fails: null and what is deeper than kDepthMax have no TOML form and are not written.
// Limits: kDepthMax.
#pragma once

#include <string>
#include <string_view>

#include "text/json.h"

namespace rtt::text {

// `KEY = VALUE` and a line end. False, and nothing written, for a value that has no TOML form.
bool append_toml_member(std::string& out, std::string_view key, const Json& value);
// On one line, as inline tables need it.
bool append_toml_value(std::string& out, const Json& value, int depth = 0);

}  // namespace rtt::text
