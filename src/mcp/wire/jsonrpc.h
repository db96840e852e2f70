// SPDX-License-Identifier: Apache-2.0
// JSON-RPC 2.0 over lines, classified without building a tree.
//
// A gateway only needs to know of a message what it is, whose it is, and where its payload lies: the payload
// itself goes on unread. classify() walks the line once, validates all of it (grammar, escapes, UTF-8, depth)
// and hands out views into it, so a result leaves RTT byte for byte as it came and costs one pass. Whatever
// is hashed or compared is read by text/json.h instead. A line with a doubled top-level member is refused:
// two readers could route it differently.
//
// Owns: nothing; views live as long as the line.   Thread: any.   Fails: MessageKind::kInvalid with the
// fault. Limits: kRpcDepthMax levels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/wire/protocol.h"

namespace rtt::mcp {

inline constexpr int kRpcDepthMax = 256;

enum class MessageKind : std::uint8_t { kRequest, kNotification, kResult, kError, kInvalid };
enum class Fault : std::uint8_t { kNone, kSyntax, kShape };  // not JSON | JSON, but no JSON-RPC message

struct Message {
  MessageKind kind = MessageKind::kInvalid;
  Fault fault = Fault::kNone;
  std::string_view id;       // raw JSON text, quotes included; empty if absent
  std::string method;        // decoded (short names stay in the string's own bytes)
  std::string_view params;   // raw JSON text; empty if absent
  std::string_view payload;  // kResult: the result; kError: the error object; raw JSON text
};
[[nodiscard]] Message classify(std::string_view line);

// The raw value of member `key` of the JSON object `object` (already valid JSON), or nothing.
[[nodiscard]] std::optional<std::string_view> member(std::string_view object, std::string_view key);
struct RawMember {
  std::string key;         // decoded
  std::string_view value;  // raw
};
// All of the members of the JSON object `object` (already valid JSON), in their order; of anything else,
// none.
[[nodiscard]] std::vector<RawMember> members(std::string_view object);
// The same, but nothing where the member is doubled, also in other capitals: readers differ in which one they
// take, so nothing may be decided by it.
[[nodiscard]] std::optional<std::string_view> sole_member(std::string_view object, std::string_view key);
// A raw JSON string decoded; nothing if `raw` is no string.
[[nodiscard]] std::optional<std::string> decode_string(std::string_view raw);
// A raw id as the number RTT chose for it (its own ids are plain unsigned integers).
[[nodiscard]] std::optional<std::uint64_t> own_id(std::string_view raw);
[[nodiscard]] bool is_json(std::string_view text);
[[nodiscard]] std::string clean_text(std::string_view text);  // invalid UTF-8 becomes U+FFFD
[[nodiscard]] std::string json_quoted(
    std::string_view text);  // as a JSON string; invalid UTF-8 becomes U+FFFD

// `whole` with `part`, a view into it, replaced. REQUIRES: part lies in whole.
[[nodiscard]] std::string spliced(std::string_view whole, std::string_view part,
                                  std::string_view replacement);

// Whole lines, newline included. `id`, `params`, `result`, `error`, `data` are raw JSON text; empty = left
// out.
[[nodiscard]] std::string request_line(std::uint64_t id, std::string_view method, std::string_view params);
[[nodiscard]] std::string notification_line(std::string_view method, std::string_view params);
[[nodiscard]] std::string result_line(std::string_view id, std::string_view result);
[[nodiscard]] std::string error_line(std::string_view id, std::string_view error);
[[nodiscard]] std::string error_object(RpcCode code, std::string_view message, std::string_view data = {});

}  // namespace rtt::mcp
