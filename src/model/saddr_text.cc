// SPDX-License-Identifier: Apache-2.0
#include "model/saddr_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"

namespace rtt::model {
namespace {

constexpr std::string_view kScheme = "rtt://";
constexpr std::string_view kUpperHex = "0123456789ABCDEF";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool starts_word(char c) { return is_lower(c) || is_digit(c); }
bool is_word(char c) { return starts_word(c) || c == '.' || c == '_' || c == '-'; }
bool starts_name(char c) { return starts_word(c) || is_upper(c) || c == '_'; }
bool is_name(char c) { return starts_name(c) || c == '.' || c == '-'; }

std::string shown(char c) {
  if (c > ' ' && c < '\x7f') return fmt::format("'{}'", c);
  return fmt::format("byte 0x{:02X}", static_cast<unsigned char>(c));
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A part from `start` up to the first of `stops` or the end.
RawPart part_at(std::string_view text, std::size_t start, std::string_view stops) {
  const std::size_t end = std::min(text.find_first_of(stops, start), text.size());
  return {text.substr(start, end - start), start + 1};
}

std::string char_hint(char c) {
  if (is_upper(c)) return "upper case is only allowed in names";
  if (c == ' ') return "an address has no spaces outside a version range";
  if (c == '*') return "`*` belongs to policy patterns; an address names one thing";
  return {};
}

Status check_dots(std::string_view text, std::size_t column, std::string_view what) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return {};
  return bad_address(column + dots, fmt::format("'..' in the {}", what));
}

Status check_size(std::size_t bytes, std::size_t column, std::string_view what) {
  if (bytes == 0) return bad_address(column, fmt::format("the {} is empty", what));
  if (bytes > limits::kNameBytesMax) {
    return bad_address(column, fmt::format("the {} is longer than {} bytes", what, limits::kNameBytesMax));
  }
  return {};
}

Result<char> decode_escape(std::string_view text, std::size_t at, std::size_t column) {
  const int high = at + 1 < text.size() ? hex_value(text[at + 1]) : -1;
  const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
  if (high < 0 || low < 0) {
    return bad_address(column + at, "'%' is not followed by two hex digits", "write a '%' itself as %25");
  }
  return static_cast<char>(static_cast<unsigned char>(high * 16 + low));
}

// Only the first byte of a whole name has the narrower set.
enum class Place : std::uint8_t { kFirst, kLater };

Result<std::string> decode_stretch(std::string_view text, std::size_t column, Place place) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '%') {
      RTT_TRY_SET(const char byte, decode_escape(text, at, column));
      decoded.push_back(byte);
      at += 2;
      continue;
    }
    const bool narrow = at == 0 && place == Place::kFirst;
    if (!(narrow ? starts_name(c) : is_name(c))) {
      return bad_address(
          column + at, fmt::format("{} in the name", shown(c)),
          c == '*' ? char_hint(c) : fmt::format("write it as %{:02X}", static_cast<unsigned char>(c)));
    }
    decoded.push_back(c);
  }
  return decoded;
}

std::string encode_stretch(std::string_view decoded, Place place) {
  std::string text;
  for (std::size_t at = 0; at < decoded.size(); ++at) {
    const char c = decoded[at];
    const bool narrow = at == 0 && place == Place::kFirst;
    if (narrow ? starts_name(c) : is_name(c)) {
      text.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text.push_back('%');
      text.push_back(kUpperHex[byte >> 4]);
      text.push_back(kUpperHex[byte & 15]);
    }
  }
  return text;
}

// `@version`, `#variant` and `?query`, the last two in either order.
Status cut_tail(std::string_view text, std::size_t at, RawAddress& out) {
  while (at < text.size()) {
    const char mark = text[at];
    auto& slot = mark == '@' ? out.version : mark == '#' ? out.variant : out.query;
    if (slot) return bad_address(at + 1, fmt::format("a second '{}'", mark));
    if (mark == '@' && (out.variant || out.query)) {
      return bad_address(at + 1, "'@' after '#' or '?'", "the version comes right after the name");
    }
    slot = part_at(text, at + 1, mark == '?' ? "#?" : "#?@");
    at += 1 + slot->text.size();
  }
  return {};
}

}  // namespace

