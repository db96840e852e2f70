// SPDX-License-Identifier: Apache-2.0
// World: planner inputs written in a line each, for the tests of this floor.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sha256.h"
#include "plan/plan.h"

namespace rtt::plan {

inline model::Saddr definition(std::string_view text) {
  auto parsed = model::parse_definition(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? *parsed : model::Saddr{};
}
inline model::Saddr reference(std::string_view text) {
  auto parsed = model::parse_reference(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? *parsed : model::Saddr{};
}
inline model::Pattern pattern(std::string_view text) {
  auto parsed = model::parse_pattern(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? *parsed : model::Pattern{};
}
inline model::Range range(std::string_view text) {
  auto parsed = model::parse_range(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? *parsed : model::Range{};
}

inline model::Contract contract(std::string_view saddr, model::Direction direction) {
  model::Contract out;
  out.saddr = definition(saddr);
  out.direction = direction;
  out.hash = crypto::sha256(saddr);
  return out;
}

// Everything allowed, one node, default panel.yaml, empty base.
struct World {
  Inputs inputs;
  int line = 0;

  World() {
    inputs.topology = model::one_node_topology();
    inputs.policy = model::empty_policy();
    inputs.registry = text::Json::object({});
    inputs.flags = text::Json::object({});
    inputs.health = text::Json::object({});
    allow("rtt://*/*/*", "rtt://*/*/*");
  }
  model::Contract& provider(std::string_view saddr) { return add(saddr, model::Direction::kProvider); }
  model::Contract& consumer(std::string_view saddr) { return add(saddr, model::Direction::kConsumer); }
  model::Contract& both(std::string_view saddr) { return add(saddr, model::Direction::kBoth); }
  model::Contract& add(std::string_view saddr, model::Direction direction) {
    inputs.contracts.push_back(contract(saddr, direction));
    model::Contract& made = inputs.contracts.back();
    inputs.registry.set(model::identity(made.saddr), rtt::to_string(made.hash));
    return made;
  }
  void want(std::string_view from, std::string_view to) {
    inputs.desired.push_back({.from = reference(from),
                              .to = reference(to),
                              .optional = false,
                              .origin = "routes",
                              .where = "routes.json:" + std::to_string(inputs.desired.size() + 1)});
  }
  void want_optional(std::string_view from, std::string_view to) {
    want(from, to);
    inputs.desired.back().optional = true;
  }
  void allow(std::string_view from, std::string_view to) {
    inputs.policy.allow.push_back({.from = pattern(from), .to = pattern(to), .scopes = {}, .where = place()});
  }
  void deny(std::string_view from, std::string_view to) {
    inputs.policy.deny.push_back({.from = pattern(from), .to = pattern(to), .scopes = {}, .where = place()});
  }
  void pin(std::string_view from, std::string_view to) {
    inputs.policy.pins.push_back({.from = pattern(from), .to = reference(to), .where = place()});
  }
  std::string place() { return "policy.json:" + std::to_string(++line); }

  [[nodiscard]] Outcome solved() const {
    auto outcome = solve(inputs);
    EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().message);
    return outcome ? *outcome : Outcome{};
  }
  // Plans, and takes the result as the committed graph.
  Outcome commit() {
    Outcome outcome = solved();
    EXPECT_TRUE(outcome.conflicts.empty()) << outcome.conflicts.front().constraint;
    auto next = model::apply_to(inputs.base, outcome.plan);
    EXPECT_TRUE(next.has_value()) << (next ? "" : next.error().message);
    if (next) inputs.base = *next;
    return outcome;
  }
};

inline std::vector<std::string> names(const std::vector<model::Route>& routes) {
  std::vector<std::string> out;
  for (const model::Route& route : routes) out.push_back(model::route_name(route));
  return out;
}

}  // namespace rtt::plan
