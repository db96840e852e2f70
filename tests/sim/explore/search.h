// SPDX-License-Identifier: Apache-2.0
// Search: every run of a scenario, depth first, with the laws of safety in each state and those of liveness
// over all of them.
//
// Liveness needs no assumption of fairness here: from every state something else than a fault leads on (no
// hang), no run ever comes back to a state it was in (none is endless), and where nothing went wrong the plan
// is committed without waiting for a timer. So every run of faults that ends is a run that ends, whatever the
// order in which things happen.
//
// Thread: one.   Fails: the report names the law that fell and how.   Limits: states_max (0: none), over().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "laws.h"
#include "scenario.h"
#include "world.h"

namespace rtt::explore {

struct Report {
  std::size_t states = 0, transitions = 0;
  std::size_t machine_steps = 0, machine_states = 0, disks = 0;  // that the real code took, or judged
  std::size_t committed = 0, rolled_back = 0, in_doubt = 0;      // ends
  bool complete = false;                                         // every run was followed
  Law law = Law::kHolds;
  std::vector<std::string> trace;  // how it fell
};

struct SearchOptions {
  std::size_t states_max = 0;
  std::function<bool()> over{};  // asked now and then: no more time
};

Report explore(const Scenario& scenario, const SearchOptions& options = {});

// The report as lines for a person.
std::string to_text(const Report& report);

}  // namespace rtt::explore
