// SPDX-License-Identifier: Apache-2.0
// Meta tools: search_tools, describe_tool and call_tool in place of a long list.
//
// The first two are answered from the index, which holds what this client may see and nothing else. call_tool
// becomes the call of the tool it names before anything is decided, so the pin, policy, record, progress and
// cancellation of a direct call are its own, and the result passes unchanged.
//
// Thread: any (pure).   Fails: bad arguments are tool errors: a model reads those and tries again.
// Limits: kSearchLimitMax results, kSummaryBytesMax of each description.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "mcp/clients/tool_index.h"

namespace rtt::mcp {

inline constexpr std::size_t kSummaryBytesMax = 300;
inline constexpr std::string_view kSearchTools = "search_tools", kDescribeTool = "describe_tool",
                                  kCallTool = "call_tool";
inline constexpr std::array<std::string_view, 3> kMetaTools{kSearchTools, kDescribeTool, kCallTool};

// Their tools/list result, raw.
std::string meta_tools_result(std::size_t tool_count);
// The raw result of search_tools or describe_tool; `arguments` is raw, empty if there are none.
std::string meta_answer(const ToolIndex& index, std::string_view name, std::string_view arguments);
// The params of a call_tool as those of the call it stands for, else the raw result that says what is wrong.
struct Unwrapped {
  std::string params, complaint;
};
Unwrapped unwrap_call(std::string_view params);

}  // namespace rtt::mcp
