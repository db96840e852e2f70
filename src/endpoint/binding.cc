// SPDX-License-Identifier: Apache-2.0
#include "endpoint/binding.h"

#include <algorithm>

#include "model/saddr.h"

namespace rtt::endpoint {
namespace {

using text::Json;

std::string symbol_of(const model::Saddr& saddr) {
  model::Saddr symbol;
  symbol.ns = saddr.ns;
  symbol.type = saddr.type;
  symbol.name = saddr.name;
  return model::to_string(symbol);
}

}  // namespace

std::string port_of(const model::Route& route) {
  if (!route.replaces.empty()) {
    if (const auto reference = model::parse_reference(route.replaces)) return symbol_of(*reference);
  }
  return symbol_of(route.to);
}

model::Backpressure backpressure_of(const model::Route& route) {
  if (route.qos.backpressure) return *route.qos.backpressure;
  switch (route.route_class) {
    case model::RouteClass::kReq:
      return model::Backpressure::kNack;
    case model::RouteClass::kPubsub:
      return model::Backpressure::kTaildrop;
    case model::RouteClass::kStream:
      return model::Backpressure::kBuffer;
  }
  return model::Backpressure::kNack;
}

Json to_json(const Binding& binding) {
  return Json::object({{"follows", binding.follows},
                       {"generation", binding.generation},
                       {"lane", to_string(binding.lane)},
                       {"port", binding.port},
                       {"route", model::to_json(binding.route)},
                       {"side", binding.side == Side::kFrom ? "from" : "to"}});
}

Result<Binding> binding_from_json(const Json& json) {
  Binding binding;
  const std::int64_t generation = json.int_or("generation", 0);
  const std::string_view side = json.string_or("side");
  const Json* route = json.find("route");
  if (generation < 0 || (side != "from" && side != "to") || route == nullptr) {
    return fail(Code::kPanelProtocol, "a binding needs side and route");
  }
  binding.generation = static_cast<std::uint64_t>(generation);
  binding.side = side == "from" ? Side::kFrom : Side::kTo;
  RTT_TRY_SET(binding.route, model::route_from_json(*route, "lane"));
  const auto lane = model::parse_lane(json.string_or("lane", to_string(binding.route.lane)));
  if (!lane) return fail(Code::kPanelProtocol, "a binding's lane is of no kind");
  binding.lane = *lane;
  binding.follows = static_cast<std::uint64_t>(std::max<std::int64_t>(json.int_or("follows", 0), 0));
  binding.port = json.string_or("port");
  if (binding.port.empty()) binding.port = port_of(binding.route);
  return binding;
}

}  // namespace rtt::endpoint
