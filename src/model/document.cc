// SPDX-License-Identifier: Apache-2.0
#include "model/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "model/limits.h"
#include "model/saddr_text.h"
#include "text/yaml.h"

namespace rtt::model {
namespace {

using text::Json;

bool has_shape(const Json& value, Shape shape) {
  switch (shape) {
    case Shape::kString:
      return value.is_string();
    case Shape::kText:
      return value.is_string() && !value.as_string().empty();
    case Shape::kInteger:
      return value.is_int();
    case Shape::kNumber:
      return value.is_number();
    case Shape::kBool:
      return value.is_bool();
    case Shape::kArray:
      return value.is_array();
    case Shape::kObject:
      return value.is_object();
    case Shape::kAny:
      return true;
  }
  return false;
}

std::string_view described(Shape shape) {
  switch (shape) {
    case Shape::kString:
      return "a string";
    case Shape::kText:
      return "a string that is not empty";
    case Shape::kInteger:
      return "an integer";
    case Shape::kNumber:
      return "a number";
    case Shape::kBool:
      return "true or false";
    case Shape::kArray:
      return "an array";
    case Shape::kObject:
      return "an object";
    case Shape::kAny:
      return "a value";
  }
  return {};
}

std::string_view described(const Json& value) {
  switch (value.kind()) {
    case text::JsonKind::kNull:
      return "null";
    case text::JsonKind::kBool:
      return "a boolean";
    case text::JsonKind::kInt:
      return "a number";
    case text::JsonKind::kDouble:
      return "a fraction";
    case text::JsonKind::kString:
      return value.as_string().empty() ? "an empty string" : "a string";
    case text::JsonKind::kArray:
      return "an array";
    case text::JsonKind::kObject:
      return "an object";
  }
  return {};
}

std::string named(std::string_view pointer) {
  const std::size_t slash = pointer.rfind('/');
  if (slash == std::string_view::npos) return "the document";
  return fmt::format("'{}'", pointer.substr(slash + 1));
}

// Byte offset of a 1-based position.
std::size_t offset_of(std::string_view text, text::Position position) {
  std::size_t at = 0;
  for (std::uint32_t line = 1; line < position.line; ++line) {
    at = text.find('\n', at);
    if (at == std::string_view::npos) return text.size();
    ++at;
  }
  return std::min(at + position.column - 1, text.size());
}

// N of "column N", or 0.
std::uint32_t column_of(std::string_view where) {
  constexpr std::string_view kWord = "column ";
  if (!where.starts_with(kWord)) return 0;
  std::uint32_t column = 0;
  std::from_chars(where.data() + kWord.size(), where.data() + where.size(), column);
  return column;
}

}  // namespace

std::string child(std::string_view pointer, std::string_view key) {
  return std::string(pointer).append("/").append(text::escape_pointer(key));
}
std::string child(std::string_view pointer, std::size_t index) {
  return std::string(pointer).append("/").append(std::to_string(index));
}

std::string suggest(std::string_view wrong, const std::vector<std::string>& choices) {
  if (const auto found = nearest(wrong, choices)) return fmt::format("did you mean '{}'?", *found);
  return fmt::format("one of: {}", fmt::join(choices, ", "));
}

const Json* member(const Json& object, std::string_view key, Shape shape) {
  const Json* value = object.find(key);
  return value != nullptr && has_shape(*value, shape) ? value : nullptr;
}

std::vector<std::uint32_t> element_lines(std::string_view json, std::string_view key) {
  std::vector<std::uint32_t> lines;
  std::uint32_t line = 1;
  int depth = 0;
  bool inside = false;     // the array wanted
  bool expecting = false;  // an element starts at the next byte that is not white space
  std::string_view last;   // the last string seen at depth 1: a key, when a value follows
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (c == '\n') ++line;
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (inside && depth == 2 && c == ']') return lines;
    if (expecting) lines.push_back(line);
    expecting = false;
    if (c == '"') {
      const std::size_t start = ++at;
      while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
      if (depth == 1) last = json.substr(start, std::min(at, json.size()) - start);
    } else if (c == '{' || c == '[') {
      ++depth;
      inside = inside || (depth == 2 && c == '[' && last == key);
      expecting = inside && depth == 2;
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == ',') {
      expecting = inside && depth == 2;
    }
  }
  return lines;
}

bool Document::check_shape(const Json& value, std::string_view pointer, Shape shape) {
  if (has_shape(value, shape)) return true;
  error(pointer, {.message = fmt::format("{} must be {}, not {}", named(pointer), described(shape),
                                         described(value))});
  return false;
}

