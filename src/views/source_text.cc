// SPDX-License-Identifier: Apache-2.0
#include "views/source_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/contract.h"
#include "model/front_matter.h"
#include "model/prompt_file.h"
#include "model/saddr_text.h"
#include "text/yaml.h"
#include "text/yaml_write.h"

namespace rtt::views {
namespace {

using text::Json;

// References as written; an optional one, or one that is not, is wiring and not what a client is told.
void add_references(const Json* list, Json& out) {
  if (list == nullptr) return;
  for (const Json& entry : list->as_array())
    out.push(entry.is_string() ? entry : Json(entry.string_or("to")));
}

bool is_markdown(std::string_view file) { return file.ends_with(".md"); }
std::string_view body_key(ItemKind kind) { return kind == ItemKind::kSkill ? "skill" : "agent"; }

std::unexpected<Error> unreadable(const std::vector<model::Problem>& problems, std::string_view file,
                                  std::string_view name) {
  for (const model::Problem& problem : problems) {
    if (problem.severity == model::Severity::kError)
      return fail(problem.code, problem.message, std::string(file), problem.hint);
  }
  return fail(Code::kNotFound, fmt::format("`{}` is not in it", name), std::string(file), "rtt view diff");
}

// The value a member has in its file where it is to be `wanted`: entries that stay keep what stands with them
// there ({"to": …, "optional": true}). A new reference of an agent or skill is optional wiring: the client
// did without one that is not there, so the plan does too.
Json as_written(const Json* written, const Json& wanted, ItemKind kind) {
  if (!wanted.is_array()) return wanted;
  Json left = written == nullptr ? Json(text::JsonArray{}) : model::as_list(*written);
  if (!left.is_array()) left = text::JsonArray{};
  const bool wires = kind == ItemKind::kAgent || kind == ItemKind::kSkill;
  Json out = text::JsonArray{};
  for (const Json& entry : wanted.as_array()) {
    const auto at = std::ranges::find_if(
        left.as_array(), [&](const Json& one) { return one == entry || Json(one.string_or("to")) == entry; });
    if (at != left.as_array().end()) {
      out.push(*at);
      left.as_array().erase(at);
    } else if (wires && entry.is_string() && entry.as_string().starts_with("rtt://")) {
      out.push(Json::object({{"to", entry}, {"optional", true}}));
    } else {
      out.push(entry);
    }
  }
  return out;
}

struct Change {
  std::string key;
  const Json* value;  // none: it goes
};
std::vector<Change> changes_of(const Item& before, const Item& after) {
  std::vector<Change> out;
  for (const auto& [key, value] : after.object.as_object()) {
    const Json* was = before.object.find(key);
    if (was == nullptr || *was != value) out.push_back({key, &value});
  }
  for (const auto& [key, value] : before.object.as_object()) {
    if (after.object.find(key) == nullptr) out.push_back({key, nullptr});
  }
  return out;
}

// ---- Markdown

struct Block {      // a key of front matter and the lines of its value
  std::string key;  // empty: comments and blank lines
  std::string lines;
};

std::vector<Block> blocks_of(std::string_view front) {
  std::vector<Block> out;
  for (std::size_t at = 0; at < front.size();) {
    const std::size_t end = std::min(front.find('\n', at), front.size() - 1) + 1;
    const std::string_view line = front.substr(at, end - at);
    at = end;
    const bool below =
        line[0] == ' ' || line[0] == '\t' || line[0] == '-' || line[0] == ']' || line[0] == '}';
    const bool nothing = line[0] == '#' || line.find_first_not_of(" \t\r\n") == std::string_view::npos;
    const std::size_t colon = line.find(':');
    if (!below && !nothing && colon != std::string_view::npos) {
      std::string_view key = line.substr(0, colon);
      while (!key.empty() && (key.back() == ' ' || key.back() == '\t')) key.remove_suffix(1);
      if (key.size() > 1 && (key[0] == '"' || key[0] == '\'')) key = key.substr(1, key.size() - 2);
      out.push_back({std::string(key), std::string(line)});
    } else if (nothing || out.empty()) {
      out.push_back({{}, std::string(line)});
    } else {
      // What is below a key is its own, comments between included.
      std::size_t owner = out.size() - 1;
      while (owner > 0 && out[owner].key.empty()) --owner;
      for (std::size_t i = owner + 1; i < out.size(); ++i) out[owner].lines += out[i].lines;
      out.resize(owner + 1);
      out[owner].lines += line;
    }
  }
  return out;
}

Result<std::string> front_with(std::vector<Block> blocks, const Json& front, ItemKind kind,
                               const std::vector<Change>& changes, std::string_view file) {
  for (const Change& change : changes) {
    if (change.key == "instructions") continue;
    const auto at = std::ranges::find(blocks, change.key, &Block::key);
    std::string lines;
    if (change.value != nullptr &&
        !text::append_yaml_member(lines, change.key, as_written(front.find(change.key), *change.value, kind)))
      return fail(Code::kBadShape, fmt::format("`{}` is too deep for front matter", change.key),
                  std::string(file), "say it in the file itself");
    if (at == blocks.end()) {
      blocks.push_back({change.key, std::move(lines)});
    } else {
      at->lines = std::move(lines);
    }
  }
  std::string out;
  for (const Block& block : blocks) {
    out += block.lines;
    if (!out.empty() && !out.ends_with('\n')) out += '\n';
  }
  return out;
}

// Every key on its own, in the order of their names.
Result<std::vector<Block>> anew(const Json& front, std::string_view file) {
  std::vector<Block> out;
  for (const auto& [key, value] : front.as_object()) {
    std::string lines;
    if (!text::append_yaml_member(lines, key, value))
      return fail(Code::kBadShape, fmt::format("`{}` is too deep for front matter", key), std::string(file));
    out.push_back({key, std::move(lines)});
  }
  return out;
}

bool is_written(std::string_view text, std::string_view file, const Item& item) {
  const auto back = read_source(text, file, item.kind, item.name);
  return back && back->object == item.object;
}

Result<std::string> markdown_with(std::string_view text, std::string_view file, const Item& before,
                                  const Item& item) {
  model::MarkdownPieces pieces{.front = {}, .body = text};
  if (model::has_front_matter(text)) {
    RTT_TRY_SET(pieces, model::cut_front_matter(text));
  }
  RTT_TRY_SET(Json front, text::parse_yaml(pieces.front, {.source_name = file}));
  if (!front.is_object()) front = Json(text::JsonObject{});
  const std::vector<Change> changes = changes_of(before, item);
  const bool other_text = std::ranges::find(changes, "instructions", &Change::key) != changes.end();
  const std::string body = other_text ? "\n" + std::string(item.object.string_or("instructions")) + "\n"
                                      : std::string(pieces.body);
  RTT_TRY_SET(const std::vector<Block> fresh, anew(front, file));
  for (const std::vector<Block>& blocks : {blocks_of(pieces.front), fresh}) {
    RTT_TRY_SET(const std::string lines, front_with(blocks, front, item.kind, changes, file));
    const bool fenced = !lines.empty() || model::has_front_matter(text) || model::has_front_matter(body);
    std::string out = fenced ? "---\n" + lines + "---\n" + body : body.substr(other_text ? 1 : 0);
    if (is_written(out, file, item)) return out;
  }
  return fail(Code::kBadShape,
              fmt::format("the file cannot say {}/{} as it was edited", to_string(item.kind), item.name),
              std::string(file), "say it in the file itself");
}

// ---- JSON

// The bodies of a manifest's entries, wherever they are.
std::vector<Json*> bodies_in(Json& manifest, std::string_view key) {
  std::vector<Json*> out;
  const auto take = [&](Json& entry) {
    if (!entry.is_object()) return;
    entry.as_object().erase(std::string_view("sign"));  // it was over what is written otherwise now
    if (Json* body = entry.as_object().find(key)) out.push_back(body);
  };
  if (!manifest.is_object()) return out;
  Json* const list = manifest.as_object().find("contracts");
  if (list != nullptr && list->is_array()) {
    for (Json& entry : list->as_array()) take(entry);
  } else {
    take(manifest);
  }
  return out;
}

Result<std::string> json_with(std::string_view text, std::string_view file, const Item& before,
                              const Item& item) {
  RTT_TRY_SET(Json manifest, text::parse_json(text, {.source_name = file}));
  for (Json* body : bodies_in(manifest, body_key(item.kind))) {
    if (model::encode_name(body->string_or("name")) != item.name) continue;
    for (const Change& change : changes_of(before, item)) {
      if (change.value == nullptr) {
        body->as_object().erase(change.key);
      } else {
        body->set(change.key, as_written(body->find(change.key), *change.value, item.kind));
      }
    }
  }
  std::string out = text::to_pretty_json(manifest);
  if (is_written(out, file, item)) return out;
  return fail(Code::kBadShape,
              fmt::format("the file cannot say {}/{} as it was edited", to_string(item.kind), item.name),
              std::string(file), "say it in the file itself");
}

}  // namespace

Json object_of(const Json& body) {
  constexpr std::array<std::string_view, 10> kAsWritten{
      "name",     "description", "instructions",  "model",         "permissions",
      "metadata", "license",     "compatibility", "allowed-tools", "native"};
  Json out = text::JsonObject{};
  for (const std::string_view key : kAsWritten) {
    if (const Json* value = body.find(key)) out.set(key, *value);
  }
  Json tools = text::JsonArray{};
  add_references(body.find("tools"), tools);
  if (!tools.as_array().empty()) out.set("tools", std::move(tools));
  Json skills = text::JsonArray{};
  add_references(body.find("skills"), skills);
  if (!skills.as_array().empty()) out.set("skills", std::move(skills));
  return out;
}

Result<Item> read_source(std::string_view text, std::string_view file, ItemKind kind, std::string_view name) {
  if (model::is_prompt_path(file)) {
    model::PromptFile read = model::read_prompt_file(text, file);
    const bool broken = std::ranges::any_of(
        read.problems, [](const auto& one) { return one.severity == model::Severity::kError; });
    if (broken || model::prompt_name(file) != name) return unreadable(read.problems, file, name);
    Item item{.kind = kind, .name = std::string(name), .object = std::move(read.object)};
    if (kind == ItemKind::kCommand) item.object.set("name", name);
    return item;
  }
  const model::SymbolType type =
      kind == ItemKind::kSkill ? model::SymbolType::kSkill : model::SymbolType::kAgent;
  const model::ReadOutcome read = is_markdown(file)
                                      ? model::read_markdown(text, file, type, model::Strictness::kRelaxed)
                                      : model::read_manifest(text, file, model::Strictness::kRelaxed);
  for (const model::Contract& contract : read.contracts) {
    const Json* body = contract.object.find(body_key(kind));
    if (contract.saddr.type == type && body != nullptr && model::encode_name(body->string_or("name")) == name)
      return Item{.kind = kind, .name = std::string(name), .object = object_of(*body)};
  }
  return unreadable(read.problems, file, name);
}

Result<std::string> with_item(std::string_view text, std::string_view file, const Item& item) {
  RTT_TRY_SET(const Item before, read_source(text, file, item.kind, item.name));
  if (before.object == item.object) return std::string(text);
  return is_markdown(file) ? markdown_with(text, file, before, item) : json_with(text, file, before, item);
}

}  // namespace rtt::views
