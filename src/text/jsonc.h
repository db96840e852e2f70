// SPDX-License-Identifier: Apache-2.0
// JsoncText: JSON as people's editors keep it — comments, trailing commas, a byte order mark — with the place
// of every member, and edits of it that leave every other byte alone.
//
// The structure of the whole text is checked, but only the values asked for are read strictly (json.h): a
// client's file may hold a number or half a surrogate elsewhere that is no business of ours. An edit is made
// in the text at the place the reader found, in the style of its neighbours: indentation, line ends, trailing
// comma. What is removed takes its line along if nothing else stands there, a comment excepted.
//
// Owns: the text.   Thread: a value.   Units: byte offsets; errors say NAME:line:column.
// Fails: kJsonSyntax, kJsonEncoding, kJsonDepth, kJsonDuplicateKey (a member asked for that is there twice),
// kBadShape (no object where one is asked for). No message repeats a value.
// Limits: ParseOptions::bytes_max; kJsoncDepthMax levels.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json.h"

namespace rtt::text {

inline constexpr int kJsoncDepthMax = 128;

struct Span {
  std::size_t begin = 0, end = 0;
  [[nodiscard]] std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
  friend bool operator==(const Span&, const Span&) = default;
};

// Bytes [at.begin, at.end) replaced by `with`.
struct Splice {
  Span at;
  std::string with;
};
// REQUIRES: spans within `text` that do not overlap; those of equal begin keep their order.
std::string spliced(std::string_view text, std::vector<Splice> splices);

using KeyPath = std::vector<std::string>;

class JsoncText {
 public:
  static Result<JsoncText> read(std::string text, ParseOptions options = {});

  struct Member {
    std::string name;
    Span key, value;  // the key with its quotes
  };
  [[nodiscard]] const std::string& text() const { return text_; }
  // In the text's order. REQUIRES: the span of an object of this text.
  [[nodiscard]] std::vector<Member> members(Span object) const;
  // The value at a path of keys; nothing if a key is absent.
  [[nodiscard]] Result<std::optional<Span>> find(const KeyPath& path) const;
  [[nodiscard]] Result<Json> value(Span value) const;
  // Every string value of the text: (its span with quotes, what it says). Keys are left out.
  [[nodiscard]] std::vector<std::pair<Span, std::string>> strings() const;
  [[nodiscard]] std::vector<Span> comments() const { return comments_; }

  // Sets the member `path.back()` of the object at the path before it to `raw`, JSON text; objects on the way
  // are made where absent. One that is there keeps its key and place.
  [[nodiscard]] Result<std::string> with(const KeyPath& path, std::string_view raw) const;
  // Absent is no error: the text as it is.
  [[nodiscard]] Result<std::string> without(const KeyPath& path) const;

 private:
  friend class JsoncEditor;
  [[nodiscard]] Error error_at(std::size_t offset, Code code, std::string message) const;
  Status blank();  // fills bare_ and strict_

  std::string text_, name_;
  std::string bare_;    // comments as spaces, same length
  std::string strict_;  // and trailing commas as spaces: JSON
  std::vector<Span> comments_;
  Span root_;
};

}  // namespace rtt::text
