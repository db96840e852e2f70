// SPDX-License-Identifier: Apache-2.0
#include "plan/explain.h"

#include <algorithm>

#include "base/assert.h"
#include "plan/constraints.h"

namespace rtt::plan {
namespace {

using model::Route;

std::string node_of(const model::Topology& topology) {
  // One node carries everything until placement exists; of several the first by name, so that their order
  // says nothing.
  if (topology.nodes.empty()) return model::one_node_topology().nodes.front().id;
  const auto first = std::min_element(topology.nodes.begin(), topology.nodes.end(),
                                      [](const auto& a, const auto& b) { return a.id < b.id; });
  return first->id;
}

int strength(std::string_view origin) {
  return origin == "qc" ? 4 : origin == "requires" ? 3 : origin == "agent" ? 2 : 1;
}

std::string why_beaten(const Inputs& inputs, const Wanted& wanted, const Candidate& winner,
                       const Candidate& loser) {
  if (loser.latency_ns > winner.latency_ns) {
    return "predicted p99 " + std::to_string(loser.latency_ns) + " ns against " +
           std::to_string(winner.latency_ns);
  }
  const bool keeps = wired_already(inputs.base, wanted, winner) != nullptr;
  if (keeps && wired_already(inputs.base, wanted, loser) == nullptr) {
    return model::identity(winner.provider->saddr) + " is wired already: nothing is gained by the change";
  }
  if (model::precedence(*loser.provider->saddr.version, *winner.provider->saddr.version) < 0) {
    return "lower version than " + model::to_string(*winner.provider->saddr.version);
  }
  if (model::precedence(*loser.provider->saddr.version, *winner.provider->saddr.version) == 0) {
    return "after " + model::identity(winner.provider->saddr) + " in canonical order";
  }
  return "another wish of the same consumer for this symbol does not allow it";
}

std::string why_chosen(const Inputs& inputs, const Wanted& wanted, const Options& options,
                       std::size_t chosen) {
  const auto& candidates = options.candidates;
  if (candidates.size() == 1) return "only candidate";
  if (wired_already(inputs.base, wanted, candidates[chosen]) != nullptr) return "wired already";
  if (chosen == 0) return "highest version of " + std::to_string(candidates.size());
  return "least cost of " + std::to_string(candidates.size());
}

void append_unique(std::vector<std::string>& into, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (std::find(into.begin(), into.end(), word) == into.end()) into.push_back(word);
  }
}

}  // namespace

Settled settled_route(const Inputs& inputs, const Wanted& wanted, const Options& options,
                      std::size_t chosen) {
  const Candidate& winner = options.candidates[chosen];
  const std::string node = node_of(inputs.topology);
  Settled out{.route = {.from = bare(wanted.consumer->saddr),
                        .to = bare(winner.provider->saddr),
                        .lane = winner.lane,
                        .route_class = winner.route_class,
                        .contract = winner.provider->hash,
                        .consumer_contract = wanted.consumer->hash,
                        .qos = winner.qos,
                        .caps = winner.caps,
                        .node_from = node,
                        .node_to = node,
                        .origin = wanted.held != nullptr ? "qc" : wanted.origin,
                        .replaces = wanted.held != nullptr ? wanted.held->replaces : std::string()}};
  out.because = winner.because;
  if (wanted.held == nullptr) out.because.push_back(why_chosen(inputs, wanted, options, chosen));
  if (!wanted.where.empty()) out.because.push_back("wanted by " + wanted.where);
  out.rejected = options.rejected;
  for (std::size_t i = 0; i < options.candidates.size() && out.rejected.size() < kRejectedMax; ++i) {
    if (i == chosen) continue;
    const Candidate& loser = options.candidates[i];
    out.rejected.push_back({.candidate = model::identity(loser.provider->saddr),
                            .rule = "cost",
                            .why = why_beaten(inputs, wanted, winner, loser),
                            .where = {}});
  }
  return out;
}

std::vector<Settled> joined_routes(std::vector<Settled> routes) {
  std::stable_sort(routes.begin(), routes.end(), [](const Settled& a, const Settled& b) {
    return model::route_order(a.route, b.route) < 0;
  });
  std::vector<Settled> out;
  for (Settled& each : routes) {
    if (out.empty() || model::route_order(out.back().route, each.route) != 0) {
      out.push_back(std::move(each));
      continue;
    }
    Settled& into = out.back();
    if (strength(each.route.origin) > strength(into.route.origin)) {
      into.route.origin = each.route.origin;
      into.route.replaces = each.route.replaces;
    }
    into.route.caps.insert(into.route.caps.end(), each.route.caps.begin(), each.route.caps.end());
    std::sort(into.route.caps.begin(), into.route.caps.end());
    into.route.caps.erase(std::unique(into.route.caps.begin(), into.route.caps.end()), into.route.caps.end());
    append_unique(into.because, each.because);
  }
  return out;
}

std::vector<RouteReport> reports(const model::Graph& base, const model::Graph& result,
                                 std::vector<Settled> settled, const Catalogue& catalogue) {
  RTT_ASSERT(settled.size() == result.routes.size());
  std::vector<RouteReport> out;
  const auto deleted = [&](const Route& old) {
    RouteReport report{.route = old, .change = RouteReport::Change::kDelete};
    const bool from_there = catalogue.exact(old.from) != nullptr;
    const bool to_there = catalogue.exact(old.to) != nullptr;
    report.because.push_back(!from_there ? model::identity(old.from) + " is no longer in force"
                             : !to_there ? model::identity(old.to) + " is no longer in force"
                                         : "nobody's wish leads here any more");
    out.push_back(std::move(report));
  };
  auto old = base.routes.begin();
  for (std::size_t i = 0; i < result.routes.size(); ++i) {
    const Route& route = result.routes[i];
    for (; old != base.routes.end() && model::route_order(*old, route) < 0; ++old) deleted(*old);
    const bool same_place = old != base.routes.end() && model::route_order(*old, route) == 0;
    const bool keeps = same_place && *old == route;
    if (same_place && !keeps) {
      out.push_back(
          {.route = *old,
           .change = RouteReport::Change::kDelete,
           .because = {"comes back as A" + std::to_string(route.id.value) + " with changed content"}});
    }
    if (same_place) ++old;
    out.push_back({.route = route,
                   .change = keeps ? RouteReport::Change::kKeep : RouteReport::Change::kAdd,
                   .because = std::move(settled[i].because),
                   .rejected = std::move(settled[i].rejected)});
  }
  for (; old != base.routes.end(); ++old) deleted(*old);
  return out;
}

}  // namespace rtt::plan
