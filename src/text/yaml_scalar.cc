// SPDX-License-Identifier: Apache-2.0
#include "text/yaml_scalar.h"

#include <algorithm>
#include <charconv>

namespace rtt::text {
namespace {

template <std::size_t N>
bool one_of(std::string_view text, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

constexpr std::string_view kNulls[] = {"", "~", "null", "Null", "NULL"};
constexpr std::string_view kTrues[] = {"true", "True", "TRUE"};
constexpr std::string_view kFalses[] = {"false", "False", "FALSE"};
constexpr std::string_view kInfinities[] = {".inf", ".Inf", ".INF"};
constexpr std::string_view kNotNumbers[] = {".nan", ".NaN", ".NAN"};

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// [-+]? ( \.[0-9]+ | [0-9]+ (\.[0-9]*)? ) ( [eE] [-+]? [0-9]+ )?   respelt as JSON; empty if it is none.
std::string as_json_number(std::string_view text) {
  std::string out;
  if (text.starts_with('-')) out = "-";
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return {};
  out += whole.empty() ? "0" : whole;
  if (!fraction.empty()) out.append(".").append(fraction);
  if (text.empty()) return out;
  if (text[0] != 'e' && text[0] != 'E') return {};
  out += 'e';
  text.remove_prefix(1);
  if (text.starts_with('-')) out += '-';
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const std::string_view exponent = take_digits(text);
  if (exponent.empty() || !text.empty()) return {};
  return out.append(exponent);
}

Result<Json> read_based(std::string_view text, std::string_view digits, int base) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || read.ptr != digits.data() + digits.size()) return Json(text);  // 0x as in a word
  if (read.ec != std::errc{} || value > static_cast<std::uint64_t>(kJsonIntMax)) {
    return fail(Code::kJsonNumber, "an integer beyond ±9007199254740991 has no exact JSON form", {},
                "put it in quotes");
  }
  return Json(value);
}

}  // namespace

Result<Json> read_plain_scalar(std::string_view text) {
  if (one_of(text, kNulls)) return Json();
  if (one_of(text, kTrues)) return Json(true);
  if (one_of(text, kFalses)) return Json(false);
  if (text.starts_with("0x")) return read_based(text, text.substr(2), 16);
  if (text.starts_with("0o")) return read_based(text, text.substr(2), 8);
  const bool has_sign = text.starts_with('-') || text.starts_with('+');
  const std::string_view unsigned_part = text.substr(has_sign ? 1 : 0);
  if (one_of(unsigned_part, kInfinities) || one_of(text, kNotNumbers)) {
    return fail(Code::kYamlSyntax, "infinity and NaN have no JSON form", {}, "put the word in quotes");
  }
  const std::string number = as_json_number(text);
  if (number.empty()) return Json(text);
  if (unsigned_part.size() > 1 && unsigned_part[0] == '0' && unsigned_part[1] >= '0' &&
      unsigned_part[1] <= '9') {
    return fail(Code::kYamlSyntax, "YAML readers differ on what a number with a leading zero means", {},
                "write 0o600 for octal, leave the zero out, or put the text in quotes");
  }
  Result<Json> value = parse_json(number, {.bytes_max = number.size()});
  if (!value) return fail(value.error().code, value.error().message, {}, "put it in quotes");
  return value;
}

}  // namespace rtt::text
