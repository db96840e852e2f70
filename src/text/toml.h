// SPDX-License-Identifier: Apache-2.0
// TOML 1.0 read into Json, and the places of its statements for edits that leave every other byte alone.
//
// toml++ judges and reads the text (docs/design/005); TomlText then finds where each table header and each
// `key = value` stands in a text already known to be TOML. Dates become text, as do integers JSON cannot
// hold.
//
// Owns: TomlText its text.   Thread: values.   Units: byte offsets; errors say NAME:line:column.
// Fails: kTomlSyntax, kTooLarge, kJsonDepth. No message repeats a value.
// Limits: ParseOptions::bytes_max; kDepthMax levels.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/json.h"
#include "text/jsonc.h"

namespace rtt::text {

Result<Json> parse_toml(std::string_view text, ParseOptions options = {});
// JSON strings and arrays of them are TOML too, but for DEL, which TOML wants escaped.
std::string toml_string(std::string_view value);
std::string toml_key(std::string_view key);  // bare where it may be

class TomlText {
 public:
  enum class Kind : std::uint8_t { kTable, kArrayTable, kValue };
  struct Statement {
    Kind kind = Kind::kValue;
    // From the root; the tables of an array are "[0]", "[1]", …
    KeyPath path;
    std::size_t own = 0;  // how many of its parts the statement itself writes
    Span lines;           // from the start of its first line to the start of the next
    Span key;             // as written
    Span value;           // kValue
  };
  static Result<TomlText> read(std::string text, ParseOptions options = {});

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const Json& json() const { return json_; }
  [[nodiscard]] const std::vector<Statement>& statements() const { return statements_; }
  // Members of an inline table and items of an array that is the value at `value`; empty if it is neither.
  [[nodiscard]] std::vector<Statement> inline_members(Span value) const;
  [[nodiscard]] std::vector<Span> items(Span value) const;
  [[nodiscard]] std::string_view newline() const;
  // Every string value: (its span with quotes, what it says); and every comment.
  [[nodiscard]] std::vector<std::pair<Span, std::string>> strings() const;
  [[nodiscard]] std::vector<Span> comments() const { return comments_; }

 private:
  friend class TomlScanner;
  std::string text_;
  Json json_;
  std::vector<Statement> statements_;
  std::vector<Span> strings_, comments_;
};

}  // namespace rtt::text