bool Document::check(const Json& value, std::string_view pointer, std::span<const Key> keys) {
  if (!check_shape(value, pointer, Shape::kObject)) return false;
  for (const Key& key : keys) {
    const Json* found = value.find(key.name);
    if (found != nullptr) {
      if (!has_shape(*found, key.shape)) check_shape(*found, child(pointer, key.name), key.shape);
    } else if (key.need == Need::kRequired) {
      error(pointer, {.message = fmt::format("{} has no '{}'", named(pointer), key.name)});
    }
  }
  for (const auto& [name, unused] : value.as_object()) {
    if (std::ranges::find(keys, name, &Key::name) != keys.end()) continue;
    std::vector<std::string> names;
    for (const Key& key : keys) names.emplace_back(key.name);
    const Severity severity =
        source_.strictness == Strictness::kStrict ? Severity::kError : Severity::kWarning;
    report(severity, child(pointer, name),
           {.code = Code::kUnknownKey,
            .message = fmt::format("unknown key '{}'", name.substr(0, 64)),
            .hint = suggest(name, names),
            .part = text::Part::kKey});
  }
  return true;
}

void check_native(Document& document, const Json& object, std::string_view pointer) {
  const Json* native = member(object, "native", Shape::kObject);
  if (native == nullptr) return;
  for (const auto& [provider, own] : native->as_object()) {
    const std::string at = child(child(pointer, "native"), provider);
    if (!check_word({provider, 1}, "provider", Stars::kRefused)) {
      document.error(at, {.message = "a provider's name is lower-case letters, digits, '.', '_' and '-'",
                          .part = text::Part::kKey});
    }
    document.check_shape(own, at, Shape::kObject);
  }
}

std::optional<text::Position> Document::find(std::string_view pointer, text::Part part) const {
  if (source_.text.empty()) return std::nullopt;
  for (const std::string_view alias : source_.aliases) {
    if (!pointer.starts_with(alias)) continue;
    pointer = pointer.substr(alias.size());
    break;
  }
  // A value that is not written in the file (made from a default) is found at the nearest thing that is.
  for (;;) {
    auto position = source_.syntax == Syntax::kJson ? text::locate(source_.text, pointer, part)
                                                    : text::locate_yaml(source_.text, pointer, part);
    if (position) {
      position->line += source_.lines_before;
      return position;
    }
    if (pointer.empty()) return std::nullopt;
    pointer = pointer.substr(0, pointer.rfind('/'));
  }
}

std::string Document::place(std::string_view pointer) const {
  const auto position = find(pointer, text::Part::kValue);
  if (!position) return fmt::format("{}{}{}", source_.file, pointer.empty() ? "" : "#", pointer);
  return fmt::format("{}:{}", source_.file, position->line);
}

Error Document::first_error() const {
  for (const Problem& problem : problems_) {
    if (problem.severity != Severity::kError) continue;
    std::string where = problem.file;
    if (problem.line > 0) where += fmt::format(":{}:{}", problem.line, problem.column);
    return Error{
        .code = problem.code, .message = problem.message, .where = std::move(where), .hint = problem.hint};
  }
  return Error{.message = "refused without a reason", .where = std::string(source_.file)};
}

void Document::add(Problem problem) {
  if (problem.severity == Severity::kError) ++errors_;
  if (problems_.size() < limits::kProblemsPerFileMax) {
    problems_.push_back(std::move(problem));
  } else if (problems_.size() == limits::kProblemsPerFileMax) {
    problems_.push_back({.severity = problem.severity,
                         .file = std::string(source_.file),
                         .code = Code::kLimit,
                         .message = fmt::format("more than {} problems", limits::kProblemsPerFileMax),
                         .hint = "mend the first ones and look again"});
  } else if (problem.severity == Severity::kError) {
    problems_.back().severity = Severity::kError;
  }
}

void Document::report(Severity severity, std::string_view pointer, Finding finding) {
  Problem problem{.severity = severity,
                  .file = std::string(source_.file),
                  .code = finding.code,
                  .message = std::move(finding.message),
                  .hint = std::move(finding.hint)};
  if (problems_.size() < limits::kProblemsPerFileMax) {
    if (const auto position = find(pointer, finding.part)) {
      problem.line = position->line;
      problem.column = position->column;
    } else if (!pointer.empty()) {
      problem.message += fmt::format(" (at {})", pointer);
    }
  }
  add(std::move(problem));
}

void Document::inside_string(Severity severity, std::string_view pointer, const Json& value,
                             const Error& error) {
  const std::size_t before = problems_.size();
  const std::string message = value.is_string()
                                  ? fmt::format("'{}': {}", value.as_string().substr(0, 200), error.message)
                                  : error.message;
  report(severity, pointer, {.code = error.code, .message = message, .hint = error.hint});
  const std::uint32_t column = column_of(error.where);
  if (column == 0 || problems_.size() == before || problems_.back().line == 0 || !value.is_string()) return;
  Problem& problem = problems_.back();
  const std::size_t at = offset_of(source_.text, {problem.line - source_.lines_before, problem.column});
  const std::string_view rest = source_.text.substr(at);
  if (rest.starts_with(value.as_string())) {
    problem.column += column - 1;
  } else if (rest.substr(std::min<std::size_t>(1, rest.size())).starts_with(value.as_string())) {
    problem.column += column;  // past the opening quote
  } else {
    problem.message += fmt::format(" (column {} of the text)", column);
  }
}

}  // namespace rtt::model
