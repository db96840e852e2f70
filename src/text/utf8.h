// SPDX-License-Identifier: Apache-2.0
// UTF-8 decoding (RFC 3629), one character at a time.
//
// Overlong forms, surrogates and values above U+10FFFF are malformed: a decoder that lets them through gives
// one text two spellings, and a check made on one of them does not hold for the other.
//
// Thread: any.   Fails: length 0 at a malformed byte.   Limits: the caller's text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rtt::text {

struct Utf8Char {
  char32_t value = 0;
  std::uint8_t length = 0;  // 1 to 4; 0 = no valid character begins here
};

// REQUIRES: at < text.size().
Utf8Char decode_utf8(std::string_view text, std::size_t at);
// Offset of the first malformed byte, or npos.
std::size_t find_invalid_utf8(std::string_view text);
// REQUIRES: a Unicode scalar value.
void append_utf8(std::string& text, char32_t value);

}  // namespace rtt::text
