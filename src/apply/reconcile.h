// SPDX-License-Identifier: Apache-2.0
// Reconcile: what separates two graphs, and whether a plan may be applied to the one that is committed.
//
// A plan binds the graph it starts from. If the committed graph already is its result, applying it again is
// `unchanged`, whoever got there first; else, if the committed graph is not its base, it is stale, and the
// error names the routes and commits that came in between rather than only two hashes.
//
// Thread: any (pure functions).   Fails: kStalePlan, kBadShape.
#pragma once

#include <vector>

#include "apply/recover.h"
#include "model/plan.h"

namespace rtt::apply {

struct Changes {
  std::vector<model::Route> add, del;  // each sorted by route_order
  friend bool operator==(const Changes&, const Changes&) = default;
};
// Smallest edit: a route in both, equal in every field, is in neither list.
Changes changes_between(const model::Graph& from, const model::Graph& to);

enum class Decision : std::uint8_t { kProceed, kUnchanged };
struct Committed {
  const Recovered& ledger;    // for the commits in between
  const model::Graph& graph;  // the graph in force
};
// kStalePlan names what changed since the plan's base.
Result<Decision> decide(const model::Plan& plan, const Committed& committed);

}  // namespace rtt::apply
