// SPDX-License-Identifier: Apache-2.0
// Diff: from the wiring that is wanted to the smallest edit of the graph that is committed.
//
// A route that the base has under the same (from, to, class) keeps its id even when its content changes (then
// it is deleted and added); a new one takes the smallest id ≥ 1 that no remaining route holds, in route
// order. So ids are a function of base and result, and a route that stays is the same bytes in both graphs.
//
// Thread: any (pure).   Fails: never; bad preconditions are asserts.
#pragma once

#include <vector>

#include "model/plan.h"

namespace rtt::plan {

// With the views of the base. REQUIRES: `routes` sorted by route_order, unique in it; their ids are ignored.
model::Graph with_ids(const model::Graph& base, std::vector<model::Route> routes);

struct Diff {
  std::vector<model::Route> add, del;
  std::size_t unchanged = 0;  // routes
  std::vector<model::View> views_add{}, views_del{};
};
Diff diff(const model::Graph& base, const model::Graph& result);

// The plan that leads from one graph to another as they are (rollback, undo, quick connect): diff, order,
// objective. Both graphs are taken as decided; nothing is checked against policy or contracts.
model::Plan plan_between(const model::Graph& from, const model::Graph& to, const model::PlanInputs& inputs);

// Sum of the predicted p99 of every route, and what the plan edits. The optimum is proven: bound = latency,
// gap 0.
model::Objective objective_of(const model::Graph& result, const Diff& changes);

}  // namespace rtt::plan
