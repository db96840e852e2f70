// SPDX-License-Identifier: Apache-2.0
// SealedPlan: a plan as a file (docs/formats/plan.md). plan_id hashes everything but plan_id, created_at,
// sign and views_sign, so the same inputs give the same id on every machine, and a signature over the id
// covers the whole meaning.
//
// Thread: any (values).   Fails: kBadShape, kTampered (plan_id does not match the content), kJson*.
#pragma once

#include <string>
#include <vector>

#include "model/graph.h"
#include "model/view_signature.h"

namespace rtt::model {

struct PlanInputs {
  Digest registry, config, policy, routes, topology, health, flags;
  std::string engine = "plan/1";
  friend bool operator==(const PlanInputs&, const PlanInputs&) = default;
};

struct Objective {
  std::int64_t latency_ns = 0, churn = 0, bound = 0, gap_ppm = 0;
  friend bool operator==(const Objective&, const Objective&) = default;
};

struct Plan {
  Digest base;  // root of the graph it starts from
  PlanInputs inputs;
  std::vector<Route> routes_add, routes_del;    // each sorted by route_order
  std::vector<std::vector<std::string>> order;  // [["D3"],["A1","A2"]]
  Objective objective;
  std::vector<View> views_add{}, views_del{};  // each sorted by provider
  [[nodiscard]] bool empty() const {           // it leads nowhere
    return routes_add.empty() && routes_del.empty() && views_add.empty() && views_del.empty();
  }
  friend bool operator==(const Plan&, const Plan&) = default;
};

struct SealedPlan {
  Digest plan_id;
  std::string created_at;  // RFC 3339 UTC
  Plan plan;
  std::vector<crypto::SignRecord> signatures;
  std::vector<ViewSignature> view_signatures{};  // of what it adds; sorted by root, each once
};

Digest plan_id(const Plan& plan);
text::Json to_json(const SealedPlan& sealed);
Result<SealedPlan> parse_plan(std::string_view text, std::string_view file);

// REQUIRES: routes_add and routes_del are sorted by route_order.
// The graph after the plan; kStalePlan if `from` is not its base, kBadShape if it deletes what is not there.
Result<Graph> apply_to(const Graph& from, const Plan& plan);
// The plan that leads back: adds become deletes, the order runs backwards. inverse(inverse(p)) == p. `base`
// is kept, since only the graph after the plan knows its own root; the second form sets it.
Plan inverse(const Plan& plan);
Plan inverse(const Plan& plan, const Digest& new_base);

}  // namespace rtt::model
