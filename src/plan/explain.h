// SPDX-License-Identifier: Apache-2.0
// Explain: every route of the outcome with why it is there, and every loser with the rule that beat it.
//
// Thread: any (pure).   Fails: never.   Limits: kRejectedMax losers a route.
#pragma once

#include <optional>
#include <vector>

#include "plan/candidates.h"
#include "plan/diff.h"

namespace rtt::plan {

// A route before it has an id, with its reasons. Several wishes may end in one route.
struct Settled {
  model::Route route;
  std::vector<std::string> because;
  std::vector<Rejected> rejected;
};

// The route of a wish whose candidate `chosen` won.
Settled settled_route(const Inputs& inputs, const Wanted& wanted, const Options& options, std::size_t chosen);

// Sorted by route_order; wishes that lead to one route are one entry with all their reasons.
std::vector<Settled> joined_routes(std::vector<Settled> routes);

// REQUIRES: `settled` and `result` name the same routes in the same order.
std::vector<RouteReport> reports(const model::Graph& base, const model::Graph& result,
                                 std::vector<Settled> settled, const Catalogue& catalogue);

}  // namespace rtt::plan
