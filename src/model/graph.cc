// SPDX-License-Identifier: Apache-2.0
#include "model/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "crypto/sha256.h"
#include "model/contract_read.h"
#include "model/limits.h"
#include "model/route_json.h"
#include "text/json_canonical.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr std::array<std::string_view, 3> kClasses{"req", "pubsub", "stream"};
constexpr std::array<std::string_view, 4> kLanes{"shm", "uds", "tcp", "inproc"};
constexpr std::array<std::string_view, 4> kOrigins{"routes", "agent", "requires", "qc"};

constexpr auto kRouteKeys = std::to_array<Key>({{"id", Shape::kInteger, Need::kRequired},
                                                {"from", Shape::kText, Need::kRequired},
                                                {"to", Shape::kText, Need::kRequired},
                                                {"lane", Shape::kText, Need::kRequired},
                                                {"class", Shape::kText, Need::kRequired},
                                                {"contract", Shape::kText, Need::kRequired},
                                                {"consumer_contract", Shape::kText, Need::kRequired},
                                                {"qos", Shape::kObject, Need::kRequired},
                                                {"caps", Shape::kArray, Need::kRequired},
                                                {"node_from", Shape::kString, Need::kRequired},
                                                {"node_to", Shape::kString, Need::kRequired},
                                                {"origin", Shape::kText, Need::kRequired},
                                                {"replaces", Shape::kText}});
constexpr auto kViewKeys = std::to_array<Key>(
    {{"provider", Shape::kText, Need::kRequired}, {"root", Shape::kText, Need::kRequired}});
constexpr auto kGraphKeys = std::to_array<Key>({{"routes", Shape::kArray, Need::kRequired},
                                                {"v", Shape::kInteger, Need::kRequired},
                                                {"views", Shape::kArray}});

// As the namespace of an address.
bool is_provider_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= limits::kNameBytesMax && plain(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

Saddr read_end(Document& document, const Json& json, std::string_view key, std::string_view at) {
  const Json* value = member(json, key, Shape::kText);
  if (value == nullptr) return {};
  auto parsed = parse_definition(value->as_string());
  if (!parsed) {
    document.inside_string(Severity::kError, child(at, key), *value, parsed.error());
    return {};
  }
  if (identity(*parsed) != value->as_string()) {
    document.error(child(at, key),
                   {.code = Code::kBadAddress,
                    .message = fmt::format("'{}' is not in canonical spelling", value->as_string()),
                    .hint = identity(*parsed)});
  }
  return *std::move(parsed);
}

std::vector<std::string> read_caps(Document& document, const Json& json, std::string_view at) {
  std::vector<std::string> caps;
  const Json* list = member(json, "caps", Shape::kArray);
  if (list == nullptr) return caps;
  for (std::size_t i = 0; i < list->as_array().size(); ++i) {
    const Json& cap = list->as_array()[i];
    if (document.check_shape(cap, child(child(at, "caps"), i), Shape::kText)) caps.push_back(cap.as_string());
  }
  if (std::ranges::adjacent_find(caps, std::greater_equal<>()) != caps.end()) {
    document.error(child(at, "caps"), {.message = "'caps' is not sorted and unique"});
  }
  return caps;
}

Route read_route(Document& document, const Json& json, const std::string& at) {
  Route out;
  if (!document.check(json, at, kRouteKeys)) return out;
  const std::int64_t id = json.int_or("id", 1);
  if (id < 1 || id > std::numeric_limits<std::uint32_t>::max()) {
    document.error(child(at, "id"), {.message = "a route id is from 1 to 4294967295"});
  } else {
    out.id = {static_cast<std::uint32_t>(id)};
  }
  out.from = read_end(document, json, "from", at);
  out.to = read_end(document, json, "to", at);
  if (const Json* lane = member(json, "lane", Shape::kText)) {
    out.lane = read_enum<LaneKind>(document, child(at, "lane"), *lane, kLanes).value_or(LaneKind::kUds);
  }
  if (const Json* name = member(json, "class", Shape::kText)) {
    out.route_class =
        read_enum<RouteClass>(document, child(at, "class"), *name, kClasses).value_or(RouteClass::kReq);
  }
  if (const Json* origin = member(json, "origin", Shape::kText)) {
    read_enum<std::size_t>(document, child(at, "origin"), *origin, kOrigins);
  }
  out.contract = read_digest(document, json, "contract", at);
  out.consumer_contract = read_digest(document, json, "consumer_contract", at);
  if (const Json* qos = member(json, "qos", Shape::kObject))
    out.qos = read_qos(document, *qos, child(at, "qos"));
  out.caps = read_caps(document, json, at);
  out.node_from = json.string_or("node_from");
  out.node_to = json.string_or("node_to");
  out.origin = json.string_or("origin");
  out.replaces = json.string_or("replaces");
  return out;
}

}  // namespace

std::string_view to_string(RouteClass route_class) { return kClasses[static_cast<std::size_t>(route_class)]; }

Json to_json(const Route& route) {
  Json caps{text::JsonArray{}};
  for (const std::string& cap : route.caps) caps.push(cap);
  Json out = Json::object({{"id", route.id.value},
                           {"from", identity(route.from)},
                           {"to", identity(route.to)},
                           {"lane", to_string(route.lane)},
                           {"class", to_string(route.route_class)},
                           {"contract", to_string(route.contract)},
                           {"consumer_contract", to_string(route.consumer_contract)},
                           {"qos", to_json(route.qos)},
                           {"caps", std::move(caps)},
                           {"node_from", route.node_from},
                           {"node_to", route.node_to},
                           {"origin", route.origin}});
  if (!route.replaces.empty()) out.set("replaces", route.replaces);
  return out;
}

