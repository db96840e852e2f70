// SPDX-License-Identifier: Apache-2.0
// Order: the batches in which a plan's routes are taken down and brought up.
//
// Whatever a provider `requires` is up before routes to that provider are, and goes down after them; a new
// route waits for the deleted one whose id or link it takes over. Nothing else is ordered, so a batch is as
// wide as it can be. Within a batch entries are sorted by (from, to.type, to, version), a delete before an
// add. Requirements that form a circle cannot be ordered: the circle is reported as a path.
//
// Thread: any (pure).   Fails: never; a circle is the result of find_cycle.   Limits: linear in routes; no
// recursion.
#pragma once

#include <string>
#include <vector>

#include "model/graph.h"

namespace rtt::plan {

using Batches = std::vector<std::vector<std::string>>;  // [["D3"],["A1","A2"]]

// REQUIRES: no circle of `requires` routes in either list (find_cycle); one there ends up in the last batch.
Batches order_batches(const std::vector<model::Route>& add, const std::vector<model::Route>& del);

// Places in `routes` of a circle of routes with origin `requires`, in walking order; empty: there is none.
std::vector<std::size_t> find_cycle(const std::vector<model::Route>& routes);

}  // namespace rtt::plan
