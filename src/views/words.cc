// SPDX-License-Identifier: Apache-2.0
#include "views/words.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/glob.h"

namespace rtt::views {
namespace {

using text::Json;

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kLocal = "local";  // the namespace of what has none

// rtt://NS/TYPE/NAME, and what may follow it.
struct Reference {
  std::string_view ns, name, rest;
};
std::optional<Reference> reference_to(std::string_view text, std::string_view type) {
  constexpr std::string_view kScheme = "rtt://";
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const std::size_t first = text.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  Reference out{.ns = text.substr(0, first), .name = {}, .rest = {}};
  text.remove_prefix(first + 1);
  if (!text.starts_with(type) || text.substr(type.size(), 1) != "/") return std::nullopt;
  text.remove_prefix(type.size() + 1);
  const std::size_t end = std::min(text.find_first_of("@#?"), text.size());
  out.name = text.substr(0, end);
  out.rest = text.substr(end);
  if (!is_file_name(out.ns) || !is_file_name(out.name)) return std::nullopt;
  return out;
}

std::string reference(std::string_view ns, std::string_view type, std::string_view name) {
  return fmt::format("rtt://{}/{}/{}", ns, type, name);
}

// The reference a client's word stands for.
std::optional<std::string> tool_of(const ToolWords& words, std::string_view word) {
  if (words.separator.empty() || !word.starts_with(words.prefix)) return std::nullopt;
  word.remove_prefix(words.prefix.size());
  const std::size_t at = word.find(words.separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view ns = word.substr(0, at), name = word.substr(at + words.separator.size());
  if (!is_file_name(ns) || !is_file_name(name)) return std::nullopt;
  return reference(ns, "tool", name);
}

struct Word {
  std::string text;  // empty: it cannot be said
  std::string why;   // what of it is lost
};

Word tool_word(const ToolWords& words, std::string_view text) {
  const auto to = reference_to(text, "tool");
  if (!to) return {.text = {}, .why = "is no reference to a tool"};
  std::string word = fmt::format("{}{}{}{}", words.prefix, to->ns, words.separator, to->name);
  const auto back = tool_of(words, word);
  if (!back || *back != text.substr(0, text.size() - to->rest.size()))
    return {.text = {}, .why = "its name would be read as another tool's"};
  return {.text = std::move(word), .why = to->rest.empty() ? "" : "only which tool it is, not its version"};
}

Word skill_word(std::string_view text) {
  const auto to = reference_to(text, "skill");
  if (!to) return {.text = {}, .why = "is no reference to a skill"};
  const bool whole = to->rest.empty() && to->ns == kLocal;
  return {.text = std::string(to->name), .why = whole ? "" : "only its name"};
}

// It comes back as one word, whatever stands beside it.
bool joins(std::string_view word) {
  int open = 0;
  for (const char c : word) {
    if (c == '\n' || c == '\r') return false;
    open = c == '{' ? open + 1 : c == '}' && open > 0 ? open - 1 : open;
  }
  const auto parts = split_line(word);
  return open == 0 && parts.size() == 1 && parts[0] == word;
}
bool joins_raw(std::string_view word) {
  return joins(word) && word.find_first_of("\"'#:[]&!|>%@`") == std::string_view::npos &&
         std::ranges::all_of(word, [](char c) { return c >= 0x20 && c < 0x7F; });
}

Word plain_word(std::string_view text, Value value) {
  const bool fits = value == Value::kWords || (value == Value::kRawLine ? joins_raw(text) : joins(text));
  return fits ? Word{.text = std::string(text), .why = {}}
              : Word{.text = {}, .why = "does not fit into one line of them"};
}

bool is_tools(Value value) {
  return value == Value::kTools || value == Value::kToolsLine || value == Value::kToolsMap;
}

Word word_of(const Field& field, const Provider& provider, const Json& entry) {
  const Json* to = entry.find("to");
  const Json& text = to != nullptr ? *to : entry;
  if (!text.is_string() || text.as_string().empty()) return {.text = {}, .why = "is no text"};
  Word out = is_tools(field.value)           ? tool_word(provider.tools, text.as_string())
             : field.value == Value::kSkills ? skill_word(text.as_string())
                                             : plain_word(text.as_string(), field.value);
  if (to != nullptr && out.why.empty()) out.why = "only what it refers to, not what else it says";
  return out;
}

Json in_one(const Field& field, const std::vector<std::string>& words) {
  switch (field.value) {
    case Value::kToolsLine:
      return fmt::format("{}", fmt::join(words, ", "));
    case Value::kWordsLine:
    case Value::kRawLine:
      return fmt::format("{}", fmt::join(words, ","));
    case Value::kToolsMap: {
      Json out = Json::object({{"*", false}});
      for (const std::string& word : words) out.set(word, true);
      return out;
    }
    case Value::kText:
    case Value::kModel:
    case Value::kTools:
    case Value::kSkills:
    case Value::kWords:
    case Value::kAsIs:
      break;
  }
  Json out = text::JsonArray{};
  for (const std::string& word : words) out.push(word);
  return out;
}

Said said_model(const Provider& provider, const Json& value) {
  if (!value.is_string()) return {.value = {}, .lost = {{"", "is no text"}}};
  const std::string& model = value.as_string();
  if (std::ranges::any_of(provider.models, [&](auto known) { return text::glob_match(known, model); }))
    return {.value = value, .lost = {}};
  if (model == "inherit") return {};
  return {.value = {}, .lost = {{"", "is no model's name there"}}};
}

// Words of a native list, line or map; nothing if it is none of these.
std::optional<std::vector<std::string>> native_words(const Field& field, const Json& native) {
  std::vector<std::string> out;
  if (field.value == Value::kToolsMap) {
    if (!native.is_object() || native.bool_or("*", true)) return std::nullopt;
    for (const auto& [word, on] : native.as_object()) {
      if (word == "*") continue;
      if (on != Json(true)) return std::nullopt;
      out.push_back(word);
    }
    return out;
  }
  if (native.is_string()) {
    for (const std::string_view word : split_line(native.as_string())) out.emplace_back(word);
    return out;
  }
  if (!native.is_array()) return std::nullopt;
  for (const Json& word : native.as_array()) {
    if (!word.is_string() || word.as_string().empty()) return std::nullopt;
    out.push_back(word.as_string());
  }
  return out;
}

}  // namespace

std::vector<std::string_view> split_line(std::string_view line) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  int braces = 0;
  for (std::size_t at = 0; at <= line.size(); ++at) {
    const char c = at < line.size() ? line[at] : ',';
    if (c == '{') ++braces;
    if (c == '}' && braces > 0) --braces;
    if (c != ',' || (braces > 0 && at < line.size())) continue;
    std::string_view word = line.substr(begin, at - begin);
    begin = at + 1;
    const std::size_t first = word.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) continue;
    out.push_back(word.substr(first, word.find_last_not_of(kBlanks) - first + 1));
  }
  return out;
}

