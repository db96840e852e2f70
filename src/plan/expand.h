// SPDX-License-Identifier: Apache-2.0
// Expand: everything anybody wants wired, each with the one consumer it is about.
//
// Three sources become one sorted list: routes.json, what agents list as tools and skills, what contracts
// require; and the routes that a quick connect put into the base graph. A `from` in routes.json is a
// reference; it stands for one consumer, the highest matching version (then canonical order), as `to` stands
// for one provider. An agent's or contract's own requirement is about exactly that definition, so two
// versions of an agent in force want twice. The same wish from two sources is one wish: required if either
// requires it, its origin the strongest of requires, agent, routes.
//
// Owns: values and pointers into the catalogue and the base graph.   Thread: any.
// Fails: as conflicts (a required wish without a consumer) and warnings (an optional one).   Limits:
// kRoutesMax.
#pragma once

#include <string>
#include <vector>

#include "plan/catalogue.h"
#include "plan/plan.h"

namespace rtt::plan {

struct Wanted {
  const model::Contract* consumer = nullptr;
  model::Saddr to;                 // a reference
  std::string from_text, to_text;  // canonical: the consumer's definition, the reference
  bool optional = false;
  std::string origin;
  std::string where;
  // A quick connect of the base graph stands in for this wish: its provider is the only candidate.
  const model::Route* held = nullptr;
  const model::Contract* held_provider = nullptr;
  // A quick connect being made: nobody else is asked, and default deny does not stand against it.
  const model::Contract* only = nullptr;
};

struct Expanded {
  std::vector<Wanted> wanted;  // by (from_text, to_text), unique
  std::vector<Conflict> conflicts;
  std::vector<model::Problem> warnings;
};

Result<Expanded> expand(const Inputs& inputs, const Catalogue& catalogue);

// "rtt://… -> rtt://…", for messages.
std::string wish_name(const Wanted& wanted);
model::Problem warning(Code code, std::string message, const std::string& where, std::string hint = {});

}  // namespace rtt::plan
