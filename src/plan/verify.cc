// SPDX-License-Identifier: Apache-2.0
#include "plan/verify.h"

#include <algorithm>
#include <map>

#include "plan/diff.h"
#include "plan/filters.h"
#include "plan/order.h"

namespace rtt::plan {
namespace {

using model::Plan;
using model::Route;

std::unexpected<Error> wrong(std::string where, std::string what) {
  return fail(Code::kBadShape, std::move(what), std::move(where), "rtt plan");
}

bool is_bare(const model::Saddr& saddr) {
  return saddr.is_definition() && !saddr.range && saddr.caps.empty() && !saddr.io;
}

bool known_origin(std::string_view origin) {
  return origin == "routes" || origin == "agent" || origin == "requires" || origin == "qc";
}

Status verify_route(const Route& route, const std::string& list) {
  const std::string where = list + " " + std::to_string(route.id.value);
  if (route.id.value == 0) return wrong(list, "a route has id 0, which is the control route");
  if (!is_bare(route.from)) return wrong(where, "`from` is no exact address");
  if (!is_bare(route.to)) return wrong(where, "`to` is no exact address");
  if (route.from == route.to) return wrong(where, "a route leads from a symbol to itself");
  if (route.contract.is_zero()) return wrong(where, "`contract` is the zero hash");
  if (route.consumer_contract.is_zero()) return wrong(where, "`consumer_contract` is the zero hash");
  if (!std::is_sorted(route.caps.begin(), route.caps.end())) return wrong(where, "`caps` are not sorted");
  if (std::adjacent_find(route.caps.begin(), route.caps.end()) != route.caps.end()) {
    return wrong(where, "`caps` name one capability twice");
  }
  if (route.node_from.empty()) return wrong(where, "`node_from` is empty");
  if (route.node_to.empty()) return wrong(where, "`node_to` is empty");
  if (!known_origin(route.origin)) return wrong(where, "`origin` is none of routes, agent, requires, qc");
  if (!route.replaces.empty() && route.origin != "qc") return wrong(where, "`replaces` without origin qc");
  return {};
}

Status verify_list(const std::vector<Route>& routes, const std::string& list) {
  for (const Route& route : routes) RTT_TRY(verify_route(route, list));
  for (std::size_t i = 1; i < routes.size(); ++i) {
    const auto order = model::route_order(routes[i - 1], routes[i]);
    if (order == 0) return wrong(list, model::route_name(routes[i]) + " is in the list twice");
    if (order > 0) return wrong(list, "the routes are not sorted by (from, to, class)");
  }
  std::vector<RouteId> ids;
  for (const Route& route : routes) ids.push_back(route.id);
  std::sort(ids.begin(), ids.end());
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice != ids.end()) return wrong(list, "two routes have id " + std::to_string(twice->value));
  return {};
}

// Why `plan.order`, which is not what order_batches makes of the edits, is none.
std::unexpected<Error> wrong_order(const Plan& plan) {
  std::map<std::string, int> due;
  for (const Route& route : plan.routes_add) due["A" + std::to_string(route.id.value)] = 1;
  for (const Route& route : plan.routes_del) due["D" + std::to_string(route.id.value)] = 1;
  for (const auto& batch : plan.order) {
    if (batch.empty()) return wrong("order", "a batch is empty");
    for (const std::string& entry : batch) {
      const auto at = due.find(entry);
      if (at == due.end()) return wrong("order", entry + " is no edit of this plan");
      if (--at->second < 0) return wrong("order", entry + " is named twice");
    }
  }
  for (const auto& [entry, count] : due) {
    if (count > 0) return wrong("order", entry + " is not in the order");
  }
  return wrong("order", "the batches bring something up before what it requires, or are not sorted");
}

Status verify_order(const Plan& plan) {
  if (!find_cycle(plan.routes_add).empty()) return wrong("routes_add", "requirements form a circle");
  if (plan.order != order_batches(plan.routes_add, plan.routes_del)) return wrong_order(plan);
  return {};
}

Status verify_objective(const Plan& plan) {
  const model::Objective& objective = plan.objective;
  const auto edits = static_cast<std::int64_t>(plan.routes_add.size() + plan.routes_del.size());
  if (objective.churn != edits) return wrong("objective.churn", "churn is not the number of edits");
  if (objective.latency_ns < 0) return wrong("objective.latency_ns", "the latency is negative");
  if (objective.bound > objective.latency_ns)
    return wrong("objective.bound", "the bound is above what was reached");
  if (objective.gap_ppm < 0) return wrong("objective.gap_ppm", "the gap is negative");
  if (objective.gap_ppm == 0 && objective.bound != objective.latency_ns) {
    return wrong("objective.gap_ppm", "no gap is claimed, but the bound is not reached");
  }
  return {};
}

}  // namespace

Status verify(const Plan& plan) {
  if (plan.inputs.engine != "plan/1") {
    return wrong("inputs.engine", "this version does not know the engine " + plan.inputs.engine);
  }
  RTT_TRY(verify_list(plan.routes_add, "routes_add"));
  RTT_TRY(verify_list(plan.routes_del, "routes_del"));
  RTT_TRY(verify_order(plan));
  RTT_TRY(model::check_views(plan.views_add));
  RTT_TRY(model::check_views(plan.views_del));
  return verify_objective(plan);
}

Status verify_against(const Plan& plan, const model::Graph& base) {
  RTT_TRY(verify(plan));
  RTT_TRY_SET(const model::Graph result, model::apply_to(base, plan));
  const model::Objective reached = objective_of(result, {.add = plan.routes_add, .del = plan.routes_del});
  if (reached.latency_ns != plan.objective.latency_ns) {
    return wrong("objective.latency_ns", "the latency is not the sum over the resulting routes");
  }
  return {};
}

Status verify_class(const Route& route, const RouteEnds& ends) {
  // A route keeps neither the wish it came from nor that one's io=, so every wish that could be it may speak.
  Wanted wanted{.consumer = &ends.consumer, .to = ends.provider.saddr};
  const auto fits = [&](std::optional<model::IoMode> io) {
    wanted.to.io = io;
    const auto given = route_class(wanted, ends.provider);
    return given && *given == route.route_class;
  };
  if (fits(std::nullopt)) return {};
  for (const model::Saddr& wish : ends.wishes) {
    if (wish.io && wish.type == ends.provider.saddr.type && fits(wish.io)) return {};
  }
  return fail(Code::kTypeMismatch,
              "class " + std::string(model::to_string(route.route_class)) + " does not fit " +
                  std::string(model::to_string(ends.consumer.saddr.type)) + " -> " +
                  std::string(model::to_string(ends.provider.saddr.type)),
              model::route_name(route), "rtt plan");
}

}  // namespace rtt::plan
