// SPDX-License-Identifier: Apache-2.0
// solve: the planner, a pure function from values to a plan or the reasons there is none.
//
// Reads as named passes: expand references → candidates (type, direction, version meet, variant,
// capabilities, schemas, ACL, pins, QoS) → joint constraints → canonical optimum → diff against the base
// graph → order into batches → explain → input hashes. Every decision is made in integers over sorted
// vectors, so the result is a function of the inputs' content and nothing else. docs/design/002-planner.md
// says what is decided how, and why.
//
// Thread: any.   Fails: what the user can mend is Outcome::conflicts; kDuplicateDefinition, kPlanTooLarge.
// Limits: kRoutesMax, kCandidatesPerRouteMax, kComponentRoutesMax and kSearchStepsMax (solve_exact.h).
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "model/contract.h"
#include "model/graph.h"
#include "model/plan.h"
#include "model/policy.h"

namespace rtt::plan {

struct Inputs {
  std::vector<model::Contract> contracts;    // in force, any order
  std::vector<model::DesiredRoute> desired;  // routes.json, any order; agents' and contracts' requirements
                                             // are read from `contracts` by solve itself
  model::Policy policy;
  model::PanelConfig config;
  model::Topology topology;
  text::Json routes;         // RoutesFile::object, for its hash; null: built from `desired`
  text::Json flags, health;  // objects, `{}` (or null) when absent
  text::Json registry;       // Snapshot::registry_object()
  model::Graph base;
  std::optional<std::vector<model::View>> views{};  // sorted by provider; nothing: as in the base
  bool reset_qc = false;
};

struct Rejected {
  std::string candidate;  // address
  std::string rule;       // "type", "version", "capability", "policy", "pin", "qos", "cost", …
  std::string why;        // one sentence
  std::string where;      // file:line of the deciding rule, if any
};
struct RouteReport {
  model::Route route;
  enum class Change : std::uint8_t { kAdd, kKeep, kDelete } change = Change::kAdd;
  std::vector<std::string> because;  // "pin > policy.json:12", "highest version of 3", …
  std::vector<Rejected> rejected;
};
struct Conflict {
  std::string constraint;  // words
  std::string where;       // file:line
  Code code = Code::kNoProvider;
};

struct Outcome {
  model::Plan plan;  // empty add and del: nothing to change
  std::size_t unchanged = 0;
  std::vector<RouteReport> reports;  // by route_order
  std::vector<Conflict> conflicts;   // not empty: no plan possible; `plan` is meaningless
  std::vector<model::Problem> warnings;
};
Result<Outcome> solve(const Inputs& inputs);

}  // namespace rtt::plan
