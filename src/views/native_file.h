// SPDX-License-Identifier: Apache-2.0
// NativeFile: the text of one file in a client's syntax, members first, then the item's text.
//
// A text after front matter has an empty line before it and a line end after it, which reading takes off
// again, so any text comes back exactly. Front matter without members is left out, unless the text itself
// begins like front matter.
//
// Owns: the text so far.   Thread: one.   Fails: see member().   Limits: the writers' depth.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "text/json.h"
#include "views/provider.h"

namespace rtt::views {

class NativeFile {
 public:
  explicit NativeFile(Syntax syntax);

  // False: this syntax has no form for the value (null in TOML, nested too deep); nothing was written.
  [[nodiscard]] bool member(std::string_view key, const text::Json& value);
  void raw_line(std::string_view key, std::string_view text);  // kFront: `KEY: TEXT` as it is
  // The whole, with the text after its members (kFront) or as all there is (kPlain).
  [[nodiscard]] std::string with_text(std::string_view text) &&;
  [[nodiscard]] std::string whole() &&;

 private:
  Syntax syntax_;
  std::string out_;
  text::Json object_;  // kJson
};

// The same in reading.
struct FrontMatter {
  std::string_view front;  // YAML; empty if there is none
  std::string_view text;
  bool present = false;
};
// Nothing: front matter that begins and has no end.
std::optional<FrontMatter> split_front(std::string_view file);
std::string_view without_last_line_end(std::string_view text);

}  // namespace rtt::views
