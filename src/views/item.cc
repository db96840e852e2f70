// SPDX-License-Identifier: Apache-2.0
#include "views/item.h"

#include "base/assert.h"
#include "crypto/sha256.h"
#include "text/json_canonical.h"

namespace rtt::views {

std::string_view to_string(ItemKind kind) {
  switch (kind) {
    case ItemKind::kAgent:
      return "agent";
    case ItemKind::kSkill:
      return "skill";
    case ItemKind::kServer:
      return "server";
    case ItemKind::kRules:
      return "rules";
    case ItemKind::kCommand:
      return "command";
  }
  RTT_ASSERT(false);
  return {};
}

Digest digest_of(const Item& item) {
  using text::Json;
  Json files = text::JsonObject{};
  for (const ItemFile& file : item.files) {
    files.set(file.path, Json::object({{"executable", file.executable},
                                       {"sha256", bare_hex(crypto::sha256(file.bytes))}}));
  }
  return crypto::sha256(text::canonical_json(Json::object({{"files", std::move(files)},
                                                           {"kind", to_string(item.kind)},
                                                           {"name", item.name},
                                                           {"object", item.object}})));
}

}  // namespace rtt::views
