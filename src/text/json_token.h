// SPDX-License-Identifier: Apache-2.0
// JSON strings and numbers as RFC 8785 §3.2.2 writes them; every writer of RTT shares these two forms.
//
// A byte that is not UTF-8 (possible only in strings the program itself made, as from a file name) is written
// as U+FFFD, so that what is written is always JSON.
//
// Thread: any.   Fails: never.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rtt::text {

void append_json_string(std::string& out, std::string_view value);
void append_json_number(std::string& out, std::int64_t value);
// As ECMAScript's Number::toString. REQUIRES: finite.
void append_json_number(std::string& out, double value);

}  // namespace rtt::text
