// SPDX-License-Identifier: Apache-2.0
// A policy or configuration file reads to rules or to problems with a place, and a refused one allows
// nothing.
#include <algorithm>

#include "base/assert.h"
#include "base/bytes.h"
#include "model/config.h"
#include "model/plan.h"
#include "model/policy.h"

int fuzz_one(std::span<const std::byte> input);

namespace {
using namespace rtt::model;

bool refused(const std::vector<Problem>& problems) {
  for (const Problem& problem : problems) RTT_ASSERT(problem.file == "fuzz" && !problem.message.empty());
  return std::ranges::any_of(problems, [](const Problem& p) { return p.severity == Severity::kError; });
}
}  // namespace

int fuzz_one(std::span<const std::byte> input) {
  const std::string_view text = rtt::as_text(input);
  const Policy policy = read_policy(text, "fuzz");
  const Saddr from = *parse_definition("rtt://ui/hook/refresh@1.0.0");
  const Saddr to = *parse_definition("rtt://idp/api/auth@2.1.0-rc.1#v");
  const AccessVerdict verdict = access(policy, from, to);
  if (refused(policy.problems)) RTT_ASSERT(!verdict.allowed && verdict.rule == "default deny");
  if (verdict.allowed) RTT_ASSERT(verdict.rule.starts_with("allow fuzz:"));
  std::ignore = pin_for(policy, from, to);
  std::ignore = qos_for(policy, to);

  const PanelConfig panel = read_panel_yaml(text, "fuzz");
  if (refused(panel.problems)) RTT_ASSERT(panel.canonical() == PanelConfig().canonical());
  const RoutesFile routes = read_routes(text, "fuzz");
  if (refused(routes.problems)) RTT_ASSERT(routes.routes.empty());
  RTT_ASSERT(read_routes(rtt::text::to_json(routes.object), "again").object == routes.object);
  const Topology topology = read_topology(text, "fuzz");
  RTT_ASSERT(refused(topology.problems) || !topology.nodes.empty());
  if (const auto plan = parse_plan(text, "fuzz")) RTT_ASSERT(plan_id(plan->plan) == plan->plan_id);
  return 0;
}
