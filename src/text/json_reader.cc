// SPDX-License-Identifier: Apache-2.0
#include "text/json_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/assert.h"
#include "text/json_members.h"
#include "text/utf8.h"

namespace rtt::text {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }

// Bytes a string literal may hold as they are: everything but `"`, `\`, controls, and bytes above 7F (to be
// decoded).
constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}
constexpr auto kPlain = make_plain();

// The decimal exponent of a literal's first nonzero digit: tells too large from too small when a double holds
// neither.
long leading_exponent(std::string_view literal) {
  constexpr long kFar = 1'000'000'000;
  const std::size_t e = std::min(literal.find_first_of("eE"), literal.size());
  long exponent = 0;
  if (e < literal.size()) {
    std::string_view digits = literal.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (read.ec == std::errc::result_out_of_range) exponent = digits.starts_with('-') ? -kFar : kFar;
    exponent = std::clamp(exponent, -kFar, kFar);
  }
  const std::string_view mantissa = literal.substr(0, e);
  const std::size_t first = mantissa.find_first_of("123456789");
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  RTT_ASSERT(first != std::string_view::npos);
  const auto places = static_cast<long>(point) - static_cast<long>(first);
  return exponent + places;
}

struct WordHint {
  std::string_view word;
  std::string_view hint;
};
constexpr WordHint kWordHints[] = {
    {"True", "write true, in lower case"},
    {"TRUE", "write true, in lower case"},
    {"False", "write false, in lower case"},
    {"FALSE", "write false, in lower case"},
    {"None", "write null"},
    {"NULL", "write null, in lower case"},
    {"Null", "write null, in lower case"},
    {"nil", "write null"},
    {"undefined", "write null, or leave the key out"},
    {"NaN", "JSON has no such number; write null or a string"},
    {"Infinity", "JSON has no such number; write null or a string"},
};

}  // namespace

std::nullopt_t JsonReader::refuse(Code code, std::size_t at, std::string message, std::string hint) {
  error_ = Error{.code = code,
                 .message = std::move(message),
                 .where = to_string(position_of(text_, at)),
                 .hint = std::move(hint)};
  return std::nullopt;
}

std::string JsonReader::found() const {
  if (at_end()) return "the end of the text";
  const auto c = static_cast<unsigned char>(text_[at_]);
  if (c == '"') return "a string";
  if (c < 0x20 || c == 0x7F) {
    std::string hex = "a control character 0x00";
    hex[hex.size() - 2] = "0123456789abcdef"[c >> 4];
    hex[hex.size() - 1] = "0123456789abcdef"[c & 15];
    return hex;
  }
  if (is_digit(text_[at_])) return "a number";
  if (is_letter(text_[at_])) return "a word without quotes";
  return "`" + std::string(text_.substr(at_, decode_utf8(text_, at_).length)) + "`";
}

std::nullopt_t JsonReader::refuse_byte(std::string_view expected) {
  const char c = peek();
  if (!at_end() && decode_utf8(text_, at_).length == 0) {
    return refuse(Code::kJsonEncoding, at_, "this byte is not valid UTF-8", "save the file as UTF-8");
  }
  std::string hint;
  if (at_end()) hint = "the text ends too early; is a closing bracket missing, or was it cut short?";
  if (c == '\'') hint = "strings and keys take double quotes";
  if (c == '/' || c == '#') hint = "JSON has no comments";
  if (c == '+' || c == '.') hint = "a number begins with a digit or `-`";
  return refuse(Code::kJsonSyntax, at_, "expected " + std::string(expected) + ", found " + found(),
                std::move(hint));
}

void JsonReader::skip_space() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return;
    ++at_;
  }
}

std::optional<Json> JsonReader::document() {
  if (text_.starts_with("\xEF\xBB\xBF")) {
    return refuse(Code::kJsonEncoding, 0, "the text begins with a byte order mark",
                  "save the file as UTF-8 without BOM");
  }
  if (text_.starts_with("\xFF\xFE") || text_.starts_with("\xFE\xFF")) {
    return refuse(Code::kJsonEncoding, 0, "the text is UTF-16, not UTF-8", "save the file as UTF-8");
  }
  skip_space();
  if (at_end()) return refuse(Code::kJsonSyntax, at_, "the text is empty, a JSON value is expected");
  std::optional<Json> result = value();
  if (!result) return std::nullopt;
  skip_space();
  if (!at_end()) return refuse_byte("nothing after the value");
  return result;
}

