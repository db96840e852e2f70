// SPDX-License-Identifier: Apache-2.0
#include "views/front_repair.h"

#include <algorithm>
#include <functional>

#include "text/json_token.h"

namespace rtt::views {
namespace {

bool is_key_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// `quotes(key, text)` says which texts of lines `key: text` without blanks before them get quotes.
std::string rewritten(std::string_view front,
                      const std::function<bool(std::string_view key, std::string_view text)>& quotes) {
  std::string out;
  out.reserve(front.size() + 64);
  for (std::size_t at = 0; at < front.size();) {
    const std::size_t end = std::min(front.find('\n', at), front.size());
    std::string_view line = front.substr(at, end - at);
    at = end + 1;
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
      line.remove_suffix(1);
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos && colon > 0 &&
        std::ranges::all_of(line.substr(0, colon), is_key_byte)) {
      const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
      const std::string_view text = line.substr(begin);
      if (quotes(line.substr(0, colon), text)) {
        out.append(line.substr(0, begin));
        text::append_json_string(out, text);
        out += '\n';
        continue;
      }
    }
    out.append(line).append("\n");
  }
  return out;
}

bool is_quoted_or_list(std::string_view text) {
  return text.starts_with('"') || text.starts_with('\'') || text.starts_with('[');
}

}  // namespace

std::string with_quoted_line(std::string_view front, std::string_view key) {
  return rewritten(front, [&](std::string_view of, std::string_view text) {
    return of == key && !is_quoted_or_list(text);
  });
}

std::string with_quoted_lines(std::string_view front) {
  return rewritten(front, [](std::string_view, std::string_view text) {
    if (is_quoted_or_list(text) || text.starts_with('{') || text.starts_with('|') || text.starts_with('>'))
      return false;
    return text.contains(": ") || text.ends_with(':') || std::string_view("@`%*!&").contains(text.front());
  });
}

}  // namespace rtt::views
