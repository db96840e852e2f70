// SPDX-License-Identifier: Apache-2.0
// Graph: the wiring itself (docs/formats/plan.md). Routes sorted by (from, to, class), exact addresses, and
// nothing that changes while it runs: no sequence number, time, signature or state. Its root is the SHA-256
// of canonical JSON `{"routes":[…],"v":1}`; two equal wirings have one root on every machine.
//
// Thread: any (values).   Limits: kRoutesMax.
//
// Fails: kBadShape.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "model/config.h"

namespace rtt::model {

enum class RouteClass : std::uint8_t { kReq, kPubsub, kStream };
std::string_view to_string(RouteClass route_class);

struct Route {
  RouteId id;
  Saddr from,
      to;  // definitions, without capabilities and io (identity_only): those are `caps` and `route_class`
  LaneKind lane = LaneKind::kUds;
  RouteClass route_class = RouteClass::kReq;
  Digest contract, consumer_contract;
  Qos qos;
  std::vector<std::string> caps;
  std::string node_from, node_to;
  std::string origin;      // routes | agent | requires | qc
  std::string replaces{};  // origin qc: the reference this edge stands in for, so later plans keep it

  friend bool operator==(const Route&, const Route&) = default;
};
// REQUIRES: from and to are definitions.
text::Json to_json(const Route& route);
Result<Route> route_from_json(const text::Json& json, std::string_view where);
// "rtt://a/hook/x@1.0.0 -> rtt://b/api/y@1.2.0"
std::string route_name(const Route& route);
std::strong_ordering route_order(const Route& a, const Route& b);  // (from, to, class)

// What one provider is shown.
struct View {
  std::string provider;  // [a-z0-9][a-z0-9._-]*
  Digest root;           // of its tree (views/tree.h)
  friend bool operator==(const View&, const View&) = default;
};

struct Graph {
  std::vector<Route> routes;  // sorted by route_order, unique in it
  std::vector<View> views{};  // sorted by provider, each once
  friend bool operator==(const Graph&, const Graph&) = default;
};
text::Json to_json(const Graph& graph);
// Refuses what to_json would not have written: another order, two routes alike, an id given twice.
Result<Graph> graph_from_json(const text::Json& json, std::string_view where);
text::Json views_to_json(const std::vector<View>& views);
// kBadShape for views that are not sorted, not unique, or of a provider without a name.
Status check_views(const std::vector<View>& views);
Digest graph_root(const Graph& graph);

}  // namespace rtt::model
