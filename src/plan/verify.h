// SPDX-License-Identifier: Apache-2.0
// Verify: whether a plan makes sense by itself, told field by field.
//
// A plan's id and signature say that nobody changed it; this says what is wrong with one that was changed, or
// that was sealed by another program. Nothing here needs the inputs: ids, endpoints, sorting, order, classes,
// lanes and the objective have to fit together in any honest plan. With the base graph at hand the edits are
// checked against it too.
//
// Thread: any (pure).   Fails: kBadShape with the field as `where`; one reason per kind of damage.
#pragma once

#include <span>

#include "model/contract.h"
#include "model/plan.h"

namespace rtt::plan {

Status verify(const model::Plan& plan);
// Also that the plan starts from `base` (kStalePlan), deletes what is there and adds what is not.
Status verify_against(const model::Plan& plan, const model::Graph& base);

// The two ends of a route as they are in force, and what the consumer asks for: its requirements and the
// entries of routes.json.
struct RouteEnds {
  const model::Contract& consumer;
  const model::Contract& provider;
  std::span<const model::Saddr> wishes;  // references
};
// That the route's class is the one its ends' types give, or one that a wish for the provider's type names by
// `io=`.   Fails: kTypeMismatch.
Status verify_class(const model::Route& route, const RouteEnds& ends);

}  // namespace rtt::plan
