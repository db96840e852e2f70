// SPDX-License-Identifier: Apache-2.0
#include "text/json_token.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/assert.h"
#include "text/utf8.h"

namespace rtt::text {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

void append_escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      break;
  }
  out += "\\u00";
  out += kHexDigits[c >> 4];
  out += kHexDigits[c & 15];
}

// The shortest digits that read back as the same double, and where the point goes: 0.d1d2… × 10^point.
struct Decimal {
  std::string digits;
  int point = 0;
};

Decimal shortest_decimal(double positive) {
  std::array<char, 32> buffer{};
  const auto written =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), positive, std::chars_format::scientific);
  RTT_ASSERT(written.ec == std::errc{});
  const std::string_view text(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data()));
  const std::size_t e = text.find('e');
  RTT_ASSERT(e != std::string_view::npos);
  Decimal decimal;
  decimal.digits = text[0];
  if (e > 2) decimal.digits += text.substr(2, e - 2);
  const std::size_t exponent_at = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(text.data() + exponent_at, text.data() + text.size(), decimal.point);
  decimal.point += 1;
  return decimal;
}

// Whether the 16 bytes from `at` on stand for themselves: ASCII without controls, quote and backslash. Most
// text is that, and looking at each byte was a third of the time of writing canonical JSON. Vector code of
// any processor.
using Bytes16 [[gnu::vector_size(16)]] = unsigned char;
bool plain16(std::string_view value, std::size_t at) {
  Bytes16 bytes;
  std::memcpy(&bytes, value.data() + at, sizeof bytes);
  const auto special = (bytes < 0x20) | (bytes >= 0x80) | (bytes == '"') | (bytes == '\\');
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), &special, sizeof special);
  return (halves[0] | halves[1]) == 0;
}

}  // namespace

void append_json_string(std::string& out, std::string_view value) {
  out += '"';
  std::size_t run = 0;  // start of the bytes not yet copied
  for (std::size_t at = 0; at < value.size();) {
    if (value.size() - at >= sizeof(Bytes16) && plain16(value, at)) {
      at += sizeof(Bytes16);
      continue;
    }
    const auto c = static_cast<unsigned char>(value[at]);
    if (c < 0x80 && c >= 0x20 && c != '"' && c != '\\') {
      ++at;
      continue;
    }
    const std::uint8_t length = c < 0x80 ? 0 : decode_utf8(value, at).length;
    if (length != 0) {
      at += length;
      continue;
    }
    out += value.substr(run, at - run);
    if (c < 0x80) {
      append_escape(out, c);
    } else {
      out += kReplacement;
    }
    run = ++at;
  }
  out += value.substr(run);
  out += '"';
}

void append_json_number(std::string& out, std::int64_t value) {
  std::array<char, 24> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), written.ptr);
}

void append_json_number(std::string& out, double value) {
  RTT_ASSERT(std::isfinite(value));
  if (value == 0) {
    out += '0';
    return;
  }
  if (value < 0) out += '-';
  const Decimal decimal = shortest_decimal(std::fabs(value));
  const int count = static_cast<int>(decimal.digits.size());
  const int point = decimal.point;
  if (point > 21 || point <= -6) {  // ECMAScript switches to an exponent outside 1e-6 ≤ x < 1e21
    out += decimal.digits[0];
    if (count > 1) out.append(".").append(decimal.digits, 1);
    out += point > 0 ? "e+" : "e-";
    append_json_number(out, static_cast<std::int64_t>(std::abs(point - 1)));
  } else if (point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(decimal.digits);
  } else if (point >= count) {
    out.append(decimal.digits).append(static_cast<std::size_t>(point - count), '0');
  } else {
    const auto whole = static_cast<std::size_t>(point);
    out.append(decimal.digits, 0, whole).append(".").append(decimal.digits, whole);
  }
}

}  // namespace rtt::text
