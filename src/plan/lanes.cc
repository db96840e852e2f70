// SPDX-License-Identifier: Apache-2.0
#include "plan/lanes.h"

#include <algorithm>

#include "base/assert.h"

namespace rtt::plan {
namespace {

using model::LaneKind;

// The MCP gateway serves its clients over their own pipes; what else reaches a tool does so by socket.
bool speaks(const model::Contract& provider, LaneKind lane) {
  return !provider.driver || provider.driver->use != "mcp" || lane == LaneKind::kUds;
}

}  // namespace

std::int64_t predicted_p99_ns(LaneKind lane) {
  switch (lane) {
    case LaneKind::kShm:
      return 1'000;
    case LaneKind::kUds:
      return 15'000;
    case LaneKind::kTcp:
      return 30'000;
    case LaneKind::kInproc:
      return 10'000;
  }
  RTT_ASSERT(false);
}

std::optional<LaneKind> choose_lane(const model::Contract& provider, const model::PanelConfig& config) {
  for (const LaneKind lane : config.prefer) {
    const bool carried = std::find(kCarried.begin(), kCarried.end(), lane) != kCarried.end();
    if (carried && speaks(provider, lane)) return lane;
  }
  return std::nullopt;
}

}  // namespace rtt::plan