// REQUIRES: white space skipped. Leaves at_ right after the value.
std::optional<Json> JsonReader::value() {
  const char c = peek();
  if (c == '{') return object();
  if (c == '[') return array();
  if (c == '"') {
    std::optional<std::string> text = string();
    if (!text) return std::nullopt;
    return Json(*std::move(text));
  }
  if (c == '-' || is_digit(c)) return number();
  if (is_letter(c)) return word();
  return refuse_byte("a value");
}

std::optional<Json> JsonReader::word() {
  std::size_t end = at_;
  while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) ++end;
  const std::string_view word = text_.substr(at_, end - at_);
  const std::size_t start = std::exchange(at_, end);
  if (word == "true") return Json(true);
  if (word == "false") return Json(false);
  if (word == "null") return Json();
  for (const WordHint& known : kWordHints) {
    if (word == known.word) {
      return refuse(Code::kJsonSyntax, start, "`" + std::string(word) + "` is not a JSON value",
                    std::string(known.hint));
    }
  }
  return refuse(Code::kJsonSyntax, start, "expected a value, found a word without quotes",
                "put text in double quotes");
}

bool JsonReader::enter() {
  if (++depth_ <= kDepthMax) return true;
  refuse(Code::kJsonDepth, at_, "nested more than " + std::to_string(kDepthMax) + " levels deep");
  return false;
}

bool JsonReader::after_item(char close) {
  skip_space();
  if (peek() == close && !at_end()) return true;
  if (peek() != ',') {
    refuse_byte(close == ']' ? "`,` or `]`" : "`,` or `}`");
    return false;
  }
  const std::size_t comma = at_++;
  skip_space();
  if (peek() == close && !at_end()) {
    refuse(Code::kJsonSyntax, comma, "a comma stands before the closing bracket", "remove the comma");
    return false;
  }
  return true;
}

std::optional<Json> JsonReader::array() {
  if (!enter()) return std::nullopt;
  ++at_;
  skip_space();
  JsonArray items;
  while (at_end() || peek() != ']') {
    std::optional<Json> item = value();
    if (!item) return std::nullopt;
    items.push_back(*std::move(item));
    if (!after_item(']')) return std::nullopt;
  }
  ++at_;
  leave();
  return Json(std::move(items));
}

std::optional<std::string> JsonReader::key() {
  if (peek() != '"') {
    if (is_letter(peek())) {
      return refuse(Code::kJsonSyntax, at_, "expected a key, found a word without quotes",
                    "put keys in double quotes");
    }
    return refuse_byte("a key in double quotes");
  }
  std::optional<std::string> name = string();
  if (!name) return std::nullopt;
  skip_space();
  if (peek() != ':') return refuse_byte("`:` after the key " + quoted_key(*name));
  ++at_;
  skip_space();
  return name;
}

std::optional<Json> JsonReader::object() {
  if (!enter()) return std::nullopt;
  ++at_;
  skip_space();
  std::vector<JsonMember> members;
  while (at_end() || peek() != '}') {
    JsonMember member;
    member.at = at_;
    std::optional<std::string> name = key();
    if (!name) return std::nullopt;
    member.key = *std::move(name);
    std::optional<Json> item = value();
    if (!item) return std::nullopt;
    member.value = *std::move(item);
    members.push_back(std::move(member));
    if (!after_item('}')) return std::nullopt;
  }
  ++at_;
  leave();
  std::expected<JsonObject, RepeatedKey> built = build_object(std::move(members));
  if (built) return Json(*std::move(built));
  error_ = repeated_key_error(text_, built.error());
  return std::nullopt;
}

