// SPDX-License-Identifier: Apache-2.0
// Candidates: who could serve a wish, and for everybody else the rule that says no.
//
// Every definition of the wanted symbol runs through one table of filters, in this order: type, direction,
// version, variant, capability, schema, policy, pin, qos. A loser is recorded under the first filter it
// meets. When nobody is left, the filters are all asked about everybody, and the smallest set of constraints
// that together exclude every definition is the conflict: what has to change, and no more (a definition that
// is both too old and denied does not make the policy a suspect if another one is excluded by its version
// alone).
//
// Owns: values and pointers into the catalogue.   Thread: any.   Units: latency in nanoseconds.
// Fails: kPlanTooLarge; the rest as conflicts.   Limits: kCandidatesPerRouteMax, kRejectedMax losers a route
// are kept.
#pragma once

#include <string>
#include <vector>

#include "plan/expand.h"

namespace rtt::plan {

inline constexpr std::size_t kRejectedMax = 64;

struct Candidate {
  const model::Contract* provider = nullptr;
  model::RouteClass route_class = model::RouteClass::kReq;
  model::LaneKind lane = model::LaneKind::kUds;
  std::int64_t latency_ns = 0;
  model::Qos qos;
  std::vector<std::string> caps;
  std::vector<std::string> because;  // "allow policy.json:3", "pin > policy.json:12"
};

struct Options {
  std::vector<Candidate> candidates;  // by rank: highest own version first, then canonical address
  std::vector<Rejected> rejected;
  std::vector<Conflict> conflict;  // not empty: nobody can serve it
};

Result<Options> find_candidates(const Inputs& inputs, const Catalogue& catalogue, const Wanted& wanted);

}  // namespace rtt::plan
