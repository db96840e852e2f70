// SPDX-License-Identifier: Apache-2.0
#include "plan/quick_connect.h"

#include <algorithm>
#include <iterator>

#include "plan/candidates.h"
#include "plan/catalogue.h"
#include "plan/diff.h"
#include "plan/expand.h"
#include "plan/explain.h"
#include "plan/filters.h"
#include "plan/seal.h"

namespace rtt::plan {
namespace {

using model::Contract;
using model::Route;
using model::Saddr;

constexpr std::size_t kListedMax = 16;

struct Ends {
  const Contract* consumer = nullptr;
  const Contract* provider = nullptr;
  std::string name;  // "rtt://… -> rtt://…"
};

Result<Ends> ends_of(const Catalogue& catalogue, const QuickConnect& asked) {
  const auto in_force = [&](const Saddr& saddr) -> Result<const Contract*> {
    if (const Contract* contract = catalogue.exact(saddr)) return contract;
    return fail(Code::kNotFound, model::identity(saddr) + " is not in force", model::identity(saddr),
                "rtt ls symbols");
  };
  Ends ends;
  RTT_TRY_SET(ends.consumer, in_force(asked.from));
  RTT_TRY_SET(ends.provider, in_force(asked.to));
  ends.name = model::identity(ends.consumer->saddr) + " -> " + model::identity(ends.provider->saddr);
  if (!ends.consumer->consumes()) {
    return fail(Code::kDirection,
                model::identity(asked.from) + " is a provider only; A must be consumer or both", ends.name,
                "rtt qc takes the consumer first");
  }
  return ends;
}

// The policy's list of quick connects. A rule's `from` is the consumer, or the command line that acts.
Status listed_in_policy(const model::Policy& policy, const Ends& ends) {
  for (const model::Problem& problem : policy.problems) {
    if (problem.severity != model::Severity::kError) continue;
    return fail(Code::kDenied,
                ends.name + ": the policy has an error, so nothing is allowed: " + problem.message,
                problem.file + ":" + std::to_string(problem.line), "rtt lint");
  }
  if (!policy.qc) return {};
  RTT_TRY_SET(const Saddr command_line, model::parse_definition(model::kCommandLine));
  const bool allowed = std::any_of(policy.qc->begin(), policy.qc->end(), [&](const model::QcRule& rule) {
    return model::matches(rule.to, ends.provider->saddr) &&
           (model::matches(rule.from, ends.consumer->saddr) || model::matches(rule.from, command_line));
  });
  if (allowed) return {};
  return fail(Code::kDenied, ends.name + ": no rule of `qc` in policy.json allows this quick connect",
              ".rtt/policy.json", "add a rule to `qc` there, then rtt sign");
}

// A's active route whose provider has B's type, or nullptr.
Result<const Route*> active_route(const model::Graph& base, const Ends& ends) {
  std::vector<const Route*> found;
  for (const Route& route : base.routes) {
    if (route.to.type != ends.provider->saddr.type) continue;
    if (model::canonical_order(route.from, bare(ends.consumer->saddr)) == 0) found.push_back(&route);
  }
  if (found.empty()) return nullptr;
  if (found.size() == 1) return found.front();
  std::string list;
  for (std::size_t i = 0; i < std::min(found.size(), kListedMax); ++i) {
    list += (i == 0 ? "" : ", ") + model::identity(found[i]->to);
  }
  if (found.size() > kListedMax) list += ", and " + std::to_string(found.size() - kListedMax) + " more";
  const std::string from = model::identity(ends.consumer->saddr);
  return fail(Code::kAmbiguous,
              from + " has " + std::to_string(found.size()) + " routes to providers of type " +
                  std::string(model::to_string(ends.provider->saddr.type)) +
                  ", so which one is to be replaced is not clear: " + list,
              from, "rtt ls routes '" + from + "', then change routes.json and rtt plan");
}

// What the replaced route served: the wishes of A for its symbol, and the one it is remembered by.
struct Served {
  std::string reference;
  std::vector<std::string> caps;
  std::optional<model::IoMode> io;
};

Result<Served> served_by(const Inputs& inputs, const Catalogue& catalogue, const Ends& ends,
                         const Route* active) {
  Served out;
  if (active == nullptr) return out;
  const bool stands_in = active->origin == "qc";
  if (stands_in && active->replaces.empty()) return out;
  Saddr symbol = active->to;
  if (stands_in) {
    out.reference = active->replaces;
    RTT_TRY_SET(symbol, model::parse_reference(active->replaces));
  }
  RTT_TRY_SET(const Expanded expanded, expand(inputs, catalogue));
  const Contract* present = catalogue.exact(active->to);
  const std::string from_text = model::identity(ends.consumer->saddr);
  for (const Wanted& wish : expanded.wanted) {
    if (wish.from_text != from_text || wish.origin == "qc" || compare_symbol(wish.to, symbol) != 0) continue;
    const bool met = present == nullptr || versions_meet(wish.to, *present, ends.consumer);
    if (!stands_in && !met) continue;
    if (out.reference.empty()) out.reference = wish.to_text;
    out.caps.insert(out.caps.end(), wish.to.caps.begin(), wish.to.caps.end());
    if (!out.io) out.io = wish.to.io;
  }
  std::sort(out.caps.begin(), out.caps.end());
  out.caps.erase(std::unique(out.caps.begin(), out.caps.end()), out.caps.end());
  return out;
}

Wanted wish_for(const Ends& ends, const QuickConnect& asked, const Served& served) {
  Wanted wanted{.consumer = ends.consumer,
                .to = bare(ends.provider->saddr),
                .from_text = model::identity(ends.consumer->saddr),
                .to_text = model::identity(ends.provider->saddr),
                .origin = "qc",
                .where = {},
                .only = ends.provider};
  wanted.to.caps = asked.to.caps.empty() ? served.caps : asked.to.caps;
  wanted.to.io = asked.to.io ? asked.to.io : served.io;
  return wanted;
}

Error refusal(const Ends& ends, const std::vector<Conflict>& conflicts) {
  const Conflict& first = conflicts.front();
  Error error{first.code, first.constraint, first.where.empty() ? ends.name : first.where,
              first.code == Code::kDenied ? "rtt policy why '" + ends.name + "'"
                                          : "rtt explain " + code_name(first.code)};
  for (std::size_t i = 1; i < std::min(conflicts.size(), kErrorCausesMax); ++i) {
    error.causes.push_back(conflicts[i].constraint);
  }
  return error;
}

}  // namespace

Result<model::Plan> quick_connect(const Inputs& inputs, const QuickConnect& asked) {
  RTT_TRY_SET(const Catalogue catalogue, Catalogue::of(inputs.contracts));
  RTT_TRY_SET(const Ends ends, ends_of(catalogue, asked));
  RTT_TRY(listed_in_policy(inputs.policy, ends));
  RTT_TRY_SET(const Route* const active, active_route(inputs.base, ends));
  RTT_TRY_SET(const Served served, served_by(inputs, catalogue, ends, active));

  // Beyond this point B is the only candidate; the filters say whether it may serve.
  const Wanted wanted = wish_for(ends, asked, served);
  RTT_TRY_SET(const Options options, find_candidates(inputs, catalogue, wanted));
  if (options.candidates.empty()) return std::unexpected(refusal(ends, options.conflict));
  Route route = settled_route(inputs, wanted, options, 0).route;
  route.replaces = served.reference;

  std::vector<Route> routes;
  std::copy_if(inputs.base.routes.begin(), inputs.base.routes.end(), std::back_inserter(routes),
               [&](const Route& old) { return &old != active; });
  if (active != nullptr && model::route_order(*active, route) == 0) {
    // A is connected to B already: whose wish that is stays as it is, only what changed underneath is new.
    route.origin = active->origin;
    route.replaces = active->replaces;
    if (asked.to.caps.empty()) route.caps = active->caps;
  }
  const auto place = std::partition_point(
      routes.begin(), routes.end(), [&](const Route& old) { return model::route_order(old, route) < 0; });
  routes.insert(place, std::move(route));
  return plan_between(inputs.base, with_ids(inputs.base, std::move(routes)), hash_inputs(inputs));
}

}  // namespace rtt::plan
