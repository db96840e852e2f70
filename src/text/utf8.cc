// SPDX-License-Identifier: Apache-2.0
#include "text/utf8.h"

#include <cstring>

#include "base/assert.h"

namespace rtt::text {
namespace {

std::uint32_t byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

// How many bytes a character takes by its first byte; 0 for bytes that begin none (80–C1, F5–FF).
std::uint8_t length_by_lead(std::uint32_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

// The second byte's range is narrower after these leads; it shuts out overlong forms, surrogates and >
// U+10FFFF.
bool second_fits(std::uint32_t lead, std::uint32_t second) {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return second >= 0x80 && second <= 0xBF;
  }
}

char tail(char32_t value, int shift) { return static_cast<char>(0x80 | (value >> shift & 0x3F)); }

}  // namespace

Utf8Char decode_utf8(std::string_view text, std::size_t at) {
  RTT_ASSERT(at < text.size());
  const std::uint32_t lead = byte_at(text, at);
  const std::uint8_t length = length_by_lead(lead);
  if (length == 1) return {.value = lead, .length = 1};
  if (length == 0 || text.size() - at < length || !second_fits(lead, byte_at(text, at + 1))) return {};
  char32_t value = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const std::uint32_t next = byte_at(text, at + i);
    if ((next & 0xC0) != 0x80) return {};
    value = value << 6 | (next & 0x3F);
  }
  return {.value = value, .length = length};
}

std::size_t find_invalid_utf8(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t word = kHighBits;
    if (text.size() - at >= sizeof word) std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & kHighBits) == 0) {  // eight ASCII bytes at once
      at += sizeof word;
      continue;
    }
    const Utf8Char character = decode_utf8(text, at);
    if (character.length == 0) return at;
    at += character.length;
  }
  return std::string_view::npos;
}

void append_utf8(std::string& text, char32_t value) {
  RTT_ASSERT(value <= 0x10FFFF);
  RTT_ASSERT(value < 0xD800 || value > 0xDFFF);
  if (value < 0x80) {
    text += static_cast<char>(value);
  } else if (value < 0x800) {
    text += static_cast<char>(0xC0 | value >> 6);
    text += tail(value, 0);
  } else if (value < 0x10000) {
    text += static_cast<char>(0xE0 | value >> 12);
    text += tail(value, 6);
    text += tail(value, 0);
  } else {
    text += static_cast<char>(0xF0 | value >> 18);
    text += tail(value, 12);
    text += tail(value, 6);
    text += tail(value, 0);
  }
}

}  // namespace rtt::text
