// SPDX-License-Identifier: Apache-2.0
// McpSettings: the `mcp` section of panel.yaml: how AI clients see tools (docs/formats/config.md).
//
// Thread: any (values).   Fails: read_mcp_settings: problems of the document.
#pragma once

#include <optional>
#include <string_view>

#include "model/document.h"

namespace rtt::model {

// plain: a server's own names; of servers that share one, the first has it.
// conflict: own names; where servers share one, all of them `namespace__name`.
// prefixed: always `namespace__name`, unless one server alone was asked for by name.
enum class NameMode : std::uint8_t { kPlain, kConflict, kPrefixed };
// list: every tool in tools/list. meta: search, describe and call instead. auto: meta for many tools.
enum class ToolView : std::uint8_t { kList, kMeta, kAuto };

std::string_view to_string(NameMode mode);  // plain conflict prefixed
std::string_view to_string(ToolView view);  // list meta auto
std::optional<NameMode> parse_name_mode(std::string_view text);
std::optional<ToolView> parse_tool_view(std::string_view text);

struct McpSettings {
  NameMode names = NameMode::kConflict;
  ToolView view = ToolView::kList;
  std::int64_t meta_above = 100;  // tools; beyond, `auto` is `meta`
};
void read_mcp_settings(Document& document, const text::Json& section, McpSettings& out);

}  // namespace rtt::model
