// SPDX-License-Identifier: Apache-2.0
// Constraints: which wishes have to be decided together, and what to say when they cannot be.
//
// Fan-out: a bus or queue may have any number of routes, but on a class other than pubsub one consumer has
// one active route to one symbol (namespace, type, name): a call must not have two answers. Two wishes of one
// consumer for one symbol ("@^1" from an agent, ">=1.2 <3" from routes.json) therefore have to settle on one
// provider, and form one component. Everything else is independent, so almost every component has one member
// and is solved on sight.
//
// Thread: any (pure).   Fails: as conflicts.
#pragma once

#include <vector>

#include "plan/candidates.h"
#include "plan/solve_exact.h"

namespace rtt::plan {

// Indices into the wishes that must be solved together, ascending; components by their first member.
using Members = std::vector<std::size_t>;
std::vector<Members> components(const std::vector<Wanted>& wanted, const std::vector<Options>& options);

// The same as numbers for the solver. `providers` of the result are places in the catalogue.
struct Numbered {
  const std::vector<Wanted>& wanted;
  const std::vector<Options>& options;
  const Catalogue& catalogue;
  const model::Graph& base;
};
Component numbered(const Numbered& all, const Members& members);

// REQUIRES: the component has no solution. The smallest set of wishes that already has none.
std::vector<Conflict> joint_conflict(const Numbered& all, const Members& members);

// The route of the base graph that is this very choice already, or nullptr.
const model::Route* wired_already(const model::Graph& base, const Wanted& wanted, const Candidate& candidate);

}  // namespace rtt::plan