std::optional<Json> JsonReader::number() {
  const std::size_t start = at_;
  const auto digits = [this] {
    const std::size_t first = at_;
    while (is_digit(peek())) ++at_;
    return at_ > first;
  };
  if (peek() == '-') ++at_;
  const std::size_t whole = at_;
  if (!digits()) return refuse_byte("a digit");
  if (text_[whole] == '0' && at_ > whole + 1) {
    return refuse(Code::kJsonSyntax, start, "a number has no leading zeros",
                  "remove them, or write a string");
  }
  bool integer = true;
  if (peek() == '.') {
    ++at_;
    integer = false;
    if (!digits()) return refuse_byte("a digit after the decimal point");
  }
  if (peek() == 'e' || peek() == 'E') {
    ++at_;
    integer = false;
    if (peek() == '+' || peek() == '-') ++at_;
    if (!digits()) return refuse_byte("a digit in the exponent");
  }
  const std::string_view literal = text_.substr(start, at_ - start);
  if (!integer) return real(literal, start);
  std::int64_t value = 0;
  const auto read = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  if (read.ec != std::errc{} || value > kJsonIntMax || value < -kJsonIntMax) {
    return refuse(Code::kJsonNumber, start, "an integer beyond ±9007199254740991 has no exact JSON form",
                  "write it as a string");
  }
  return Json(value);
}

std::optional<Json> JsonReader::real(std::string_view literal, std::size_t at) {
  double value = 0;
  const auto read = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  if (read.ec == std::errc::result_out_of_range) {
    if (leading_exponent(literal) > 0) {
      return refuse(Code::kJsonNumber, at, "a number too large for a double", "write it as a string");
    }
    value = 0;
  }
  const double size = std::fabs(value);
  if (size > static_cast<double>(kJsonIntMax) && size < 1e21) {  // printed without an exponent
    return refuse(Code::kJsonNumber, at, "an integer beyond ±9007199254740991 has no exact JSON form",
                  "write it as a string");
  }
  return Json(value);
}

// REQUIRES: at_ on the opening quote. Leaves at_ after the closing one.
std::optional<std::string> JsonReader::string() {
  const std::size_t start = at_++;
  std::string out;
  std::size_t run = at_;  // start of the bytes not yet copied
  while (at_ < text_.size()) {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (kPlain[c]) {
      ++at_;
    } else if (c >= 0x80) {
      const std::uint8_t length = decode_utf8(text_, at_).length;
      if (length == 0) {
        return refuse(Code::kJsonEncoding, at_, "this byte is not valid UTF-8", "save the file as UTF-8");
      }
      at_ += length;
    } else if (c == '"') {
      out += text_.substr(run, at_++ - run);
      return out;
    } else if (c == '\\') {
      out += text_.substr(run, at_ - run);
      if (!escape(out)) return std::nullopt;
      run = at_;
    } else {
      return refuse(Code::kJsonSyntax, at_, "a string holds " + found(),
                    "write it as an escape, as \\n or \\u0000; is a closing quote missing?");
    }
  }
  return refuse(Code::kJsonSyntax, start, "this string has no closing quote");
}

bool JsonReader::escape(std::string& out) {
  const std::size_t start = at_++;
  const char c = peek();
  ++at_;
  switch (c) {
    case '"':
    case '\\':
    case '/':
      out += c;
      return true;
    case 'b':
      out += '\b';
      return true;
    case 'f':
      out += '\f';
      return true;
    case 'n':
      out += '\n';
      return true;
    case 'r':
      out += '\r';
      return true;
    case 't':
      out += '\t';
      return true;
    case 'u':
      return unicode_escape(out);
    default:
      break;
  }
  refuse(Code::kJsonSyntax, start, "JSON has no such escape",
         "a backslash itself is written \\\\; the escapes are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
  return false;
}

// REQUIRES: at_ after `\u`.
bool JsonReader::unicode_escape(std::string& out) {
  const std::size_t start = at_ - 2;
  const std::optional<char32_t> first = hex4();
  if (!first) return false;
  if (*first < 0xD800 || *first > 0xDFFF) {
    append_utf8(out, *first);
    return true;
  }
  if (*first < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
    at_ += 2;
    const std::optional<char32_t> second = hex4();
    if (!second) return false;
    if (*second >= 0xDC00 && *second <= 0xDFFF) {
      append_utf8(out, 0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00));
      return true;
    }
  }
  refuse(Code::kJsonEncoding, start, "half of a surrogate pair is no character",
         "write both halves, as \\ud83d\\ude00, or the character itself");
  return false;
}

std::optional<char32_t> JsonReader::hex4() {
  const std::string_view digits = text_.substr(std::min(at_, text_.size()), 4);
  std::uint32_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 4 || read.ptr != digits.data() + 4) {
    return refuse(Code::kJsonSyntax, at_ - 2, "\\u takes four hexadecimal digits");
  }
  at_ += 4;
  return value;
}

}  // namespace rtt::text
