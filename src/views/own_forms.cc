// SPDX-License-Identifier: Apache-2.0
#include "views/own_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/front_matter.h"
#include "model/saddr_text.h"

namespace rtt::views {
namespace {

using text::Json;

constexpr auto kAgent = std::to_array<Field>({{"name", "name"},
                                              {"description", "description"},
                                              {"model", "model"},
                                              {"tools", "tools", Value::kAsIs},
                                              {"skills", "skills", Value::kAsIs},
                                              {"permissions", "permissions", Value::kAsIs},
                                              {"metadata", "metadata", Value::kAsIs}});
constexpr auto kRules =
    std::to_array<Field>({{"description", "description"}, {"globs", "globs", Value::kWords}});
constexpr auto kCommand = std::to_array<Field>({{"description", "description"},
                                                {"argument_hint", "argument_hint"},
                                                {"model", "model"},
                                                {"tools", "tools", Value::kWords}});
constexpr FileForm kRulesForm{.syntax = Syntax::kFront, .path = "rules/*.md", .fields = kRules};
constexpr Provider kOwn{.name = "rtt",
                        .product = "a workspace",
                        .agent = {.syntax = Syntax::kFront, .path = "agents/*.md", .fields = kAgent},
                        .skills = "skills",
                        .rules = kRulesForm,
                        .command = {.syntax = Syntax::kFront, .path = "commands/*.md", .fields = kCommand}};

constexpr std::string_view kMain = "main", kMainStandIn = "_main";

Json as_optional(const Json& references) {
  Json out = text::JsonArray{};
  for (const Json& to : references.as_array())
    out.push(to.is_string() ? Json::object({{"to", to}, {"optional", true}}) : to);
  return out;
}

// Under which key `from` says an item's name; empty if nowhere.
std::string_view name_key(ItemKind kind, const Provider& from) {
  if (kind != ItemKind::kAgent) return {};
  const auto at = std::ranges::find(from.agent.fields, "name", &Field::member);
  return at == from.agent.fields.end() ? std::string_view{} : at->key;
}

}  // namespace

const Provider& own_forms() { return kOwn; }

Encoded written_down(const Item& item) {
  Item own = item;
  // Other clients have the project's own rules as a plain text; here they are rules like others.
  if (item.kind == ItemKind::kRules && item.name == kMain) own.name = kMainStandIn;
  if (item.kind == ItemKind::kAgent || item.kind == ItemKind::kSkill) {
    for (const std::string_view list : {"tools", "skills"}) {
      const Json* references = own.object.find(list);
      if (references != nullptr && references->is_array()) own.object.set(list, as_optional(*references));
    }
  }
  // `native` is a key like others in these files, so it is what only they know.
  if (const Json* native = item.object.find("native"))
    own.object.set("native", Json::object({{kOwn.name, Json::object({{"native", *native}})}}));
  Encoded out = encode(kOwn, std::span(&own, 1));
  if (own.name == item.name) return out;
  for (TreeFile& file : out.files) file.path = path_for(kRulesForm.path, kMain);
  for (Loss& loss : out.losses) loss.item = kMain;
  return out;
}

bool limits_tools_for_itself(const Item& item, const Provider& from) {
  const auto field = std::ranges::find(from.agent.fields, "tools", &Field::member);
  if (item.kind != ItemKind::kAgent || field == from.agent.fields.end()) return false;
  const Json* native = item.object.find("native");
  const Json* own = native == nullptr ? nullptr : native->find(from.name);
  return own != nullptr && own->find(field->key) != nullptr;
}

Result<Item> adopted(Item item, const Provider& from) {
  if (const auto sound = model::decode_name({item.name, 1}); !sound)
    return fail(Code::kBadAddress,
                fmt::format("'{}' can be no name here: {}", item.name, sound.error().message), {},
                "rename its file");
  if (item.name == "README" && item.kind != ItemKind::kSkill)
    return fail(Code::kNameClash, "README.md is for people here, so no item is called so", {},
                "rename its file");
  const Json* name = item.object.find("name");
  if (name != nullptr && *name != Json(item.name)) {
    if (const std::string_view key = name_key(item.kind, from); !key.empty()) {
      const Json* native = item.object.find("native");
      Json all = native != nullptr ? *native : Json(text::JsonObject{});
      const Json* mine = all.find(from.name);
      Json own = mine != nullptr ? *mine : Json(text::JsonObject{});
      own.set(key, *name);
      all.set(from.name, std::move(own));
      item.object.set("native", std::move(all));
    }
    item.object.set("name", item.name);
  }
  if (item.object.string_or("model") == "inherit") item.object.as_object().erase("model");
  if (const Json* text = item.object.find("instructions"); text != nullptr && text->is_string()) {
    std::string_view said = text->as_string();
    if (said.starts_with("\xEF\xBB\xBF")) said.remove_prefix(3);
    if (said.ends_with('\r')) said.remove_suffix(1);  // its \n was the file's end
    item.object.set("instructions", model::tidy_body(said));
  }
  return item;
}

}  // namespace rtt::views
