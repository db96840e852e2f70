// SPDX-License-Identifier: Apache-2.0
#include "plan/diff.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "base/assert.h"
#include "plan/lanes.h"
#include "plan/order.h"

namespace rtt::plan {

using model::Graph;
using model::Route;

Graph with_ids(const Graph& base, std::vector<Route> routes) {
  std::vector<std::uint32_t> taken;
  auto old = base.routes.begin();
  for (Route& route : routes) {
    while (old != base.routes.end() && model::route_order(*old, route) < 0) ++old;
    const bool stays = old != base.routes.end() && model::route_order(*old, route) == 0;
    route.id = stays ? old->id : RouteId{0};
    if (stays) taken.push_back(old->id.value);
  }
  std::sort(taken.begin(), taken.end());
  std::uint32_t next = 1;
  auto held = taken.begin();
  for (Route& route : routes) {
    if (route.id.value != 0) continue;
    while (held != taken.end() && *held <= next) next = *held++ == next ? next + 1 : next;
    route.id = RouteId{next++};
  }
  return {.routes = std::move(routes), .views = base.views};
}

namespace {

bool before(const model::View& a, const model::View& b) {
  return std::tie(a.provider, a.root) < std::tie(b.provider, b.root);
}

}  // namespace

Diff diff(const Graph& base, const Graph& result) {
  Diff out;
  auto old = base.routes.begin();
  auto now = result.routes.begin();
  while (old != base.routes.end() || now != result.routes.end()) {
    const auto order = old == base.routes.end()     ? std::strong_ordering::greater
                       : now == result.routes.end() ? std::strong_ordering::less
                                                    : model::route_order(*old, *now);
    if (order == 0 && *old == *now) {
      ++out.unchanged;
    } else {
      if (order <= 0) out.del.push_back(*old);
      if (order >= 0) out.add.push_back(*now);
    }
    if (order <= 0) ++old;
    if (order >= 0) ++now;
  }
  std::ranges::set_difference(result.views, base.views, std::back_inserter(out.views_add), before);
  std::ranges::set_difference(base.views, result.views, std::back_inserter(out.views_del), before);
  return out;
}

model::Objective objective_of(const Graph& result, const Diff& changes) {
  model::Objective objective;
  for (const Route& route : result.routes) objective.latency_ns += predicted_p99_ns(route.lane);
  objective.churn = static_cast<std::int64_t>(changes.add.size() + changes.del.size());
  objective.bound = objective.latency_ns;
  return objective;
}

model::Plan plan_between(const Graph& from, const Graph& to, const model::PlanInputs& inputs) {
  Diff changes = diff(from, to);
  model::Plan plan{.base = model::graph_root(from), .inputs = inputs};
  plan.order = order_batches(changes.add, changes.del);
  plan.objective = objective_of(to, changes);
  plan.routes_add = std::move(changes.add);
  plan.routes_del = std::move(changes.del);
  plan.views_add = std::move(changes.views_add);
  plan.views_del = std::move(changes.views_del);
  return plan;
}

}  // namespace rtt::plan
