// SPDX-License-Identifier: Apache-2.0
// McpSettings: the `mcp` section of panel.yaml: how AI clients see tools, and what a call may cost
// (docs/formats/config.md).
//
// Of several tool rules that match, each setting comes from the one with most literal parts, as in the
// policy. Between rules of equal weight the stricter setting counts: the order in the file decides nothing.
//
// Thread: any (values).   Fails: read_mcp_settings: problems of the document.   Limits: kMcpToolRulesMax,
// kMcpEquivalents….
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/document.h"
#include "model/saddr.h"

namespace rtt::model {

inline constexpr std::size_t kMcpToolRulesMax = 1000;
inline constexpr std::size_t kMcpEquivalentsMax = 100;
inline constexpr std::size_t kMcpEquivalentServersMax = 16;  // of one entry
inline constexpr std::size_t kMcpEquivalentToolsMax = 1000;

// plain: a server's own names; of servers that share one, the first has it.
// conflict: own names; where servers share one, all of them `namespace__name`.
// prefixed: always `namespace__name`, unless one server alone was asked for by name.
enum class NameMode : std::uint8_t { kPlain, kConflict, kPrefixed };
// list: every tool in tools/list. meta: search, describe and call instead. auto: meta for many tools.
enum class ToolView : std::uint8_t { kList, kMeta, kAuto };
// What becomes of clients' calls while the panel does not run: they go on, their receipts kept for it, or are
// refused.
enum class PanelFailure : std::uint8_t { kServe, kRefuse };
enum class CheckMode : std::uint8_t { kOff, kWarn, kRefuse };  // in order of strictness

std::string_view to_string(NameMode mode);   // plain conflict prefixed
std::string_view to_string(ToolView view);   // list meta auto
std::string_view to_string(CheckMode mode);  // off warn refuse
std::optional<NameMode> parse_name_mode(std::string_view text);
std::optional<ToolView> parse_tool_view(std::string_view text);

// Servers that provide the same tools, by preference; no tools named: all that they have in common.
struct Equivalent {
  std::vector<std::string> servers, tools;
};
struct ToolRule {
  Pattern match;
  std::optional<std::int64_t> call_ms, result_bytes;
  std::optional<CheckMode> output, arguments;
};
struct McpSettings {
  NameMode names = NameMode::kConflict;
  ToolView view = ToolView::kList;
  std::int64_t meta_above = 100;  // tools; beyond, `auto` is `meta`
  PanelFailure on_panel_failure = PanelFailure::kServe;
  std::vector<Equivalent> equivalents;
  std::vector<ToolRule> tools;
};
void read_mcp_settings(Document& document, const text::Json& section, McpSettings& out);

// What holds for one tool. 0: no limit but the protocol's own.
struct ToolLimits {
  std::int64_t call_ms = 0, result_bytes = 0;
  CheckMode output = CheckMode::kWarn, arguments = CheckMode::kOff;
  friend bool operator==(const ToolLimits&, const ToolLimits&) = default;
};
ToolLimits limits_for(const McpSettings& settings, const Saddr& tool);

}  // namespace rtt::model
