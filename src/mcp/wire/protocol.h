// SPDX-License-Identifier: Apache-2.0
// The Model Context Protocol revisions and JSON-RPC codes RTT speaks, on both of its sides.
//
// The newest revision is offered first; a peer that answers with an older one of the list is spoken to in
// that one.
//
// Thread: any (constants).   Fails: never.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace rtt::mcp {

inline constexpr std::array<std::string_view, 4> kProtocols{"2025-11-25", "2025-06-18", "2025-03-26",
                                                            "2024-11-05"};
inline constexpr std::string_view kProtocolNewest = kProtocols.front();
inline constexpr std::string_view kImplementationName = "rtt";
inline constexpr std::string_view kImplementationVersion = "0.1.0";

constexpr bool speaks(std::string_view revision) {
  for (const auto known : kProtocols) {
    if (known == revision) return true;
  }
  return false;
}

enum class RpcCode : std::int32_t {
  kParse = -32700,
  kInvalidRequest = -32600,
  kMethodNotFound = -32601,
  kInvalidParams = -32602,
  kInternal = -32603,
  kResourceNotFound = -32002,
  kRefused = -32010,  // policy, a changed tool, a missing secret: `data.code` is RTT's own code
  kBackend = -32011,  // the server behind RTT did not answer, went away or is busy
};

}  // namespace rtt::mcp
