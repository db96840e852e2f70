// SPDX-License-Identifier: Apache-2.0
// Era: what a message of one era of the protocol says, and what it becomes in the other.
//
// A modern request says in its `_meta` what a legacy session agreed on once. So a legacy client's call gets
// that said for it on its way to a modern server, and a modern client's call loses it on its way to a legacy
// one; a result gets or loses what only modern ones carry (`resultType`, `ttlMs`, `cacheScope`). Everything
// else passes byte for byte. What one era cannot say is refused, never dropped: tasks have another shape in
// each, and a legacy server cannot go on from a `requestState`.
//
// Owns: nothing; views live as long as the message.   Thread: any (pure).
// Fails: what is to be refused is a raw JSON-RPC error object.   Limits: those of the line.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {

namespace meta_key {
inline constexpr std::string_view kVersion = "io.modelcontextprotocol/protocolVersion";
inline constexpr std::string_view kCapabilities = "io.modelcontextprotocol/clientCapabilities";
inline constexpr std::string_view kClientInfo = "io.modelcontextprotocol/clientInfo";
inline constexpr std::string_view kServerInfo = "io.modelcontextprotocol/serverInfo";
inline constexpr std::string_view kLogLevel = "io.modelcontextprotocol/logLevel";
inline constexpr std::string_view kSubscription = "io.modelcontextprotocol/subscriptionId";
}  // namespace meta_key

using Refused = std::unexpected<std::string>;  // a raw JSON-RPC error object

// Its place among RFC 5424's levels, debug first; -1: it is none.
[[nodiscard]] int log_rank(std::string_view level);

// What a modern request says of itself.
struct RequestMeta {
  std::string_view version, capabilities, client_info;  // raw; client_info may be empty
  std::string log_level;                                // empty: no log messages are wanted
};
// Whether the request names its revision, as only modern ones do.
[[nodiscard]] bool names_version(std::string_view params);
[[nodiscard]] std::expected<RequestMeta, std::string> read_meta(std::string_view params);
[[nodiscard]] std::string unsupported_version(std::string_view requested);  // raw error object

// `object` without its members `keys`, and with `added` (raw members, `"a":1,"b":2`) at its end.
[[nodiscard]] std::string edited(std::string_view object, std::initializer_list<std::string_view> keys,
                                 std::string_view added = {});
// Params (or a result) with `keys` of its `_meta` gone and `added` in it; an empty `_meta` goes too.
[[nodiscard]] std::string edited_meta(std::string_view params, std::initializer_list<std::string_view> keys,
                                      std::string_view added = {});

// As whom RTT speaks to a modern server for somebody who does not say it himself.
struct ModernSpeaker {
  std::string_view capabilities = "{}";  // raw
  std::string_view log_level;            // empty: none
};
// Params of a legacy caller, or of RTT itself, for a modern server.
[[nodiscard]] std::expected<std::string, std::string> modern_params(std::string_view method,
                                                                    std::string_view params,
                                                                    const ModernSpeaker& speaker);
// Params of a modern caller for a legacy server.
[[nodiscard]] std::expected<std::string, std::string> legacy_params(std::string_view method,
                                                                    std::string_view params);

// The answer of a server of the other era, for a caller of the era named.
[[nodiscard]] std::string modern_result(std::string_view method, std::string_view result);
[[nodiscard]] std::string legacy_result(std::string_view result);
[[nodiscard]] std::string modern_error(std::string_view error);
[[nodiscard]] std::string legacy_error(std::string_view method, std::string_view error);
// The progressToken of a request, raw.
[[nodiscard]] std::optional<std::string_view> progress_token(std::string_view params);
// `complete`, `input_required`, or what an extension says; a result that says nothing is complete.
[[nodiscard]] std::string result_type(std::string_view result);

}  // namespace rtt::mcp
