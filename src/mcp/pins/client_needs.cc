// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/client_needs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

namespace rtt::mcp {
namespace {

using text::Json;

struct Feature {
  std::string_view name;                 // in manifests
  std::string_view tag;                  // in addresses
  std::array<std::string_view, 4> path;  // into `capabilities`
  std::string_view value;                // declared there, raw
  std::uint32_t stands_on = 0;           // bits
};
constexpr std::array<Feature, kClientFeatureCount> kFeatures{{
    {"roots", "roots", {"roots"}, R"({"listChanged":true})"},
    {"sampling", "sampling", {"sampling"}, "{}"},
    {"sampling.tools", "sampling.tools", {"sampling", "tools"}, "{}", 1U << 1},
    {"elicitation", "elicitation", {"elicitation"}, R"({"form":{}})"},
    {"elicitation.url", "elicitation.url", {"elicitation", "url"}, "{}", 1U << 3},
    {"tasks.requests.sampling.createMessage",
     "tasks.sampling",
     {"tasks", "requests", "sampling", "createMessage"},
     "{}"},
    {"tasks.requests.elicitation.create",
     "tasks.elicitation",
     {"tasks", "requests", "elicitation", "create"},
     "{}"},
    {"extensions.io.modelcontextprotocol/ui",
     "ui",
     {"extensions", "io.modelcontextprotocol/ui"},
     R"({"mimeTypes":["text/html;profile=mcp-app"]})"},
}};

bool declared(const Json& capabilities, const Feature& feature) {
  const Json* at = &capabilities;
  for (const std::string_view step : feature.path) {
    if (step.empty()) break;
    at = at->find(step);
    if (at == nullptr) return false;
  }
  return !at->is_null() && *at != Json(false);
}

void declare(Json& at, std::span<const std::string_view> path, const Json& value) {
  if (path.empty() || path.front().empty()) {
    at = value;
    return;
  }
  const Json* const present = at.find(path.front());
  Json below = present ? *present : Json::object({});
  declare(below, path.subspan(1), value);
  at.set(path.front(), std::move(below));
}

Json sets_json(const std::vector<ClientFeatures>& sets) {
  Json out(text::JsonArray{});
  for (const ClientFeatures set : sets) {
    Json row(text::JsonArray{});
    for (const std::string& name : names_of(set)) row.push(name);
    out.push(std::move(row));
  }
  return out;
}

Result<std::vector<ClientFeatures>> sets_from(const Json& json, std::string_view member) {
  std::vector<ClientFeatures> out;
  const Json* const sets = json.find(member);
  if (!sets) return out;
  const auto wrong = [&] {
    return fail(Code::kBadShape, fmt::format("client.{} must be an array of arrays of capabilities", member));
  };
  if (!sets->is_array() || sets->as_array().size() > ClientNeeds::kSetsMax) return wrong();
  for (const Json& row : sets->as_array()) {
    if (!row.is_array()) return wrong();
    ClientFeatures set;
    for (const Json& name : row.as_array()) {
      const auto at = std::ranges::find_if(
          kFeatures, [&](const Feature& f) { return name.is_string() && f.name == name.as_string(); });
      if (at == kFeatures.end()) return wrong();
      set = set | client_feature(static_cast<std::size_t>(at - kFeatures.begin()));
    }
    out.push_back(set);
  }
  return minimal_sets(std::move(out));
}

}  // namespace

ClientFeatures client_feature(std::size_t index) { return {(1U << index) | kFeatures.at(index).stands_on}; }

ClientFeatures without_feature(ClientFeatures set, std::size_t index) {
  const std::uint32_t gone = 1U << index;
  set.bits &= ~gone;
  for (std::size_t i = 0; i < kFeatures.size(); ++i) {
    if ((kFeatures.at(i).stands_on & gone) != 0) set.bits &= ~(1U << i);
  }
  return set;
}

ClientFeatures features_of(std::string_view capabilities) {
  ClientFeatures set;
  const auto json = text::parse_json(capabilities);
  if (!json) return set;
  for (std::size_t i = 0; i < kFeatures.size(); ++i) {
    if (declared(*json, kFeatures.at(i))) set = set | client_feature(i);
  }
  return set;
}

std::string capabilities_of(ClientFeatures set) {
  Json out = Json::object({});
  for (std::size_t i = 0; i < kFeatures.size(); ++i) {
    if ((set.bits & (1U << i)) == 0) continue;
    declare(out, kFeatures.at(i).path, *text::parse_json(kFeatures.at(i).value));
  }
  return text::to_json(out);
}

std::vector<std::string> names_of(ClientFeatures set) {
  std::uint32_t implied = 0;
  for (std::size_t i = 0; i < kFeatures.size(); ++i) {
    if ((set.bits & (1U << i)) != 0) implied |= kFeatures.at(i).stands_on;
  }
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kFeatures.size(); ++i) {
    if ((set.bits & ~implied & (1U << i)) != 0) out.emplace_back(kFeatures.at(i).name);
  }
  return out;
}

std::string to_string(ClientFeatures set) {
  return set.empty() ? "no capabilities" : fmt::format("{}", fmt::join(names_of(set), " and "));
}

std::string variant_of(ClientFeatures set) {
  std::string out;
  for (std::size_t i = 0; i < kFeatures.size(); ++i) {
    if ((set.bits & (1U << i)) == 0) continue;
    out += (out.empty() ? "" : "-") + std::string(kFeatures.at(i).tag);
  }
  return out;
}

bool ClientNeeds::met_by(ClientFeatures client) const {
  const auto held = [&](ClientFeatures set) { return client.contains(set); };
  return (needs.empty() || std::ranges::any_of(needs, held)) && std::ranges::none_of(unless, held);
}

Json to_json(const ClientNeeds& needs) {
  Json out = Json::object({});
  if (!needs.needs.empty()) out.set("needs", sets_json(needs.needs));
  if (!needs.unless.empty()) out.set("unless", sets_json(needs.unless));
  return out;
}

Result<ClientNeeds> client_needs_from(const Json& json) {
  if (!json.is_object()) return fail(Code::kBadShape, "`client` must be an object");
  for (const auto& [key, value] : json.as_object()) {
    // A condition of a later version, read as none, would show the definition to the wrong clients.
    if (key != "needs" && key != "unless")
      return fail(Code::kBadShape, "`client` has `needs` and `unless` only");
  }
  ClientNeeds out;
  RTT_TRY_SET(out.needs, sets_from(json, "needs"));
  RTT_TRY_SET(out.unless, sets_from(json, "unless"));
  return out;
}

std::string to_string(const ClientNeeds& needs) {
  const auto any = [](const std::vector<ClientFeatures>& sets) {
    std::string out;
    for (const ClientFeatures set : sets) out += (out.empty() ? "" : ", or ") + to_string(set);
    return out;
  };
  if (needs.everybody()) return "every client";
  if (needs.unless.empty()) return "clients with " + any(needs.needs);
  if (needs.needs.empty()) return "clients without " + any(needs.unless);
  return fmt::format("clients with {}, but without {}", any(needs.needs), any(needs.unless));
}

std::vector<ClientFeatures> minimal_sets(std::vector<ClientFeatures> sets) {
  std::ranges::sort(sets);
  sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
  std::vector<ClientFeatures> out;
  for (const ClientFeatures set : sets) {
    const bool holds_another =
        std::ranges::any_of(sets, [&](ClientFeatures other) { return other != set && set.contains(other); });
    if (!holds_another) out.push_back(set);
  }
  return out;
}

}  // namespace rtt::mcp
