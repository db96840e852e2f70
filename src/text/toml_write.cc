// SPDX-License-Identifier: Apache-2.0
#include "text/toml_write.h"

#include "text/toml.h"

namespace rtt::text {
namespace {

void append_control(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

void append_lines(std::string& out, std::string_view text) {
  out += "\"\"\"\n";  // a line end right after the quotes is none of the text's
  for (const char c : text) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c != '\n' && c != '\t' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)) {
      append_control(out, c);
    } else {
      out += c;
    }
  }
  out += "\"\"\"";
}

}  // namespace

bool append_toml_value(std::string& out, const Json& value, int depth) {
  if (depth > kDepthMax || value.is_null()) return false;
  if (value.is_string()) {
    out += toml_string(value.as_string());
  } else if (value.is_array()) {
    out += '[';
    for (const Json& item : value.as_array()) {
      if (&item != &value.as_array().front()) out += ", ";
      if (!append_toml_value(out, item, depth + 1)) return false;
    }
    out += ']';
  } else if (value.is_object()) {
    bool first = true;
    for (const auto& [key, member] : value.as_object()) {
      out += first ? "{ " : ", ";
      first = false;
      out += toml_key(key);
      out += " = ";
      if (!append_toml_value(out, member, depth + 1)) return false;
    }
    out += first ? "{}" : " }";
  } else {
    out += to_json(value);
  }
  return true;
}

bool append_toml_member(std::string& out, std::string_view key, const Json& value) {
  const std::size_t before = out.size();
  out += toml_key(key);
  out += " = ";
  bool good = true;
  if (value.is_string() && value.as_string().contains('\n')) {
    append_lines(out, value.as_string());
  } else {
    good = append_toml_value(out, value);
  }
  out += '\n';
  if (!good) out.resize(before);
  return good;
}

}  // namespace rtt::text