Digest read_digest(Document& document, const Json& object, std::string_view key, std::string_view pointer) {
  const Json* value = member(object, key, Shape::kText);
  if (value == nullptr) return {};
  if (const auto digest = parse_digest(value->as_string())) return *digest;
  document.error(child(pointer, key),
                 {.message = fmt::format("'{}' is no hash", value->as_string().substr(0, 80)),
                  .hint = "hashes are written sha256-<64 hex digits>"});
  return {};
}

std::vector<Route> read_route_list(Document& document, const Json& list, std::string_view pointer) {
  std::vector<Route> routes;
  if (list.as_array().size() > limits::kRoutesMax) {
    document.error(pointer, {.code = Code::kPlanTooLarge,
                             .message = fmt::format("more than {} routes", limits::kRoutesMax)});
    return routes;
  }
  routes.reserve(list.as_array().size());
  for (std::size_t i = 0; i < list.as_array().size(); ++i) {
    const std::size_t errors = document.errors();
    Route route = read_route(document, list.as_array()[i], child(pointer, i));
    if (document.errors() == errors) routes.push_back(std::move(route));
  }
  if (!strictly_sorted(routes)) document.error(pointer, {.message = "the routes are not sorted and unique"});
  if (!unique_ids(routes)) document.error(pointer, {.message = "a route id is given twice"});
  return routes;
}

std::vector<View> read_view_list(Document& document, const Json& list, std::string_view pointer) {
  std::vector<View> views;
  if (list.as_array().size() > limits::kViewsMax) {
    document.error(pointer, {.code = Code::kPlanTooLarge,
                             .message = fmt::format("more than {} views", limits::kViewsMax)});
    return views;
  }
  for (std::size_t i = 0; i < list.as_array().size(); ++i) {
    const Json& json = list.as_array()[i];
    const std::string at = child(pointer, i);
    if (!document.check(json, at, kViewKeys)) return views;
    views.push_back({.provider = std::string(json.string_or("provider")),
                     .root = read_digest(document, json, "root", at)});
  }
  if (const Status fine = check_views(views); !fine)
    document.error(pointer, {.message = fine.error().message});
  return views;
}

Json views_to_json(const std::vector<View>& views) {
  Json list{text::JsonArray{}};
  for (const View& view : views)
    list.push(Json::object({{"provider", view.provider}, {"root", to_string(view.root)}}));
  return list;
}

Status check_views(const std::vector<View>& views) {
  for (std::size_t i = 0; i < views.size(); ++i) {
    const std::string& name = views[i].provider;
    if (!is_provider_name(name))
      return fail(Code::kBadShape, fmt::format("{:?} is no name of a provider", name));
    if (i > 0 && views[i - 1].provider >= name)
      return fail(Code::kBadShape, "the views are not sorted by provider and unique");
  }
  return {};
}

bool strictly_sorted(const std::vector<Route>& routes) {
  return std::ranges::adjacent_find(
             routes, [](const Route& a, const Route& b) { return route_order(a, b) >= 0; }) == routes.end();
}

bool unique_ids(const std::vector<Route>& routes) {
  std::vector<RouteId> ids;
  ids.reserve(routes.size());
  for (const Route& route : routes) ids.push_back(route.id);
  std::ranges::sort(ids);
  return std::ranges::adjacent_find(ids) == ids.end();
}

Result<Route> route_from_json(const Json& json, std::string_view where) {
  Document document({.file = where});
  Route route = read_route(document, json, "");
  if (document.errors() > 0) return std::unexpected(document.first_error());
  return route;
}

std::string route_name(const Route& route) {
  return fmt::format("{} -> {}", identity(route.from), identity(route.to));
}

std::strong_ordering route_order(const Route& a, const Route& b) {
  if (const auto order = canonical_order(a.from, b.from); order != 0) return order;
  if (const auto order = canonical_order(a.to, b.to); order != 0) return order;
  return to_string(a.route_class) <=> to_string(b.route_class);
}

Json to_json(const Graph& graph) {
  Json routes{text::JsonArray{}};
  for (const Route& route : graph.routes) routes.push(to_json(route));
  Json out = Json::object({{"routes", std::move(routes)}, {"v", 1}});
  if (!graph.views.empty()) out.set("views", views_to_json(graph.views));
  return out;
}

Result<Graph> graph_from_json(const Json& json, std::string_view where) {
  Document document({.file = where});
  Graph graph;
  if (document.check(json, "", kGraphKeys)) {
    if (json.int_or("v", 1) != 1) document.error("/v", {.message = "a graph of another version"});
    if (const Json* list = member(json, "routes", Shape::kArray)) {
      graph.routes = read_route_list(document, *list, "/routes");
    }
    if (const Json* list = member(json, "views", Shape::kArray))
      graph.views = read_view_list(document, *list, "/views");
  }
  if (document.errors() > 0) return std::unexpected(document.first_error());
  return graph;
}

Digest graph_root(const Graph& graph) { return crypto::sha256(text::canonical_json(to_json(graph))); }

}  // namespace rtt::model
