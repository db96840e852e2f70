// SPDX-License-Identifier: Apache-2.0
#include "views/item_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/assert.h"
#include "model/document.h"

namespace rtt::views {
namespace {

using model::Key;
using model::Need;
using model::Shape;
using text::Json;

// Arrays hold texts that are not empty, and so does an object of `kTexts`.
constexpr auto kAgent = std::to_array<Key>({{"name", Shape::kText, Need::kRequired},
                                            {"description", Shape::kString},
                                            {"instructions", Shape::kString},
                                            {"model", Shape::kText},
                                            {"tools", Shape::kArray},
                                            {"skills", Shape::kArray},
                                            {"permissions", Shape::kObject},
                                            {"metadata", Shape::kObject},
                                            {"native", Shape::kObject}});
constexpr auto kSkill = std::to_array<Key>({{"name", Shape::kText, Need::kRequired},
                                            {"description", Shape::kString},
                                            {"instructions", Shape::kString},
                                            {"license", Shape::kString},
                                            {"compatibility", Shape::kString},
                                            {"allowed-tools", Shape::kString},
                                            {"metadata", Shape::kObject},
                                            {"permissions", Shape::kObject},
                                            {"skills", Shape::kArray},
                                            {"tools", Shape::kArray},
                                            {"native", Shape::kObject}});
constexpr auto kStdio = std::to_array<Key>({{"type", Shape::kText, Need::kRequired},
                                            {"command", Shape::kText, Need::kRequired},
                                            {"args", Shape::kArray},
                                            {"env", Shape::kObject},
                                            {"cwd", Shape::kText},
                                            {"native", Shape::kObject}});
constexpr auto kHttp = std::to_array<Key>({{"type", Shape::kText, Need::kRequired},
                                           {"url", Shape::kText, Need::kRequired},
                                           {"headers", Shape::kObject},
                                           {"native", Shape::kObject}});
constexpr auto kRules = std::to_array<Key>({{"instructions", Shape::kString, Need::kRequired},
                                            {"description", Shape::kString},
                                            {"globs", Shape::kArray},
                                            {"native", Shape::kObject}});
constexpr auto kCommand = std::to_array<Key>({{"name", Shape::kText, Need::kRequired},
                                              {"description", Shape::kString},
                                              {"instructions", Shape::kString},
                                              {"argument_hint", Shape::kString},
                                              {"model", Shape::kText},
                                              {"tools", Shape::kArray},
                                              {"native", Shape::kObject}});
constexpr std::array<std::string_view, 2> kTexts{"env", "headers"};
constexpr std::array<std::string_view, 3> kTransports{"stdio", "http", "sse"};

std::span<const Key> members_of(const Item& item) {
  switch (item.kind) {
    case ItemKind::kAgent:
      return kAgent;
    case ItemKind::kSkill:
      return kSkill;
    case ItemKind::kServer:
      return item.object.string_or("type") == "stdio" ? std::span<const Key>(kStdio) : kHttp;
    case ItemKind::kRules:
      return kRules;
    case ItemKind::kCommand:
      return kCommand;
  }
  RTT_ASSERT(false);
  return {};
}

}  // namespace

Status check_shape(const Item& item) {
  model::Document document({.text = {}, .file = {}});
  const std::span<const Key> members = members_of(item);
  if (document.check(item.object, "", members)) {
    model::check_native(document, item.object, "");
    for (const Key& key : members) {
      const Json* value = item.object.find(key.name);
      if (value == nullptr || !value->is_array()) continue;
      for (std::size_t i = 0; i < value->as_array().size(); ++i)
        document.check_shape(value->as_array()[i], model::child(model::child("", key.name), i), Shape::kText);
    }
    for (const std::string_view name : kTexts) {
      const Json* texts = item.object.find(name);
      if (texts == nullptr || !texts->is_object()) continue;
      for (const auto& [key, value] : texts->as_object())
        document.check_shape(value, model::child(model::child("", name), key), Shape::kString);
    }
    if (item.kind == ItemKind::kServer &&
        std::ranges::find(kTransports, item.object.string_or("type")) == kTransports.end())
      document.error("/type", {.message = "'type' must be stdio, http or sse"});
  }
  if (document.errors() > 0) return std::unexpected(document.first_error());
  const std::size_t bytes = item.object.string_or("instructions").size();
  if (bytes <= kInstructionsBytesMax) return {};
  return fail(Code::kTooLarge,
              fmt::format("'instructions' has {} bytes, at most {} are shown", bytes, kInstructionsBytesMax));
}

}  // namespace rtt::views
