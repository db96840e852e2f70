// SPDX-License-Identifier: Apache-2.0
// The Model Context Protocol revisions and JSON-RPC codes RTT speaks, on both of its sides.
//
// There are two eras. In the legacy one a session begins with initialize, which agrees on a revision: the
// newest is offered first, and a peer that answers with an older one of the list is spoken to in that one. In
// the modern one each request says for itself which revision it is of, who asks, and what it can take.
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
inline constexpr std::array<std::string_view, 1> kModernProtocols{"2026-07-28"};
inline constexpr std::string_view kModernNewest = kModernProtocols.front();
inline constexpr std::string_view kImplementationName = "rtt";
inline constexpr std::string_view kImplementationVersion = "0.1.0";

enum class Era : std::uint8_t { kLegacy, kModern };

constexpr bool speaks(std::string_view revision) {
  for (const auto known : kProtocols) {
    if (known == revision) return true;
  }
  return false;
}
constexpr bool speaks_modern(std::string_view revision) {
  for (const auto known : kModernProtocols) {
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
  // Of the modern era alone:
  kHeaderMismatch = -32020,
  kMissingCapability = -32021,
  kUnsupportedVersion = -32022,
};

}  // namespace rtt::mcp
