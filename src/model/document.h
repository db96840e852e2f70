// SPDX-License-Identifier: Apache-2.0
// Document: one authored file while it is read: checks values against tables of keys and turns every finding
// into a Problem with its line and column.
//
// Readers work on the parsed value and speak in JSON pointers; only a finding pays for locating itself in the
// text. A Markdown front matter is read through the same tables as the JSON form it stands for: `aliases`
// says which pointers of the JSON form are found where in the front matter.
//
// Owns: its problems; the text and file name given must outlive it.   Thread: one.
// Limits: kProblemsPerFileMax problems are kept; errors beyond still count.
//
// Fails: never.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/contract.h"
#include "model/problem.h"
#include "text/json.h"

namespace rtt::model {

enum class Shape : std::uint8_t {
  kString,
  kText,
  kInteger,
  kNumber,
  kBool,
  kArray,
  kObject,
  kAny
};  // kText: not empty
enum class Need : std::uint8_t { kOptional, kRequired };

struct Key {
  std::string_view name;
  Shape shape = Shape::kAny;
  Need need = Need::kOptional;
};

class Document {
 public:
  enum class Syntax : std::uint8_t { kJson, kYaml };
  struct Source {
    std::string_view text;  // empty: nothing to locate in, messages carry the pointer
    std::string_view file;
    Syntax syntax = Syntax::kJson;
    Strictness strictness = Strictness::kStrict;
    std::uint32_t lines_before = 0;           // of a front matter inside its file
    std::vector<std::string_view> aliases{};  // pointer prefixes dropped before locating
  };
  explicit Document(Source source) : source_(std::move(source)) {}

  // Whether `value` is an object; its unknown keys, missing keys and wrong kinds become problems.
  bool check(const text::Json& value, std::string_view pointer, std::span<const Key> keys);
  // Same for one value of an array. False, with a problem, if it has another shape.
  bool check_shape(const text::Json& value, std::string_view pointer, Shape shape);

  struct Finding {
    Code code = Code::kBadShape;
    std::string message;
    std::string hint{};
    text::Part part = text::Part::kValue;
  };
  void error(std::string_view pointer, Finding finding) {
    report(Severity::kError, pointer, std::move(finding));
  }
  void warning(std::string_view pointer, Finding finding) {
    report(Severity::kWarning, pointer, std::move(finding));
  }
  // An error found inside the string at `pointer`, whose `where` is "column N": the problem points at that
  // byte.
  void inside_string(Severity severity, std::string_view pointer, const text::Json& value,
                     const Error& error);
  void add(Problem problem);

  // "file:line" of the value at `pointer`, for rules that name themselves later.
  [[nodiscard]] std::string place(std::string_view pointer) const;
  [[nodiscard]] std::size_t errors() const { return errors_; }
  [[nodiscard]] std::string_view file() const { return source_.file; }
  [[nodiscard]] Strictness strictness() const { return source_.strictness; }
  // REQUIRES: errors() > 0. The first of them, for callers that answer with one Error.
  [[nodiscard]] Error first_error() const;
  std::vector<Problem> take_problems() { return std::move(problems_); }

 private:
  void report(Severity severity, std::string_view pointer, Finding finding);
  [[nodiscard]] std::optional<text::Position> find(std::string_view pointer, text::Part part) const;

  Source source_;
  std::vector<Problem> problems_;
  std::size_t errors_ = 0;
};

// `native` of an agent, skill, rule or command at `pointer`: an object of objects, by provider.
void check_native(Document& document, const text::Json& object, std::string_view pointer);

std::string child(std::string_view pointer, std::string_view key);
std::string child(std::string_view pointer, std::size_t index);
// "did you mean 'x'?" or the list of what is allowed.
std::string suggest(std::string_view wrong, const std::vector<std::string>& choices);

// The place of `text` in a table of names; an unknown one becomes an error that offers the nearest.
template <typename Enum, std::size_t N>
std::optional<Enum> read_enum(Document& document, std::string_view pointer, const text::Json& value,
                              const std::array<std::string_view, N>& names) {
  if (!document.check_shape(value, pointer, Shape::kString)) return std::nullopt;
  for (std::size_t i = 0; i < N; ++i) {
    if (value.as_string() == names[i]) return static_cast<Enum>(i);
  }
  document.error(pointer, {.message = "'" + value.as_string().substr(0, 64) + "' is not allowed here",
                           .hint = suggest(value.as_string(), {names.begin(), names.end()})});
  return std::nullopt;
}

// Lines on which the elements of the top-level array `key` start, in one pass; `json` has been parsed
// already. Empty if the key is not spelled plainly.
std::vector<std::uint32_t> element_lines(std::string_view json, std::string_view key);

// The member, if it is there and has the shape; anything else was reported by check().
const text::Json* member(const text::Json& object, std::string_view key, Shape shape);

}  // namespace rtt::model
