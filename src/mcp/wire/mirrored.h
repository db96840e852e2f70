// SPDX-License-Identifier: Apache-2.0
// Mirrored headers: what a modern HTTP message says of its body in its headers, written and checked.
//
// Intermediaries route by MCP-Protocol-Version, Mcp-Method, Mcp-Name and, for the arguments whose schema says
// `x-mcp-header`, Mcp-Param-NAME; a server must refuse a request whose headers say something else than its
// body. A value that no header can hold is written `=?base64?…?=`.
//
// Owns: nothing.   Thread: any (pure).   Fails: a mismatch: what differs, for people.
// Limits: kMirroredArgumentsMax of one tool.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mcp/wire/era.h"
#include "text/json.h"

namespace rtt::mcp {

// Of one message, where its transport has such a thing; the others ignore them.
using MessageHeaders = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t kMirroredArgumentsMax = 64;

// An argument that is mirrored: where it stands in the arguments, and Mcp-Param-HEADER.
struct MirroredArgument {
  std::vector<std::string> path;
  std::string header;
  friend bool operator==(const MirroredArgument&, const MirroredArgument&) = default;
};
// Those of an inputSchema. Annotations that the protocol does not allow are not among them.
[[nodiscard]] std::vector<MirroredArgument> mirrored_arguments(const text::Json& input_schema);

[[nodiscard]] std::string header_value(std::string_view text);
// What a header's value stands for; nothing: it is badly encoded.
[[nodiscard]] std::optional<std::string> from_header_value(std::string_view value);

// Of a modern request to a server.
[[nodiscard]] MessageHeaders modern_headers(std::string_view method, std::string_view params);
// And of a tools/call, by the definition of the tool among `tools`.
void mirror_arguments(MessageHeaders& headers, std::span<const text::Json> tools, std::string_view params);

using HeaderOf = std::function<const std::string*(std::string_view)>;  // by lower-case name; nullptr: absent
// What the headers of a modern request say otherwise than its body; nothing: they agree.
[[nodiscard]] std::optional<std::string> header_mismatch(const Message& message, const HeaderOf& header);
[[nodiscard]] std::optional<std::string> argument_mismatch(std::span<const MirroredArgument> arguments,
                                                           std::string_view params, const HeaderOf& header);

}  // namespace rtt::mcp