std::unexpected<Error> bad_address(std::size_t column, std::string message, std::string hint) {
  return fail(Code::kBadAddress, std::move(message), fmt::format("column {}", column), std::move(hint));
}

Result<RawAddress> cut_address(std::string_view text) {
  if (!text.starts_with(kScheme)) {
    const auto differs = std::ranges::mismatch(text, kScheme).in2 - kScheme.begin();
    return bad_address(static_cast<std::size_t>(differs) + 1, "an address starts with rtt://",
                       "rtt://<namespace>/<type>/<name>[@version][#variant][?caps=a,b&io=req]");
  }
  RawAddress out;
  constexpr std::string_view kMarks = "/@#?";
  out.ns = part_at(text, kScheme.size(), kMarks);
  std::size_t at = kScheme.size() + out.ns.text.size();
  for (RawPart* part : {&out.type, &out.name}) {
    const std::string_view missing = part == &out.type ? "the type is missing" : "the name is missing";
    if (at >= text.size() || text[at] != '/') {
      return bad_address(at + 1, std::string(missing), "rtt://<namespace>/<type>/<name>");
    }
    *part = part_at(text, at + 1, kMarks);
    at += 1 + part->text.size();
  }
  if (at < text.size() && text[at] == '/') {
    return bad_address(at + 1, "a '/' too many", "an address has three parts; write '/' in a name as %2F");
  }
  RTT_TRY(cut_tail(text, at, out));
  return out;
}

Status check_word(const RawPart& part, std::string_view what, Stars stars) {
  RTT_TRY(check_size(part.text.size(), part.column, what));
  for (std::size_t at = 0; at < part.text.size(); ++at) {
    const char c = part.text[at];
    if (c == '*' && stars == Stars::kAllowed) continue;
    if (at == 0 ? starts_word(c) : is_word(c)) continue;
    const bool misplaced = at == 0 && is_word(c);
    return bad_address(part.column + at,
                       misplaced ? fmt::format("the {} starts with '{}'", what, c)
                                 : fmt::format("{} in the {}", shown(c), what),
                       misplaced ? "start with a letter or a digit" : char_hint(c));
  }
  return check_dots(part.text, part.column, what);
}

Result<std::string> decode_name(const RawPart& part) {
  if (part.text.empty()) return bad_address(part.column, "the name is empty");
  RTT_TRY_SET(std::string decoded, decode_stretch(part.text, part.column, Place::kFirst));
  RTT_TRY(check_size(decoded.size(), part.column, "name"));
  RTT_TRY(check_dots(part.text, part.column, "name"));
  if (decoded.find("..") != std::string::npos) return bad_address(part.column, "'..' in the name");
  return decoded;
}

std::string encode_name(std::string_view decoded) { return encode_stretch(decoded, Place::kFirst); }

Result<std::string> canonical_name_pattern(const RawPart& part) {
  RTT_TRY(check_size(part.text.size(), part.column, "name"));
  RTT_TRY(check_dots(part.text, part.column, "name"));
  std::string canonical;
  for (std::size_t start = 0; start <= part.text.size();) {
    const std::size_t star = std::min(part.text.find('*', start), part.text.size());
    const Place place = start == 0 ? Place::kFirst : Place::kLater;
    RTT_TRY_SET(const std::string decoded,
                decode_stretch(part.text.substr(start, star - start), part.column + start, place));
    canonical += encode_stretch(decoded, place);
    if (star < part.text.size()) canonical.push_back('*');
    start = star + 1;
  }
  if (canonical.find("..") != std::string::npos) return bad_address(part.column, "'..' in the name");
  return canonical;
}

}  // namespace rtt::model
