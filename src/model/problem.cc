// SPDX-License-Identifier: Apache-2.0
#include "model/problem.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace rtt::model {
namespace {

// Takes ":<number>" off the end of `text`.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
  const char* first = text.data() + colon + 1;
  const char* last = text.data() + text.size();
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(first, last, value);
  if (error != std::errc{} || end != last) return std::nullopt;
  text = text.substr(0, colon);
  return value;
}

std::string_view to_string(Severity severity) { return severity == Severity::kError ? "error" : "warning"; }

}  // namespace

text::Json to_json(const Problem& problem) {
  return text::Json::object({{"file", problem.file},
                             {"line", problem.line},
                             {"column", problem.column},
                             {"code", code_name(problem.code)},
                             {"message", problem.message},
                             {"hint", problem.hint},
                             {"severity", to_string(problem.severity)}});
}

std::string to_string(const Problem& problem) {
  std::string place = problem.file;
  if (problem.line > 0) place += fmt::format(":{}:{}", problem.line, problem.column);
  if (!place.empty()) place += ": ";
  return fmt::format("{}{} {}: {}", place, to_string(problem.severity), code_name(problem.code),
                     problem.message);
}

Problem problem_from(const Error& error, std::string_view file) {
  Problem problem{
      .file = std::string(file), .code = error.code, .message = error.message, .hint = error.hint};
  for (const std::string& cause : error.causes) problem.message += ": " + cause;
  std::string_view where = error.where;
  if (where.empty()) return problem;
  const auto last = take_number(where);
  const auto before = last ? take_number(where) : std::nullopt;
  if (last) {
    problem.line = before ? *before : *last;
    problem.column = before ? *last : 1;
  }
  if (!where.empty()) problem.file = where;
  return problem;
}

}  // namespace rtt::model
