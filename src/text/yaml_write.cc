// SPDX-License-Identifier: Apache-2.0
#include "text/yaml_write.h"

#include <algorithm>
#include <array>

#include "text/json_token.h"
#include "text/utf8.h"

namespace rtt::text {
namespace {

// Plain words that some reader takes for a boolean, a number or nothing.
constexpr auto kReserved = std::to_array<std::string_view>(
    {"false", "inf", "infinity", "n", "nan", "no", "null", "off", "on", "true", "y", "yes"});

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_reserved(std::string_view text) {
  if (text.size() > 8) return false;
  std::array<char, 8> lower{};
  std::ranges::transform(text, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::ranges::binary_search(kReserved, std::string_view(lower.data(), text.size()));
}

// Characters YAML does not print, or that some reader takes for a line's end or a mark at the beginning.
bool is_escaped(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF || c == 0xFFFE ||
         c == 0xFFFF;
}

bool is_plain_byte(char c, char next) {
  if (is_letter(c) || (c >= '0' && c <= '9')) return true;
  switch (c) {
    case ' ':
      return next != '#' && next != '\0';
    case ':':
      return next != ' ' && next != '\0';
    case '_':
    case '.':
    case '/':
    case '-':
    case '(':
    case ')':
    case ';':
    case '+':
    case '=':
    case '$':
    case '~':
    case '@':
    case '*':
    case '!':
    case '?':
    case '&':
    case '%':
    case '^':
    case '\'':
    case '"':
    case '`':
    case '<':
    case '>':
    case ',':
    case '#':
      return true;
    default:
      return false;
  }
}

// It begins with a letter, so it is no number, date or indicator; brackets, braces, bars and backslashes are
// left to quotes although YAML would take them.
bool is_plain(std::string_view text) {
  if (text.empty() || (!is_letter(text[0]) && static_cast<unsigned char>(text[0]) < 0xC3)) return false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) < 0x80) {
      if (!is_plain_byte(c, at + 1 < text.size() ? text[at + 1] : '\0')) return false;
      ++at;
      continue;
    }
    const Utf8Char character = decode_utf8(text, at);
    if (character.length == 0 || is_escaped(character.value)) return false;
    at += character.length;
  }
  return !is_reserved(text);
}

void append_escaped(std::string& out, char32_t c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c == '\r') {
    out += "\\r";
  } else {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[c >> shift & 15];
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  std::size_t run = 0;  // start of the bytes not yet copied
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    const Utf8Char character = c < 0x80 ? Utf8Char{.value = c, .length = 1} : decode_utf8(text, at);
    const bool quoted = c == '"' || c == '\\';
    if (character.length != 0 && !quoted && !is_escaped(character.value)) {
      at += character.length;
      continue;
    }
    out += text.substr(run, at - run);
    if (quoted) {
      out += '\\';
      out += text[at];
    } else {
      append_escaped(out, character.length == 0 ? 0xFFFD : character.value);
    }
    at += std::max<std::size_t>(character.length, 1);
    run = at;
  }
  out += text.substr(run);
  out += '"';
}

void append_scalar(std::string& out, const Json& value) {
  if (value.is_string()) {
    append_yaml_text(out, value.as_string());
  } else if (value.is_int()) {
    append_json_number(out, value.as_int());
  } else if (value.kind() == JsonKind::kDouble) {
    std::string made;
    append_json_number(made, value.as_double());
    // Without a point a reader of YAML 1.1 takes 1e+21 for a word.
    if (const std::size_t e = made.find('e'); e != std::string::npos && !made.contains('.'))
      made.insert(e, ".0");
    out += made;
  } else {
    out += value.is_null() ? "null" : value.as_bool() ? "true" : "false";
  }
}

bool is_scalar(const Json& value) { return !value.is_array() && !value.is_object(); }

bool append_flow(std::string& out, const Json& value, int depth) {
  if (depth > kDepthMax) return false;
  bool good = true;
  if (value.is_array()) {
    out += '[';
    for (const Json& item : value.as_array()) {
      if (&item != &value.as_array().front()) out += ", ";
      good = good && append_flow(out, item, depth + 1);
    }
    out += ']';
  } else if (value.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : value.as_object()) {
      if (!first) out += ", ";
      first = false;
      append_quoted(out, key);
      out += ": ";
      good = good && append_flow(out, member, depth + 1);
    }
    out += '}';
  } else if (value.is_string()) {
    append_quoted(out, value.as_string());
  } else {
    append_scalar(out, value);
  }
  return good;
}

bool append_item(std::string& out, const Json& value) {
  out += ' ';
  const bool good = append_flow(out, value, 1);
  out += '\n';
  return good;
}

}  // namespace

void append_yaml_text(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out += text;
  } else {
    append_quoted(out, text);
  }
}

bool append_yaml_member(std::string& out, std::string_view key, const Json& value) {
  const std::size_t before = out.size();
  bool good = true;
  append_yaml_text(out, key);
  out += ':';
  if (is_scalar(value)) {
    out += ' ';
    append_scalar(out, value);
    out += '\n';
    return true;
  }
  if (value.is_array() && !value.as_array().empty()) {
    out += '\n';
    for (const Json& item : value.as_array()) {
      out += "  -";
      if (is_scalar(item)) {
        out += ' ';
        append_scalar(out, item);
        out += '\n';
      } else {
        good = good && append_item(out, item);
      }
    }
  } else if (value.is_object() && !value.as_object().empty()) {
    out += '\n';
    for (const auto& [name, member] : value.as_object()) {
      out += "  ";
      append_yaml_text(out, name);
      out += ':';
      if (is_scalar(member)) {
        out += ' ';
        append_scalar(out, member);
        out += '\n';
      } else {
        good = good && append_item(out, member);
      }
    }
  } else {
    out += value.is_array() ? " []\n" : " {}\n";
  }
  if (!good) out.resize(before);
  return good;
}

}  // namespace rtt::text
