// SPDX-License-Identifier: Apache-2.0
// What providers are shown, left to them as real files that need no RTT: the way out, and the way back in.
//
// A file of MCP servers that starts RTT would be none, so its servers are written as their manifests start
// them, `${VAR}` where a secret belongs; one that the provider's format cannot say so is left out and told.
// What somebody changed is theirs and stays as they left it, be it written into a copy or into what a link
// leads to.
//
// The workspace keeps its view files: the project is no longer touched until somebody mounts a view, which
// replaces the files that are still as they were left.
//
// Thread: one, blocking.   Fails: as view_stage.h, project.h.   Limits: the parts'.
#pragma once

#include <string>
#include <vector>

#include "panel/view_stage.h"
#include "views/encode.h"
#include "views/project.h"
#include "views/provider_file.h"

namespace rtt::panel {

struct Ejected {
  std::string provider;
  std::size_t files = 0;          // that are left there as real ones
  std::vector<views::Kept> kept;  // what is in their place and stays as it is
  bool edited = false;            // somebody wrote into what is shown: that is what is left
};
struct Ejection {
  views::ProviderTable known;
  views::Trees trees;               // of each provider: what is left there
  std::vector<std::string> places;  // in the project, that become real files; sorted
  std::vector<Ejected> left;        // as foreseen, sorted by provider
  std::vector<views::Loss> losses;  // of servers
};
// Nothing is in it where nothing is shown, or all of it was ejected before.
Result<Ejection> plan_ejection(const registry::Workspace& workspace);
// `left` is as it became then.
Status carry_out(const registry::Workspace& workspace, Ejection& ejection);

enum class Followed : std::uint8_t { kAsBefore, kAgain };
// The project shows what is committed again.
Result<Followed> follow_again(const registry::Workspace& workspace);

}  // namespace rtt::panel
