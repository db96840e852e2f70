// SPDX-License-Identifier: Apache-2.0
// CanarySearch: every run of the real Canary machine (apply/canary.h) over the real recovery, against figures
// that are good, failing, slow, silent or over budget, changes that are refused before or behind their COMMIT
// or left in doubt, a loss, a cancellation, an event that comes twice, and a panel that is killed in every
// state.
//
// Thread: one.   Fails: the report names the law that fell and how.   Limits: kCanaryStatesMax.
#pragma once

#include <cstddef>

#include "apply/canary.h"
#include "search.h"

namespace rtt::explore {

inline constexpr std::size_t kCanaryStatesMax = 100'000;

// `committed`: promoted; `rolled_back`: taken back, or left in force because both ways were refused.
Report explore_canary(apply::Unused unused);

}  // namespace rtt::explore
