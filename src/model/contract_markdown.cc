// SPDX-License-Identifier: Apache-2.0
// Markdown agents and skills: the front matter and body become the JSON document they stand for, which is
// then read by the same tables as any other.
#include <fmt/format.h>

#include "model/contract_read.h"
#include "model/front_matter.h"
#include "model/saddr_text.h"
#include "text/yaml.h"

namespace rtt::model {
namespace {

using text::Json;

// agents/a/b.md is called b; skills/b/SKILL.md is called b too.
std::string name_of_file(std::string_view file) {
  std::string_view path = file;
  if (path.ends_with("/SKILL.md")) path.remove_suffix(std::string_view("/SKILL.md").size());
  if (path.ends_with(".md")) path.remove_suffix(3);
  return std::string(path.substr(path.rfind('/') + 1));
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

Json document_of(Document& document, const Json& front, const MarkdownPieces& pieces, SymbolType type) {
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

}  // namespace

ReadOutcome read_markdown(std::string_view text, std::string_view file, SymbolType type,
                          Strictness strictness) {
  ReadOutcome out;
  if (auto problem = unreadable_markdown(text, file)) {
    out.problems.push_back(*std::move(problem));
    return out;
  }
  const auto pieces = cut_front_matter(text);
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
  const auto pieces = cut_front_matter(text);
  if (!pieces) return std::string(file);
  return Document({.text = pieces->front,
                   .file = file,
                   .syntax = Document::Syntax::kYaml,
                   .lines_before = 1,
                   .aliases = {"/agent", "/skill", "/symbol"}})
      .place(pointer);
}

}  // namespace rtt::model
