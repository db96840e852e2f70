// SPDX-License-Identifier: Apache-2.0
// changes: what differs between two JSON values, as a list people can read before they sign.
//
// Members are compared by name, items of an array by place after what both arrays begin and end with is set
// aside, so one inserted item is one change and not a shift of everything behind it. Pure; equal values give
// an empty list.
//
// Thread: any (values).   Fails: never.   Limits: below kDepthMax levels two unequal values are one change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/json.h"

namespace rtt::registry {

enum class ChangeKind : std::uint8_t { kAdded, kRemoved, kChanged };
std::string_view to_string(ChangeKind kind);

struct Change {
  std::string pointer;  // RFC 6901; of an added item its place in `after`, else its place in `before`
  ChangeKind kind = ChangeKind::kChanged;
  text::Json before, after;  // null where there is none

  friend bool operator==(const Change&, const Change&) = default;
};
std::vector<Change> changes(const text::Json& before, const text::Json& after);
// "changed /symbol/qos/prio: 0 -> 2"; values longer than 120 bytes are cut.
std::string to_string(const Change& change);
// {"pointer","kind":"added|removed|changed","before","after"}, absent sides left out.
text::Json to_json(const Change& change);

}  // namespace rtt::registry
