// SPDX-License-Identifier: Apache-2.0
#include "model/front_matter.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"
#include "text/utf8.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr std::string_view kFence = "---";

// The line starting at `at`, without its end and trailing white space.
std::string_view line_at(std::string_view text, std::size_t at) {
  std::string_view line = text.substr(at, text.find('\n', at) - at);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
    line.remove_suffix(1);
  return line;
}

std::size_t next_line(std::string_view text, std::size_t at) {
  const std::size_t end = text.find('\n', at);
  return end == std::string_view::npos ? text.size() : end + 1;
}

}  // namespace

bool has_front_matter(std::string_view text) { return line_at(text, 0) == kFence; }

Result<MarkdownPieces> cut_front_matter(std::string_view text) {
  constexpr std::string_view kHint = "start the file with a line ---, YAML, and a line ---";
  if (!has_front_matter(text)) {
    return fail(Code::kBadFrontMatter, "the file does not start with a line ---", "1:1", std::string(kHint));
  }
  const std::size_t start = next_line(text, 0);
  for (std::size_t at = start; at < text.size(); at = next_line(text, at)) {
    if (line_at(text, at) != kFence) continue;
    return MarkdownPieces{.front = text.substr(start, at - start), .body = text.substr(next_line(text, at))};
  }
  return fail(Code::kBadFrontMatter, "the front matter has no closing line ---", "1:1", std::string(kHint));
}

std::string tidy_body(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\r' || i + 1 == body.size() || body[i + 1] != '\n') out.push_back(body[i]);
  }
  const std::size_t end = out.find_last_not_of(" \t\n");
  if (end == std::string::npos) return {};
  out.resize(end + 1);
  while (!out.empty() && line_at(out, 0).empty()) out.erase(0, next_line(out, 0));
  return out;
}

Json as_list(const Json& value) {
  if (!value.is_string()) return value;
  Json list{text::JsonArray{}};
  std::string_view rest = value.as_string();
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view item = rest.substr(0, comma);
    rest = rest.substr(std::min(comma + 1, rest.size()));
    const std::size_t first = item.find_first_not_of(" \t\n");
    if (first == std::string_view::npos) continue;
    list.push(item.substr(first, item.find_last_not_of(" \t\n") - first + 1));
  }
  return list;
}

std::optional<Problem> unreadable_markdown(std::string_view text, std::string_view file) {
  Problem problem{.file = std::string(file)};
  if (text.size() > limits::kManifestBytesMax) {
    problem.code = Code::kTooLarge;
    problem.message = fmt::format("{} bytes; at most {} are read", text.size(), limits::kManifestBytesMax);
    return problem;
  }
  problem.code = Code::kJsonEncoding;
  if (text.starts_with("\xEF\xBB\xBF")) {
    problem.message = "the file starts with a byte order mark";
    problem.line = problem.column = 1;
    return problem;
  }
  const std::size_t bad = text::find_invalid_utf8(text);
  if (bad == std::string_view::npos) return std::nullopt;
  problem.message = "not UTF-8";
  problem.line = 1 + static_cast<std::uint32_t>(std::ranges::count(text.substr(0, bad), '\n'));
  const std::size_t start = text.rfind('\n', bad);
  problem.column = static_cast<std::uint32_t>(start == std::string_view::npos ? bad + 1 : bad - start);
  return problem;
}

}  // namespace rtt::model
