// SPDX-License-Identifier: Apache-2.0
// Settled: that `rtt up` found nothing to sign, to import or to apply, kept with the state of everything it
// looked at, so that the next one knows it from names and stamps alone.
//
// What is looked at: what a snapshot reads (registry/source_state.h), the files of AI clients that name
// servers, and this program. The wiring is not among it: the panel is asked. A look is taken before the work
// and another after it; the answer is kept where both are the same and every stamp is older than the first
// look by more than its file system's clock can hide. Anything else, and the work is done in full.
//
// Thread: one.   Fails: look: as source_state.h. What cannot be kept or is not sound is as nothing kept.
// Limits: kSettledBytesMax.
#pragma once

#include <optional>
#include <string>

#include "registry/snapshot.h"
#include "registry/source_state.h"
#include "text/json.h"

namespace rtt::panel {

inline constexpr std::size_t kSettledBytesMax = std::size_t{1} << 20;

struct Look {
  Digest state;
  registry::ScanPlaces places;  // as panel.yaml says, in force or not
  std::int64_t settled_ns = 0;  // as StateHash
  std::int64_t began_ns = 0;    // wall time
};
Result<Look> look_at(const registry::Workspace& workspace);

struct Settled {
  std::string plan_id;  // of no change, stored
  std::string graph;    // the wiring that was in force
  text::Json problems;
  bool servers = false;  // whether MCP servers are in force
};
std::optional<Settled> settled_before(const registry::Workspace& workspace, const Look& now);
// `before`: of before the work that found this in `snapshot`.
void keep_settled(const registry::Workspace& workspace, const Look& before,
                  const registry::Snapshot& snapshot, const Settled& settled);

}  // namespace rtt::panel
