// SPDX-License-Identifier: Apache-2.0
#include "text/json_outline.h"

namespace rtt::text {

std::size_t JsonOutline::skip_space(std::size_t at) const {
  while (at < text_.size() &&
         (text_[at] == ' ' || text_[at] == '\t' || text_[at] == '\n' || text_[at] == '\r'))
    ++at;
  return at;
}

JsonOutline::Offset JsonOutline::skip_string(std::size_t at) const {
  if (this->at(at) != '"') return std::unexpected(at);
  for (std::size_t i = at + 1; i < text_.size(); ++i) {
    if (text_[i] == '"') return i + 1;
    if (text_[i] == '\\') {
      ++i;
    } else if (static_cast<unsigned char>(text_[i]) < 0x20) {
      return std::unexpected(i);
    }
  }
  return std::unexpected(text_.size());
}

JsonOutline::Offset JsonOutline::skip_word(std::size_t at) const {
  for (const std::string_view word : {"true", "false", "null"}) {
    if (text_.substr(at).starts_with(word)) return at + word.size();
  }
  const std::size_t end = std::min(text_.find_first_not_of("+-.0123456789eE", at), text_.size());
  if (end == at) return std::unexpected(at);
  return end;
}

JsonOutline::Offset JsonOutline::skip_value(std::size_t at, int depth) const {
  const char first = this->at(at);
  if (first == '"') return skip_string(at);
  if (first == '{' || first == '[') return skip_container(at, depth + 1);
  return skip_word(at);
}

JsonOutline::Offset JsonOutline::skip_container(std::size_t at, int depth) const {
  if (depth > kJsoncDepthMax) return std::unexpected(at);
  const bool object = text_[at] == '{';
  const char close = object ? '}' : ']';
  std::size_t comma = std::string_view::npos;
  for (std::size_t i = skip_space(at + 1);; i = skip_space(i + 1)) {
    if (this->at(i) == close && i < text_.size()) {
      if (comma != std::string_view::npos) {
        if (!on_trailing_comma_) return std::unexpected(comma);
        on_trailing_comma_(comma);
      }
      return i + 1;
    }
    if (object) {
      const Offset key = skip_string(i);
      if (!key) return key;
      i = skip_space(*key);
      if (this->at(i) != ':') return std::unexpected(i);
      i = skip_space(i + 1);
    }
    const Offset value = skip_value(i, depth);
    if (!value) return value;
    i = skip_space(*value);
    comma = std::string_view::npos;
    if (this->at(i) == ',') {
      comma = i;
    } else if (this->at(i) == close && i < text_.size()) {
      return i + 1;
    } else {
      return std::unexpected(i);
    }
  }
}

}  // namespace rtt::text
