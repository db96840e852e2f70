// SPDX-License-Identifier: Apache-2.0
// The value of one member in an item's form and in a client's, both ways (the kinds of Value).
//
// What cannot be said in the client's form is told entry by entry; what a client says and an item has no form
// for is not understood, and its reader keeps it as it was written.
//
// Thread: any (pure).   Fails: never; see Said::lost and the empty optional.   Limits: the value's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "text/json.h"
#include "views/provider.h"

namespace rtt::views {

struct Said {
  std::optional<text::Json> value;                        // nothing: the key is left out
  std::vector<std::pair<std::string, std::string>> lost;  // pointer below the member ("" = all of it), why
};
Said said(const Field& field, const Provider& provider, const text::Json& value);
std::optional<text::Json> understood(const Field& field, const Provider& provider, const text::Json& native);

// Entries of a list in one text: separated by commas outside of braces, blanks around them dropped.
std::vector<std::string_view> split_line(std::string_view line);

}  // namespace rtt::views
