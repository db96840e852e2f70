// SPDX-License-Identifier: Apache-2.0
// line_diff: what changed between two texts, as a unified diff with three lines around.
//
// The shortest edit by Myers' greedy search. Texts further apart than kLineDiffEditsMax lines are told as one
// block that goes and one that comes: still true, only longer.
//
// Thread: any (pure).   Fails: never.   Limits: kLineDiffEditsMax.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rtt::text {

inline constexpr int kLineDiffEditsMax = 1000;

struct DiffSides {
  std::string_view before, after;
  // What is printed instead, line for line; empty = the text itself.
  std::string_view shown_before{}, shown_after{};
};
// Lines without their ends: `@@ -a,b +c,d @@`, then ` `, `-` or `+` and the line. Empty if nothing changed.
std::vector<std::string> line_diff(const DiffSides& sides);

}  // namespace rtt::text
