// SPDX-License-Identifier: Apache-2.0
// Lanes: which lane a route takes, and what p99 that lane is predicted to have.
//
// The prediction is one constant a lane: the one-way hand-over between two processes of one machine at the
// 99th percentile under ordinary load, rounded up. It does not know the provider's own work; a budget that a
// bare lane cannot keep is refused here, one that the provider breaks is seen by telemetry.
//
// Thread: any.   Units: nanoseconds.   Fails: nothing when no preferred lane can carry the route.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/config.h"

namespace rtt::plan {

// Lanes that endpoints of this version really carry frames on. A lane that starts to work is added here, and
// the planner uses it: nothing else in this floor knows which lanes exist.
inline constexpr std::array kCarried{model::LaneKind::kShm, model::LaneKind::kUds};

[[nodiscard]] std::int64_t predicted_p99_ns(model::LaneKind lane);

// The first of config.prefer that is carried and that the provider's driver can speak.
[[nodiscard]] std::optional<model::LaneKind> choose_lane(const model::Contract& provider,
                                                         const model::PanelConfig& config);

}  // namespace rtt::plan
