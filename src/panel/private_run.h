// SPDX-License-Identifier: Apache-2.0
// A private run: this process becomes a command that sees one provider's view over the project
// (views/private_view.h, docs/design/013-private-view.md).
//
// What is in force is rendered on the spot, whether or not the provider has a view file; no panel is needed,
// and one that runs is told.
//
// Thread: the only one of the process.   Fails: as rendering and the view; what the command's name says of
// the provider: kBadArgument.   Limits: theirs.
#pragma once

#include <string>
#include <vector>

#include "panel/workbench.h"

namespace rtt::panel {

struct PrivateRun {
  registry::Workspace workspace;
  enum class Where : std::uint8_t { kFound, kNamed } where = Where::kFound;  // kNamed: by -C
  std::string provider;  // empty: the command's name says it
  std::string env;       // empty: what the view file says
  std::vector<std::string> command;
  enum class Told : std::uint8_t { kQuiet, kOnStderr } told = Told::kOnStderr;  // of what is not shown
};
// Why it did not become the command, and the exit status: 127 where there is none of that name, 126 where it
// cannot be run, else the error's own.
struct NotRun {
  Error why;
  int status = 0;
};
NotRun run_privately(const PrivateRun& run);

}  // namespace rtt::panel
