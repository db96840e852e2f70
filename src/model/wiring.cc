// SPDX-License-Identifier: Apache-2.0
// routes.json (what is wanted) and topology.json (where it may run).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/config.h"
#include "model/document.h"
#include "model/limits.h"
#include "model/saddr_text.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr auto kRoutesKeys =
    std::to_array<Key>({{"$schema", Shape::kString}, {"routes", Shape::kArray, Need::kRequired}});
constexpr auto kRouteKeys = std::to_array<Key>({{"from", Shape::kText, Need::kRequired},
                                                {"to", Shape::kText, Need::kRequired},
                                                {"optional", Shape::kBool}});
constexpr auto kTopologyKeys =
    std::to_array<Key>({{"$schema", Shape::kString}, {"nodes", Shape::kArray, Need::kRequired}});
constexpr auto kNodeKeys = std::to_array<Key>({{"id", Shape::kText, Need::kRequired},
                                               {"cpu_milli", Shape::kInteger},
                                               {"memory_bytes", Shape::kInteger},
                                               {"endpoint", Shape::kText}});

std::optional<Saddr> read_reference(Document& document, const Json& entry, std::string_view key,
                                    const std::string& at) {
  const Json* value = member(entry, key, Shape::kText);
  if (value == nullptr) return std::nullopt;
  auto parsed = parse_reference(value->as_string());
  if (parsed) return *std::move(parsed);
  document.inside_string(Severity::kError, child(at, key), *value, parsed.error());
  return std::nullopt;
}

Json routes_object(const std::vector<DesiredRoute>& routes) {
  Json list{text::JsonArray{}};
  for (const DesiredRoute& route : routes) {
    Json entry = Json::object({{"from", to_string(route.from)}, {"to", to_string(route.to)}});
    if (route.optional) entry.set("optional", true);
    list.push(std::move(entry));
  }
  return Json::object({{"routes", std::move(list)}});
}

void read_route_entries(Document& document, std::string_view text, const Json& list, RoutesFile& out) {
  const auto& entries = list.as_array();
  if (entries.size() > limits::kRoutesMax) {
    document.error("/routes",
                   {.code = Code::kLimit, .message = fmt::format("more than {} routes", limits::kRoutesMax)});
    return;
  }
  const std::vector<std::uint32_t> lines = element_lines(text, "routes");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string at = child("/routes", i);
    if (!document.check(entries[i], at, kRouteKeys)) continue;
    auto from = read_reference(document, entries[i], "from", at);
    auto to = read_reference(document, entries[i], "to", at);
    if (!from || !to) continue;
    out.routes.push_back(
        {.from = *std::move(from),
         .to = *std::move(to),
         .optional = entries[i].bool_or("optional", false),
         .origin = "routes",
         .where = i < lines.size() ? fmt::format("{}:{}", document.file(), lines[i]) : document.place(at)});
  }
}

bool before(const DesiredRoute& a, const DesiredRoute& b) {
  if (const auto order = canonical_order(a.from, b.from); order != 0) return order < 0;
  if (const auto order = canonical_order(a.to, b.to); order != 0) return order < 0;
  if (a.optional != b.optional) return b.optional;
  return a.where.size() != b.where.size() ? a.where.size() < b.where.size()
                                          : a.where < b.where;  // line order
}

// Sorted; of several entries for one pair the first (a required one before an optional one) stands for all.
void tidy(RoutesFile& out, std::vector<Problem>& doubled, std::string_view file) {
  std::ranges::sort(out.routes, before);
  std::vector<DesiredRoute> unique;
  for (DesiredRoute& route : out.routes) {
    if (!unique.empty() && unique.back().from == route.from && unique.back().to == route.to) {
      doubled.push_back(
          {.severity = Severity::kWarning,
           .file = std::string(file),
           .code = Code::kDuplicateDefinition,
           .message = fmt::format("{} asks for the same route as {}", route.where, unique.back().where),
           .hint = "remove one"});
      continue;
    }
    unique.push_back(std::move(route));
  }
  out.routes = std::move(unique);
}

void read_node(Document& document, const Json& entry, const std::string& at, Topology& out) {
  if (!document.check(entry, at, kNodeKeys)) return;
  Topology::Node node{.id = std::string(entry.string_or("id")),
                      .cpu_milli = entry.int_or("cpu_milli", 0),
                      .memory_bytes = entry.int_or("memory_bytes", 0),
                      .endpoint = std::string(entry.string_or("endpoint"))};
  if (const auto word = check_word({node.id, 1}, "node id", Stars::kRefused); !word) {
    document.error(child(at, "id"), {.message = word.error().message, .hint = word.error().hint});
  }
  if (std::ranges::find(out.nodes, node.id, &Topology::Node::id) != out.nodes.end()) {
    document.error(child(at, "id"), {.message = fmt::format("a second node '{}'", node.id.substr(0, 64))});
  }
  for (const std::string_view key : {"cpu_milli", "memory_bytes"}) {
    if (entry.int_or(key, 0) < 0)
      document.error(child(at, key), {.message = fmt::format("'{}' is below 0", key)});
  }
  out.nodes.push_back(std::move(node));
}

}  // namespace

RoutesFile read_routes(std::string_view text, std::string_view file) {
  RoutesFile out;
  auto root = text::parse_json(text, {.source_name = file, .bytes_max = limits::kConfigBytesMax});
  if (!root) {
    out.problems.push_back(problem_from(root.error(), file));
  } else {
    Document document({.text = text, .file = file});
    std::vector<Problem> doubled;
    if (document.check(*root, "", kRoutesKeys)) {
      if (const Json* list = member(*root, "routes", Shape::kArray))
        read_route_entries(document, text, *list, out);
      tidy(out, doubled, file);
    }
    for (Problem& problem : doubled) document.add(std::move(problem));
    if (document.errors() > 0) out.routes.clear();
    out.problems = document.take_problems();
  }
  out.object = routes_object(out.routes);
  return out;
}

Topology one_node_topology() {
  Topology out;
  out.nodes.push_back({.id = "local"});
  out.object = Json::object({{"nodes", Json::array({Json::object({{"id", "local"}})})}});
  return out;
}

Topology read_topology(std::string_view text, std::string_view file) {
  auto root = text::parse_json(text, {.source_name = file, .bytes_max = limits::kConfigBytesMax});
  if (!root) {
    Topology out = one_node_topology();
    out.problems.push_back(problem_from(root.error(), file));
    return out;
  }
  Topology out;
  Document document({.text = text, .file = file});
  if (document.check(*root, "", kTopologyKeys)) {
    if (const Json* nodes = member(*root, "nodes", Shape::kArray)) {
      const auto& entries = nodes->as_array();
      if (entries.empty()) document.error("/nodes", {.message = "'nodes' is empty"});
      if (entries.size() > limits::kNodesMax) {
        document.error("/nodes", {.code = Code::kLimit,
                                  .message = fmt::format("more than {} nodes", limits::kNodesMax)});
      }
      const std::size_t count = std::min(entries.size(), limits::kNodesMax);
      for (std::size_t i = 0; i < count; ++i) read_node(document, entries[i], child("/nodes", i), out);
    }
  }
  if (document.errors() > 0) out = one_node_topology();
  if (document.errors() == 0) out.object = *std::move(root);
  out.problems = document.take_problems();
  return out;
}

}  // namespace rtt::model
