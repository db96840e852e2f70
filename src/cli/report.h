// SPDX-License-Identifier: Apache-2.0
// Errors and problems as people read them, and errors as scripts read them.
//
//     error[RTT0412]: policy denies rtt://a -> rtt://b
//       --> .rtt/policy.json:12:3
//       = no allow rule covers it
//     help: rtt policy why A B
//
// An error has one JSON form for the command line, {"code","message","where","hint","causes"}; one that comes
// inside an answer's body is rendered from that form, so both look the same.
//
// Thread: any (pure).   Fails: never.   Limits: kErrorCausesMax causes.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "cli/screen.h"
#include "text/json.h"

namespace rtt::cli {

// "RTT0412", "rtt412" or "412"; nothing if there is no such code.
std::optional<Code> parse_code(std::string_view text);
// The status an {"code":…} object ends with: kFailed for a code this program does not know.
Exit error_exit(const text::Json& error);
std::string error_text(const text::Json& error, const Paint& paint);
// "file:line:column: error RTT0202: message", the hint below it.
std::string problem_text(const text::Json& problem, const Paint& paint);

}  // namespace rtt::cli
