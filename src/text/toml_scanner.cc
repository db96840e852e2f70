// SPDX-License-Identifier: Apache-2.0
#include "text/toml_scanner.h"

#include <algorithm>

namespace rtt::text {
namespace {

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

std::size_t TomlScanner::skip_blanks(std::size_t at) const {
  while (this->at(at) == ' ' || this->at(at) == '\t') ++at;
  return at;
}

std::size_t TomlScanner::skip_gap(std::size_t at) {
  while (at < text_.size()) {
    if (text_[at] == '#') {
      std::size_t end = std::min(text_.find('\n', at), text_.size());
      into_.comments_.push_back({at, end});
      at = end;
    } else if (text_[at] == ' ' || text_[at] == '\t' || text_[at] == '\r' || text_[at] == '\n') {
      ++at;
    } else {
      break;
    }
  }
  return at;
}

TomlScanner::Offset TomlScanner::line_end(std::size_t at) {
  at = skip_blanks(at);
  if (this->at(at) == '#') {
    const std::size_t end = std::min(text_.find('\n', at), text_.size());
    into_.comments_.push_back({at, end});
    at = end;
  }
  if (this->at(at) == '\r') ++at;
  if (at >= text_.size()) return text_.size();
  if (text_[at] != '\n') return std::nullopt;
  return at + 1;
}

TomlScanner::Offset TomlScanner::quoted(std::size_t at) const {
  const char quote = this->at(at);
  const std::string three(3, quote);
  if (text_.substr(at).starts_with(three)) {
    for (std::size_t i = at + 3; i < text_.size(); ++i) {
      if (text_[i] == '\\' && quote == '"') {
        ++i;
      } else if (text_.substr(i).starts_with(three)) {
        i += 3;  // up to two quotes more belong to the string
        for (int more = 0; more < 2 && this->at(i) == quote; ++more) ++i;
        return i;
      }
    }
    return std::nullopt;
  }
  for (std::size_t i = at + 1; i < text_.size() && text_[i] != '\n'; ++i) {
    if (text_[i] == '\\' && quote == '"') {
      ++i;
    } else if (text_[i] == quote) {
      return i + 1;
    }
  }
  return std::nullopt;
}

std::optional<std::pair<KeyPath, std::size_t>> TomlScanner::key(std::size_t at) const {
  KeyPath path;
  while (true) {
    at = skip_blanks(at);
    std::size_t end = at;
    if (this->at(at) == '"' || this->at(at) == '\'') {
      const Offset close = quoted(at);
      if (!close) return std::nullopt;
      end = *close;
      const auto read = parse_toml("v = " + std::string(text_.substr(at, end - at)));
      if (!read) return std::nullopt;
      path.emplace_back(read->string_or("v"));
    } else {
      while (is_bare(this->at(end))) ++end;
      if (end == at) return std::nullopt;
      path.emplace_back(text_.substr(at, end - at));
    }
    const std::size_t next = skip_blanks(end);
    if (this->at(next) != '.') return std::pair(std::move(path), end);
    at = next + 1;
  }
}

TomlScanner::Offset TomlScanner::value(std::size_t at, int depth) {
  if (depth > kJsoncDepthMax) return std::nullopt;
  const char first = this->at(at);
  if (first == '"' || first == '\'') {
    const Offset end = quoted(at);
    if (end) into_.strings_.push_back({at, *end});
    return end;
  }
  if (first == '[' || first == '{') return container(at, depth + 1, nullptr, nullptr);
  std::size_t end = std::min(text_.find_first_of(",]}#\r\n", at), text_.size());
  while (end > at && (text_[end - 1] == ' ' || text_[end - 1] == '\t')) --end;
  if (end == at) return std::nullopt;
  return end;
}

TomlScanner::Offset TomlScanner::container(std::size_t at, int depth, std::vector<Span>* items,
                                           std::vector<TomlText::Statement>* members) {
  const bool table = this->at(at) == '{';
  const char close = table ? '}' : ']';
  for (std::size_t i = skip_gap(at + 1); i < text_.size(); i = skip_gap(i + 1)) {
    if (text_[i] == close) return i + 1;
    TomlText::Statement member;
    if (table) {
      auto name = key(i);
      if (!name) return std::nullopt;
      member.path = std::move(name->first);
      member.key = {i, name->second};
      i = skip_blanks(name->second);
      if (this->at(i) != '=') return std::nullopt;
      i = skip_blanks(i + 1);
    }
    const Offset end = value(i, depth);
    if (!end) return std::nullopt;
    member.value = {i, *end};
    member.lines = {member.key.begin, *end};
    if (items != nullptr) items->push_back(member.value);
    if (members != nullptr) members->push_back(std::move(member));
    i = skip_gap(*end);
    if (this->at(i) == close && i < text_.size()) return i + 1;
    if (this->at(i) != ',') return std::nullopt;
  }
  return std::nullopt;
}

std::vector<TomlText::Statement> TomlScanner::members(Span value) {
  std::vector<TomlText::Statement> out;
  if (at(value.begin) == '{') container(value.begin, 0, nullptr, &out);
  return out;
}

std::vector<Span> TomlScanner::items(Span value) {
  std::vector<Span> out;
  if (at(value.begin) == '[') container(value.begin, 0, &out, nullptr);
  return out;
}

KeyPath TomlScanner::resolved(const KeyPath& path) const {
  KeyPath out;
  for (const std::string& part : path) {
    out.push_back(part);
    if (const auto array = arrays_.find(out); array != arrays_.end())
      out.push_back("[" + std::to_string(array->second - 1) + "]");
  }
  return out;
}

bool TomlScanner::header(std::size_t line) {
  const std::size_t open = skip_blanks(line);
  const bool array = at(open + 1) == '[';
  auto name = key(open + (array ? 2 : 1));
  if (!name) return false;
  std::size_t end = skip_blanks(name->second);
  if (at(end) != ']' || (array && at(end + 1) != ']')) return false;
  end += array ? 2 : 1;
  const Offset next = line_end(end);
  if (!next) return false;
  if (array) {
    KeyPath above(name->first.begin(), name->first.end() - 1);
    above = resolved(above);
    above.push_back(name->first.back());
    ++arrays_[above];
  }
  table_ = resolved(name->first);
  into_.statements_.push_back({.kind = array ? TomlText::Kind::kArrayTable : TomlText::Kind::kTable,
                               .path = table_,
                               .own = name->first.size(),
                               .lines = {line, *next},
                               .key = {open, end},
                               .value = {}});
  next_ = *next;
  return true;
}

bool TomlScanner::assignment(std::size_t line, std::size_t begin) {
  auto name = key(begin);
  if (!name) return false;
  std::size_t from = skip_blanks(name->second);
  if (at(from) != '=') return false;
  from = skip_blanks(from + 1);
  const Offset end = value(from, 0);
  if (!end) return false;
  const Offset next = line_end(*end);
  if (!next) return false;
  KeyPath path = table_;
  path.insert(path.end(), name->first.begin(), name->first.end());
  into_.statements_.push_back({.kind = TomlText::Kind::kValue,
                               .path = std::move(path),
                               .own = name->first.size(),
                               .lines = {line, *next},
                               .key = {begin, name->second},
                               .value = {from, *end}});
  next_ = *next;
  return true;
}

bool TomlScanner::document() {
  if (text_.starts_with("\xEF\xBB\xBF")) next_ = 3;
  while (next_ < text_.size()) {
    const std::size_t line = next_;
    const std::size_t begin = skip_blanks(line);
    if (at(begin) == '[') {
      if (!header(line)) return false;
    } else if (begin >= text_.size() || at(begin) == '#' || at(begin) == '\r' || at(begin) == '\n') {
      const Offset next = line_end(begin);
      if (!next) return false;
      next_ = *next;
    } else if (!assignment(line, begin)) {
      return false;
    }
  }
  return true;
}

}  // namespace rtt::text
