// SPDX-License-Identifier: Apache-2.0
#include "text/json_pointer.h"

#include <algorithm>
#include <charconv>

namespace rtt::text {

std::optional<std::string> unescape_pointer(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out += token[i];
      continue;
    }
    if (++i == token.size() || (token[i] != '0' && token[i] != '1')) return std::nullopt;
    out += token[i] == '0' ? '~' : '/';
  }
  return out;
}

std::string escape_pointer(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

Result<JsonPointer> parse_pointer(std::string_view pointer) {
  if (!pointer.empty() && pointer.front() != '/') {
    return fail(Code::kBadShape, "a JSON pointer is empty or begins with `/`");
  }
  JsonPointer tokens;
  while (!pointer.empty()) {
    const std::size_t end = std::min(pointer.find('/', 1), pointer.size());
    auto token = unescape_pointer(pointer.substr(1, end - 1));
    if (!token) return fail(Code::kBadShape, "in a JSON pointer `~` is written `~0` and `/` `~1`");
    tokens.push_back(*std::move(token));
    pointer.remove_prefix(end);
  }
  return tokens;
}

std::string to_pointer(std::span<const std::string> tokens) {
  std::string out;
  for (const std::string& token : tokens) out += '/' + escape_pointer(token);
  return out;
}

std::optional<std::size_t> pointer_index(std::string_view token) {
  std::size_t index = 0;
  const auto read = std::from_chars(token.data(), token.data() + token.size(), index);
  const bool canonical = token == "0" || !token.starts_with('0');
  if (read.ec != std::errc{} || read.ptr != token.data() + token.size() || !canonical) return std::nullopt;
  return index;
}

const Json* find_pointer(const Json& value, std::span<const std::string> tokens) {
  const Json* at = &value;
  for (const std::string& token : tokens) {
    if (at->is_object()) {
      at = at->find(token);
      if (at == nullptr) return nullptr;
      continue;
    }
    const auto index = at->is_array() ? pointer_index(token) : std::nullopt;
    if (!index || *index >= at->as_array().size()) return nullptr;
    at = &at->as_array()[*index];
  }
  return at;
}

Json* find_pointer(Json& value, std::span<const std::string> tokens) {
  return const_cast<Json*>(find_pointer(std::as_const(value), tokens));
}

}  // namespace rtt::text