Said said(const Field& field, const Provider& provider, const Json& value) {
  if (field.value == Value::kAsIs) return {.value = value, .lost = {}};
  if (field.value == Value::kModel) return said_model(provider, value);
  if (field.value == Value::kText) {
    if (!value.is_string()) return {.value = {}, .lost = {{"", "is no text"}}};
    return {.value = value, .lost = {}};
  }
  if (!value.is_array()) return {.value = {}, .lost = {{"", "is no list"}}};
  Said out;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < value.as_array().size(); ++i) {
    Word word = word_of(field, provider, value.as_array()[i]);
    if (!word.why.empty()) out.lost.emplace_back(fmt::format("/{}", i), std::move(word.why));
    if (!word.text.empty()) words.push_back(std::move(word.text));
  }
  const bool line =
      field.value == Value::kToolsLine || field.value == Value::kWordsLine || field.value == Value::kRawLine;
  if (words.empty() && (line || !value.as_array().empty())) {
    out.lost.emplace_back("", "is left out, so there is no limit");
    return out;
  }
  out.value = in_one(field, words);
  return out;
}

std::optional<Json> understood(const Field& field, const Provider& provider, const Json& native) {
  if (field.value == Value::kAsIs) return native;
  if (field.value == Value::kText) return native.is_string() ? std::optional(native) : std::nullopt;
  if (field.value == Value::kModel) {
    const bool known = native.is_string() && std::ranges::any_of(provider.models, [&](auto model) {
                         return text::glob_match(model, native.as_string());
                       });
    return known ? std::optional(native) : std::nullopt;
  }
  const auto words = native_words(field, native);
  if (!words) return std::nullopt;
  Json out = text::JsonArray{};
  for (const std::string& word : *words) {
    if (is_tools(field.value)) {
      const auto tool = tool_of(provider.tools, word);
      if (!tool) return std::nullopt;
      out.push(*tool);
    } else if (field.value == Value::kSkills) {
      if (!is_file_name(word)) return std::nullopt;
      out.push(reference(kLocal, "skill", word));
    } else {
      out.push(word);
    }
  }
  // One text cannot say that there are none.
  if (out.as_array().empty() && native.is_string()) return std::nullopt;
  return out;
}

}  // namespace rtt::views
