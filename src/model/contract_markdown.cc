// SPDX-License-Identifier: Apache-2.0
// Markdown agents and skills: the front matter and body become the JSON document they stand for, which is
// then read by the same tables as any other.
#include <fmt/format.h>

#include <algorithm>

#include "model/contract_read.h"
#include "model/limits.h"
#include "model/saddr_text.h"
#include "text/utf8.h"
#include "text/yaml.h"

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

struct Pieces {
  std::string_view front, body;
};

Result<Pieces> cut(std::string_view text) {
  constexpr std::string_view kHint = "start the file with a line ---, YAML, and a line ---";
  if (line_at(text, 0) != kFence) {
    return fail(Code::kBadFrontMatter, "the file does not start with a line ---", "1:1", std::string(kHint));
  }
  const std::size_t start = next_line(text, 0);
  for (std::size_t at = start; at < text.size(); at = next_line(text, at)) {
    if (line_at(text, at) != kFence) continue;
    return Pieces{.front = text.substr(start, at - start), .body = text.substr(next_line(text, at))};
  }
  return fail(Code::kBadFrontMatter, "the front matter has no closing line ---", "1:1", std::string(kHint));
}

// One spelling on every system: \n line ends, no blank lines around.
std::string tidy_body(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\r' || i + 1 == body.size() || body[i + 1] != '\n') out.push_back(body[i]);
  }
  const std::size_t end = out.find_last_not_of(" \t\n");
  if (end == std::string::npos) return {};
  out.resize(end + 1);
  while (line_at(out, 0).empty()) out.erase(0, next_line(out, 0));
  return out;
}

// agents/a/b.md is called b; skills/b/SKILL.md is called b too.
std::string name_of_file(std::string_view file) {
  std::string_view path = file;
  if (path.ends_with("/SKILL.md")) path.remove_suffix(std::string_view("/SKILL.md").size());
  if (path.ends_with(".md")) path.remove_suffix(3);
  return std::string(path.substr(path.rfind('/') + 1));
}

// `tools: a, b` means the same as a list.
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

std::string default_direction(SymbolType type, const Json& body) {
  if (type == SymbolType::kAgent) return "consumer";
  return body.find("tools") != nullptr || body.find("skills") != nullptr ? "both" : "provider";
}

// rtt://local/<type>/<name>@<version or 0.0.0>, or what `saddr` says.
Json address(Document& document, const Json& front, SymbolType type, const Json& name) {
  const Json* saddr = front.find("saddr");
  const Json* version = front.find("version");
  if (saddr != nullptr) {
    if (version != nullptr) {
      document.error("/version",
                     {.message = "both 'saddr' and 'version'", .hint = "the address carries the version"});
    }
    return *saddr;
  }
  if (version != nullptr && !version->is_string()) {
    document.error("/version",
                   {.message = "'version' must be a string", .hint = "quote it: version: \"1.0.0\""});
  }
  const std::string_view text = version != nullptr && version->is_string()
                                    ? std::string_view(version->as_string())
                                    : std::string_view("0.0.0");
  if (auto exact = parse_version(text); !exact) {
    document.error("/version", {.code = exact.error().code, .message = exact.error().message});
    return "rtt://local/agent/x@0.0.0";  // stands in while the rest is checked; the error above refuses the
                                         // document
  }
  return fmt::format("rtt://local/{}/{}@{}", to_string(type),
                     encode_name(name.is_string() ? name.as_string() : ""), text);
}

Json document_of(Document& document, const Json& front, const Pieces& pieces, SymbolType type) {
  const std::string_view key = to_string(type);
  Json body{text::JsonObject{}};
  for (const auto& [name, value] : front.as_object()) {
    if (name == "saddr" || name == "version" || name == "direction") continue;
    body.set(name, name == "tools" || name == "skills" ? as_list(value) : value);
  }
  if (body.find("name") == nullptr) body.set("name", name_of_file(document.file()));
  if (front.find("instructions") != nullptr) {
    document.error("/instructions", {.message = "'instructions' is the text below the front matter",
                                     .part = text::Part::kKey});
  }
  body.set("instructions", tidy_body(pieces.body));
  const Json* direction = front.find("direction");
  Json symbol =
      Json::object({{"saddr", address(document, front, type, *body.find("name"))},
                    {"type", key},
                    {"direction", direction != nullptr ? *direction : Json(default_direction(type, body))}});
  Json out{text::JsonObject{}};
  out.set("$schema", type == SymbolType::kSkill ? kSkillSchema : kAgentSchema);
  out.set("symbol", std::move(symbol));
  out.set(key, std::move(body));
  return out;
}

// What the strict JSON reader would refuse in the document the Markdown stands for.
std::optional<Problem> unreadable(std::string_view text, std::string_view file) {
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

}  // namespace

ReadOutcome read_markdown(std::string_view text, std::string_view file, SymbolType type,
                          Strictness strictness) {
  ReadOutcome out;
  if (auto problem = unreadable(text, file)) {
    out.problems.push_back(*std::move(problem));
    return out;
  }
  const auto pieces = cut(text);
  if (!pieces) {
    Problem problem = problem_from(pieces.error(), file);
    problem.file = file;
    problem.line = problem.column = 1;
    out.problems.push_back(std::move(problem));
    return out;
  }
  const auto front = text::parse_yaml(pieces->front, {.source_name = file});
  if (!front) {
    Problem problem = problem_from(front.error(), file);
    if (problem.line > 0) ++problem.line;  // the fence
    out.problems.push_back(std::move(problem));
    return out;
  }
  const std::string body_pointer = "/" + std::string(to_string(type));
  Document document({.text = pieces->front,
                     .file = file,
                     .syntax = Document::Syntax::kYaml,
                     .strictness = strictness,
                     .lines_before = 1,
                     .aliases = {body_pointer, "/symbol"}});
  if (document.check_shape(*front, "", Shape::kObject)) {
    auto contract = read_entry(document, document_of(document, *front, *pieces, type), "", "");
    if (contract && document.errors() == 0) out.contracts.push_back(*std::move(contract));
  }
  out.problems = document.take_problems();
  return out;
}

std::string place_in_file(std::string_view text, std::string_view file, std::string_view pointer) {
  if (!file.ends_with(".md")) return Document({.text = text, .file = file}).place(pointer);
  const auto pieces = cut(text);
  if (!pieces) return std::string(file);
  return Document({.text = pieces->front,
                   .file = file,
                   .syntax = Document::Syntax::kYaml,
                   .lines_before = 1,
                   .aliases = {"/agent", "/skill", "/symbol"}})
      .place(pointer);
}

}  // namespace rtt::model
