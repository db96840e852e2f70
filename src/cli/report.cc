// SPDX-License-Identifier: Apache-2.0
#include "cli/report.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace rtt::cli {

using text::Json;

std::optional<Code> parse_code(std::string_view text) {
  if (text.size() > 3 && (text.starts_with("RTT") || text.starts_with("rtt"))) text.remove_prefix(3);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  for (const CodeInfo& info : all_codes()) {
    if (static_cast<int>(info.code) == number) return info.code;
  }
  return std::nullopt;
}

Exit error_exit(const Json& error) {
  const auto code = parse_code(error.string_or("code"));
  return code ? exit_status(*code) : Exit::kFailed;
}

std::string error_text(const Json& error, const Paint& paint) {
  const std::string_view code = error.string_or("code", "RTT0905");
  std::string text = paint(Tone::kBad, fmt::format("error[{}]", printable(code))) + ": " +
                     paint(Tone::kBold, printable(error.string_or("message"), Lines::kMany)) + "\n";
  if (const auto where = error.string_or("where"); !where.empty()) {
    text += paint(Tone::kDim, "  --> ") + printable(where) + "\n";
  }
  if (const Json* causes = error.find("causes"); causes != nullptr && causes->is_array()) {
    for (const Json& cause : causes->as_array()) {
      if (cause.is_string())
        text += paint(Tone::kDim, "  = ") + printable(cause.as_string(), Lines::kMany) + "\n";
    }
  }
  if (const Json* conflict = error.find("conflict"); conflict != nullptr && conflict->is_array()) {
    const std::string_view message = error.string_or("message");
    for (const Json& one : conflict->as_array()) {
      if (message.ends_with(one.string_or("constraint")) &&
          error.string_or("where") == one.string_or("where"))
        continue;  // said above
      text += paint(Tone::kDim, "  = ") + printable(one.string_or("constraint"));
      const std::string_view where = one.string_or("where");
      if (!where.empty()) text += paint(Tone::kDim, "  --> " + printable(where));
      text += "\n";
    }
  }
  if (const auto hint = error.string_or("hint"); !hint.empty()) {
    text += paint(Tone::kNew, "help") + ": " + printable(hint) + "\n";
  }
  return text;
}

std::string problem_text(const Json& problem, const Paint& paint) {
  std::string place = printable(problem.string_or("file"));
  if (const auto line = problem.int_or("line", 0); line > 0) {
    place += fmt::format(":{}", line);
    if (const auto column = problem.int_or("column", 0); column > 0) place += fmt::format(":{}", column);
  }
  const bool warning = problem.string_or("severity", "error") == "warning";
  const std::string label =
      fmt::format("{} {}", warning ? "warning" : "error", printable(problem.string_or("code")));
  std::string text = (place.empty() ? "" : paint(Tone::kBold, place) + ": ") +
                     paint(warning ? Tone::kWarn : Tone::kBad, label) + ": " +
                     printable(problem.string_or("message")) + "\n";
  if (const auto hint = problem.string_or("hint"); !hint.empty()) {
    text += "    " + paint(Tone::kNew, "help") + ": " + printable(hint) + "\n";
  }
  return text;
}

}  // namespace rtt::cli
