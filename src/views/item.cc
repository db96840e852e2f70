// SPDX-License-Identifier: Apache-2.0
#include "views/item.h"

#include "base/assert.h"

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

}  // namespace rtt::views
