// SPDX-License-Identifier: Apache-2.0
// A plain YAML scalar by the 1.2 core schema: null, a boolean, a number, or else a string.
//
// Spellings that YAML 1.1 and 1.2 readers take for different numbers (0600, .inf) are refused, not guessed.
//
// Thread: any.   Fails: kYamlSyntax, kJsonNumber; `where` is the caller's to fill in.
#pragma once

#include <string_view>

#include "text/json.h"

namespace rtt::text {

Result<Json> read_plain_scalar(std::string_view text);

}  // namespace rtt::text
