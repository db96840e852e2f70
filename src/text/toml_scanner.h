// SPDX-License-Identifier: Apache-2.0
// TomlScanner: the walk over a text that is TOML already, behind TomlText.
//
// It judges nothing: where the text is not what it expects it stops, and nothing is edited.
//
// Owns: nothing.   Thread: one.   Fails: nothing or false; never reads outside the text.
// Limits: kJsoncDepthMax levels.
#pragma once

#include <map>
#include <optional>

#include "text/toml.h"

namespace rtt::text {

class TomlScanner {
 public:
  explicit TomlScanner(TomlText& into) : text_(into.text_), into_(into) {}
  TomlScanner(std::string_view text, TomlText& into) : text_(text), into_(into) {}

  bool document();
  std::vector<TomlText::Statement> members(Span value);
  std::vector<Span> items(Span value);

 private:
  using Offset = std::optional<std::size_t>;
  [[nodiscard]] char at(std::size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }
  [[nodiscard]] std::size_t skip_blanks(std::size_t at) const;
  std::size_t skip_gap(std::size_t at);  // blanks, line ends and comments
  // Over what may follow a statement on its line: the start of the next line.
  Offset line_end(std::size_t at);
  std::optional<std::pair<KeyPath, std::size_t>> key(std::size_t at) const;
  [[nodiscard]] Offset quoted(std::size_t at) const;
  Offset value(std::size_t at, int depth);
  Offset container(std::size_t at, int depth, std::vector<Span>* items,
                   std::vector<TomlText::Statement>* members);
  bool header(std::size_t line);
  bool assignment(std::size_t line, std::size_t at);
  [[nodiscard]] KeyPath resolved(const KeyPath& path) const;

  std::string_view text_;
  TomlText& into_;
  KeyPath table_;
  std::map<KeyPath, int> arrays_;  // arrays of tables and how many tables they have so far
  std::size_t next_ = 0;
};

}  // namespace rtt::text
