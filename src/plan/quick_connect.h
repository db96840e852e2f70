// SPDX-License-Identifier: Apache-2.0
// Quick connect: the plan of `qc A B`, one edge that the owner sets by hand.
//
// B takes the place of A's one active route whose provider has B's type; without such a route it is added,
// with several nobody can tell which one is meant. The new route passes the filters of any other (type,
// direction, version, capability, schema, pin, qos), with B as the only candidate; of the policy only an
// explicit deny and the list `qc` stand against it, because the owner's word is what default deny waits for.
// It remembers the reference it stands in for, so expand() holds it while that reference is wanted: planning
// afterwards changes nothing.
//
// Thread: any (pure).   Fails: kNotFound, kDirection, kAmbiguous with the routes listed, kDenied, and the
// code of the filter that B does not pass.   Limits: solve()'s.
#pragma once

#include "plan/plan.h"

namespace rtt::plan {

struct QuickConnect {
  model::Saddr from;  // a definition
  model::Saddr to;    // a definition; its capabilities and io, if any, are what is asked for
};
// Empty add and del: A is connected to B already.
Result<model::Plan> quick_connect(const Inputs& inputs, const QuickConnect& asked);

}  // namespace rtt::plan
