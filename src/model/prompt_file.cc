// SPDX-License-Identifier: Apache-2.0
#include "model/prompt_file.h"

#include <algorithm>
#include <array>
#include <span>

#include "model/document.h"
#include "model/front_matter.h"
#include "text/yaml.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr auto kRulesKeys = std::to_array<Key>({{"description", Shape::kString},
                                                {"globs", Shape::kArray},
                                                {"instructions", Shape::kString},
                                                {"native", Shape::kObject}});
constexpr auto kCommandKeys = std::to_array<Key>({{"argument_hint", Shape::kString},
                                                  {"description", Shape::kString},
                                                  {"instructions", Shape::kString},
                                                  {"model", Shape::kText},
                                                  {"native", Shape::kObject},
                                                  {"tools", Shape::kArray}});
struct Form {
  std::string_view folder;
  std::span<const Key> keys;
  std::string_view list;  // the member that is an array of texts
};
constexpr std::array kForms{Form{"commands/", kCommandKeys, "tools"}, Form{"rules/", kRulesKeys, "globs"}};

const Form* form_of(std::string_view path) {
  const auto at =
      std::ranges::find_if(kForms, [path](const Form& form) { return path.starts_with(form.folder); });
  return at == kForms.end() ? nullptr : &*at;
}

void check(Document& document, const Json& object, const Form& form) {
  if (!document.check(object, "", form.keys)) return;
  check_native(document, object, "");
  const Json* list = member(object, form.list, Shape::kArray);
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->as_array().size(); ++i)
    document.check_shape(list->as_array()[i], child(child("", form.list), i), Shape::kText);
}

}  // namespace

bool is_prompt_path(std::string_view path) {
  const Form* form = form_of(path);
  if (form == nullptr) return false;
  const std::string_view name = path.substr(form->folder.size());
  return name.ends_with(".md") && name.size() > 3 && name != "README.md" && !name.starts_with('.') &&
         name.find('/') == std::string_view::npos;
}

std::string_view prompt_name(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.substr(0, name.size() - 3);
}

PromptFile read_prompt_file(std::string_view text, std::string_view file) {
  PromptFile out;
  if (auto problem = unreadable_markdown(text, file)) {
    out.problems.push_back(*std::move(problem));
    return out;
  }
  MarkdownPieces pieces{.front = {}, .body = text};
  if (has_front_matter(text)) {
    const auto cut = cut_front_matter(text);
    if (!cut) {
      out.problems.push_back(problem_from(cut.error(), file));
      out.problems.back().file = file;
      out.problems.back().line = out.problems.back().column = 1;
      return out;
    }
    pieces = *cut;
  }
  auto front = text::parse_yaml(pieces.front, {.source_name = file});
  if (!front) {
    out.problems.push_back(problem_from(front.error(), file));
    if (out.problems.back().line > 0) ++out.problems.back().line;  // the fence
    return out;
  }
  const Form& form = *form_of(file);
  Document document({.text = pieces.front,
                     .file = file,
                     .syntax = Document::Syntax::kYaml,
                     .strictness = Strictness::kStrict,
                     .lines_before = 1});
  out.object = front->is_null() ? Json(text::JsonObject{}) : *std::move(front);
  if (out.object.find("instructions") != nullptr) {
    document.error("/instructions", {.message = "'instructions' is the text below the front matter",
                                     .part = text::Part::kKey});
  } else if (out.object.is_object()) {
    out.object.set("instructions", tidy_body(pieces.body));
    if (const Json* list = out.object.find(form.list)) out.object.set(form.list, as_list(*list));
  }
  check(document, out.object, form);
  out.problems = document.take_problems();
  return out;
}

std::string prompt_text(const Json& object) {
  Json front = object;
  front.as_object().erase(std::string_view("instructions"));
  return "---\n" + text::to_json(front) + "\n---\n" + std::string(object.string_or("instructions")) + "\n";
}

}  // namespace rtt::model
