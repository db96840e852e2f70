// SPDX-License-Identifier: Apache-2.0
// JsonReader: the one pass over a JSON text behind parse_json() and locate().
//
// Recursion is bounded by kDepthMax. Line and column are counted only when an error needs them.
//
// Owns: the first error met.   Thread: one.   Fails: a function that fails returns nothing and leaves
// error().
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/json.h"

namespace rtt::text {

class JsonReader {
 public:
  // `text` outlives the reader.
  explicit JsonReader(std::string_view text) : text_(text) {}

  std::optional<Json> document();
  // Offset of the value or key at `pointer`.
  std::optional<std::size_t> find(std::string_view pointer, Part part);
  // Code, message and hint; `where` is line:column.
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  std::optional<Json> value();
  std::optional<Json> array();
  std::optional<Json> object();
  std::optional<Json> number();
  std::optional<Json> word();
  std::optional<std::string> string();
  std::optional<std::string> key();  // and the colon after it
  bool escape(std::string& out);
  bool unicode_escape(std::string& out);
  std::optional<char32_t> hex4();
  bool enter();
  void leave() { --depth_; }
  bool after_item(char close);  // at `,` before another item or at `close`; else an error
  std::optional<Json> real(std::string_view literal, std::size_t at);
  std::optional<std::size_t> find_member(std::string_view wanted);
  bool find_item(std::string_view wanted);

  void skip_space();
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[nodiscard]] std::string found() const;  // what stands at at_, in words
  std::nullopt_t refuse(Code code, std::size_t at, std::string message, std::string hint = {});
  std::nullopt_t refuse_byte(std::string_view expected);  // at at_

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  Error error_;
};

}  // namespace rtt::text
