// SPDX-License-Identifier: Apache-2.0
// What providers are shown, left to them as real files that need no RTT: the way out, and the way back in.
//
// A file of MCP servers that starts RTT would be none, so its servers are written as their manifests start
// them, `${VAR}` where a secret belongs; one that the provider's format cannot say so is left out and told.
// The workspace keeps its view files: the project is no longer touched until somebody mounts a view, which
// replaces the files that are still as they were left.
//
// Thread: one, blocking.   Fails: as view_stage.h, project.h.   Limits: the parts'.
#pragma once

#include <string>
#include <vector>

#include "panel/view_stage.h"
#include "views/encode.h"

namespace rtt::panel {

struct Ejection {
  views::Trees trees;               // of each provider: what is left there
  std::vector<std::string> places;  // in the project, sorted
  std::vector<views::Loss> losses;  // of servers
};
// Nothing is in it where nothing is shown, or all of it was ejected before.
Result<Ejection> plan_ejection(const registry::Workspace& workspace);
Status carry_out(const registry::Workspace& workspace, const Ejection& ejection);

enum class Followed : std::uint8_t { kAsBefore, kAgain };
// The project shows what is committed again.
Result<Followed> follow_again(const registry::Workspace& workspace);

}  // namespace rtt::panel
