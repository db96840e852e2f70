// SPDX-License-Identifier: Apache-2.0
// What a provider answered, for people and, unchanged, for scripts.
//
// `--json` promises the provider's bytes: re-printing a parsed value would reorder keys and rewrite numbers,
// so the payload is put into the document as it came once the strict reader has accepted it. A payload the
// reader refuses (not JSON, or JSON with no single meaning) becomes a string, and one that is not UTF-8
// becomes base64, so that the document is always valid.
//
// Thread: any (pure).   Fails: never.   Limits: kFramePayloadBytesMax, as the lane.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/screen.h"
#include "text/json.h"

namespace rtt::cli {

// A CallToolResult with isError true.
[[nodiscard]] bool is_tool_error(std::string_view payload);
// The text items of a CallToolResult, other content named by kind and size; any other payload as it is.
std::string result_text(std::string_view payload, Lines lines);

enum class Shown : std::uint8_t { kSafe, kExact };                // kSafe: printable(), for terminals
std::string shown_result(std::string_view payload, Shown shown);  // ends in a newline unless empty

// `document` as one line with "result" (or "result_text", "result_b64") added.
std::string with_result(const text::Json& document, std::string_view payload);

}  // namespace rtt::cli
