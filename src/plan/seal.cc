// SPDX-License-Identifier: Apache-2.0
#include "plan/seal.h"

#include <algorithm>

#include "crypto/sha256.h"
#include "text/json_canonical.h"

namespace rtt::plan {
namespace {

using text::Json;

Digest hash_of(const Json& object) {
  return crypto::sha256(object.is_null() ? std::string("{}") : text::canonical_json(object));
}

// What routes.json says, when only its entries are known.
Json routes_object(const std::vector<model::DesiredRoute>& desired) {
  std::vector<std::pair<std::string, Json>> entries;
  for (const model::DesiredRoute& route : desired) {
    Json entry = Json::object({{"from", model::to_string(route.from)}, {"to", model::to_string(route.to)}});
    if (route.optional) entry.set("optional", true);
    std::string key = text::canonical_json(entry);
    entries.emplace_back(std::move(key), std::move(entry));
  }
  if (entries.empty()) return Json();
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  text::JsonArray routes;
  for (auto& [key, entry] : entries) routes.push_back(std::move(entry));
  return Json::object({{"routes", Json(std::move(routes))}});
}

}  // namespace

model::PlanInputs hash_inputs(const Inputs& inputs) {
  return {.registry = hash_of(inputs.registry),
          .config = hash_of(inputs.config.canonical()),
          .policy = hash_of(inputs.policy.object),
          .routes = hash_of(inputs.routes.is_null() ? routes_object(inputs.desired) : inputs.routes),
          .topology = hash_of(inputs.topology.object),
          .health = hash_of(inputs.health),
          .flags = hash_of(inputs.flags)};
}

}  // namespace rtt::plan
