// SPDX-License-Identifier: Apache-2.0
#include "scenario.h"

#include <algorithm>

#include "crypto/sha256.h"

namespace rtt::explore {
namespace {

model::Route route(std::uint32_t id, const std::string& to) {
  return {.id = RouteId{id},
          .from = *model::parse_definition("rtt://c/agent/a@1.0.0"),
          .to = *model::parse_definition("rtt://p/tool/" + to + "@1.0.0"),
          .node_from = "local",
          .node_to = "local",
          .origin = "routes"};
}

constexpr std::uint32_t kFirstAdded = 3;

}  // namespace

Scenario scenario(const ScenarioOptions& options, const Faults& faults) {
  Scenario out{.start = {}, .history = {}, .faults = faults};
  apply::Start& start = out.start;
  start.base.routes = {route(1, "a"), route(2, "b")};
  start.base_seq = Seq{1};
  start.plan.base = model::graph_root(start.base);
  start.plan.routes_del = {route(1, "a")};
  start.plan.order = {{"D1"}, {}};
  for (std::size_t i = 0; i < options.parties; ++i) {
    const std::string letter(1, static_cast<char>('c' + i));
    const RouteId id{kFirstAdded + static_cast<std::uint32_t>(i)};
    start.plan.routes_add.push_back(route(id.value, letter));
    start.plan.order[2 * i < options.parties ? 0 : 1].push_back("A" + std::to_string(id.value));
    start.participants.push_back({.name = letter, .routes = {id}});
  }
  start.participants.front().restores = {RouteId{1}};
  if (options.views == ScenarioOptions::Views::kShown) {
    start.plan.views_add = {{.provider = "codex", .root = crypto::sha256("tree")}};
    start.participants.push_back({.name = "views", .routes = {}, .shows = apply::Participant::Shows::kViews});
  }
  if (options.accepts == ScenarioOptions::Accepts::kAServer)
    start.accepted = {{.path = ".rtt/manifests/mcp.a.json", .before = {}, .after = {.clients = true}}};
  start.plan_id = model::plan_id(start.plan);
  start.who = "key:0123456789abcdef";
  const apply::CommitRecord first{.plan_id = start.plan_id,
                                  .before = model::graph_root({}),
                                  .after = model::graph_root(start.base),
                                  .graph = start.base,
                                  .who = start.who};
  out.history = {{.type = journal::RecordType::kCommit, .seq = Seq{1}, .payload = to_json(first)}};
  return out;
}

}  // namespace rtt::explore
