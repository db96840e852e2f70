// SPDX-License-Identifier: Apache-2.0
// Places: where in its authored file an endpoint's own wish is written.
//
// The planner reads contracts, not files, and names a wish by address and pointer: "rtt://a/agent/x@1.0.0
// /agent/tools/1". People mend files, so what is shown is "agents/x.md:5". Finding a line costs reading the
// file again; only what is shown pays for it.
//
// Owns: an index of the snapshot, which must outlive it, and the file read last.   Thread: one.
// Fails: never; what cannot be located is named by its file, an unknown name is given back as it is.
// Limits: kPlacesMax names are located, later ones are named by their file.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "plan/plan.h"
#include "registry/snapshot.h"

namespace rtt::panel {

inline constexpr std::size_t kPlacesMax = 1024;

class Places {
 public:
  Places(const registry::Workspace& workspace, const registry::Snapshot& snapshot);
  // "file:line" for "address pointer", "file" for an address alone, anything else unchanged.
  std::string in_file(const std::string& where);

 private:
  const registry::Workspace& workspace_;
  std::map<std::string, const registry::SymbolEntry*, std::less<>> by_address_;
  std::string file_, text_;  // read last
  std::size_t located_ = 0;
};

// The places of conflicts and warnings.
void name_places(Places& places, plan::Outcome& outcome);
// The places in each route's reasons.
void name_reasons(Places& places, plan::Outcome& outcome);

}  // namespace rtt::panel
