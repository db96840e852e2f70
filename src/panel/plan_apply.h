// SPDX-License-Identifier: Apache-2.0
// What a plan leads to, applied for a verb that did something else before: store it signed, start the panel,
// apply.
//
// The plan is nobody's choice but ours, so where others commit in between it is made again for what is
// committed then.
//
// Thread: one, blocking.   Fails: as store_plan and the panel; an apply that was rolled back is told in the
// body. Limits: kPlannedTriesMax.
#pragma once

#include "panel/planning.h"
#include "panel/workbench.h"

namespace rtt::panel {

// Why there is no plan to apply: a configuration that cannot be read, or a conflict.
Status must_be_plannable(const Planned& planned);
inline constexpr int kPlannedTriesMax = 32;  // each is stale only because another commit was not
// Puts graph, plan_id, seq, state and, if it did not hold, reason, error and exit into `body`. `planned` is
// then what was applied.
Result<std::unique_ptr<api::Service>> apply_planned(const Turn& turn, const registry::Workspace& workspace,
                                                    Planned& planned, text::Json& body);

}  // namespace rtt::panel
