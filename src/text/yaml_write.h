// SPDX-License-Identifier: Apache-2.0
// YAML as other programs' readers take it: members of one map, for front matter.
//
// What is written means the same to readers of YAML 1.1 and 1.2, and no line of it begins with `---`, `...`
// or
// `%`, whatever the values hold: a text is plain only if no reader could take it for anything else, and
// otherwise one double-quoted line. Lists and maps of scalars have a line an item; what lies deeper is
// written in flow style, in quotes.
//
// Thread: any.   Fails: a value deeper than kDepthMax is not written.   Limits: kDepthMax.
#pragma once

#include <string>
#include <string_view>

#include "text/json.h"

namespace rtt::text {

// `KEY: VALUE` and a line end. False, and nothing written, for a value that is too deep.
bool append_yaml_member(std::string& out, std::string_view key, const Json& value);
// A text as a plain scalar, or in double quotes where it has to be.
void append_yaml_text(std::string& out, std::string_view text);

}  // namespace rtt::text
