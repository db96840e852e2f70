// SPDX-License-Identifier: Apache-2.0
#include "plan/plan.h"

#include <algorithm>

#include "model/limits.h"
#include "plan/candidates.h"
#include "plan/catalogue.h"
#include "plan/constraints.h"
#include "plan/diff.h"
#include "plan/expand.h"
#include "plan/explain.h"
#include "plan/order.h"
#include "plan/seal.h"

namespace rtt::plan {
namespace {

// Edit distances over every name cost more than the whole plan; the first few wrong names get a suggestion.
constexpr std::size_t kSuggestionsMax = 16;

void report(const Wanted& wanted, std::vector<Conflict> conflict, Outcome& outcome) {
  if (!wanted.optional) {
    std::move(conflict.begin(), conflict.end(), std::back_inserter(outcome.conflicts));
    return;
  }
  for (const Conflict& reason : conflict) {
    outcome.warnings.push_back(warning(reason.code, "left unwired: " + reason.constraint, reason.where));
  }
}

Result<std::vector<Options>> candidates_of_all(const Inputs& inputs, const Catalogue& catalogue,
                                               const std::vector<Wanted>& wanted, Outcome& outcome) {
  std::vector<Options> out;
  out.reserve(wanted.size());
  std::size_t suggestions = 0;
  for (const Wanted& each : wanted) {
    RTT_TRY_SET(auto options, find_candidates(inputs, catalogue, each));
    const bool unknown = options.candidates.empty() && options.rejected.empty() &&
                         !options.conflict.empty() && options.conflict.front().code == Code::kNoProvider;
    if (unknown && suggestions++ < kSuggestionsMax) {
      options.conflict.front().constraint += nearest_words(catalogue, each.to);
    }
    if (!options.conflict.empty()) report(each, options.conflict, outcome);
    out.push_back(std::move(options));
  }
  return out;
}

// The unique optimum, component by component; a wish that stays open is told.
Result<std::vector<Settled>> settle(const Inputs& inputs, const Numbered& all, Outcome& outcome) {
  std::vector<Settled> out;
  for (const Members& members : components(all.wanted, all.options)) {
    RTT_TRY_SET(const auto solution, solve_exact(numbered(all, members)));
    if (!solution) {
      auto conflict = joint_conflict(all, members);
      std::move(conflict.begin(), conflict.end(), std::back_inserter(outcome.conflicts));
      continue;
    }
    for (std::size_t k = 0; k < members.size(); ++k) {
      const Wanted& wanted = all.wanted[members[k]];
      if (solution->chosen[k]) {
        out.push_back(settled_route(inputs, wanted, all.options[members[k]], *solution->chosen[k]));
        continue;
      }
      outcome.warnings.push_back(warning(Code::kRuleConflict,
                                         "left unwired: " + wish_name(wanted) +
                                             ": another wish of this consumer decides which provider it has",
                                         wanted.where));
    }
  }
  return joined_routes(std::move(out));
}

void report_cycle(const std::vector<model::Route>& routes, Outcome& outcome) {
  const auto circle = find_cycle(routes);
  if (circle.empty()) return;
  std::string path = model::identity(routes[circle.front()].from);
  for (const std::size_t i : circle) path += " -> " + model::identity(routes[i].to);
  outcome.conflicts.push_back(
      {.constraint = "requirements form a circle, so no order brings them up: " + path,
       .where = model::identity(routes[circle.front()].from),
       .code = Code::kCycle});
}

void keep_listable(Outcome& outcome) {
  if (outcome.conflicts.size() > limits::kProblemsMax) outcome.conflicts.resize(limits::kProblemsMax);
  if (outcome.warnings.size() > limits::kProblemsMax) outcome.warnings.resize(limits::kProblemsMax);
}

}  // namespace

Result<Outcome> solve(const Inputs& inputs) {
  Outcome outcome;

  // References become definitions. The order in which contracts and routes were given ends here.
  RTT_TRY_SET(const Catalogue catalogue, Catalogue::of(inputs.contracts));
  RTT_TRY_SET(Expanded expanded, expand(inputs, catalogue));
  outcome.conflicts = std::move(expanded.conflicts);
  outcome.warnings = std::move(expanded.warnings);
  const std::vector<Wanted>& wanted = expanded.wanted;

  // Beyond this point nobody new can want anything. Types, versions, capabilities, schemas, policy, pins and
  // QoS decide who may serve each wish, each wish for itself.
  RTT_TRY_SET(const std::vector<Options> options, candidates_of_all(inputs, catalogue, wanted, outcome));

  // At this point candidates are final. Wishes that constrain each other are settled together, all others on
  // sight.
  RTT_TRY_SET(std::vector<Settled> settled,
              settle(inputs, Numbered{wanted, options, catalogue, inputs.base}, outcome));

  // The wiring is chosen; from here on it only has to be reachable from the committed graph.
  std::vector<model::Route> routes;
  for (const Settled& each : settled) routes.push_back(each.route);
  report_cycle(routes, outcome);
  keep_listable(outcome);
  if (!outcome.conflicts.empty()) return outcome;
  model::Graph result = with_ids(inputs.base, std::move(routes));
  if (inputs.views) result.views = *inputs.views;
  outcome.plan = plan_between(inputs.base, result, hash_inputs(inputs));
  outcome.unchanged = result.routes.size() - outcome.plan.routes_add.size();

  // The plan is final: nothing below changes it.
  outcome.reports = reports(inputs.base, result, std::move(settled), catalogue);
  return outcome;
}

}  // namespace rtt::plan
