// SPDX-License-Identifier: Apache-2.0
// Binding: what one end of a route is told about a lane that is built for it (docs/formats/endpoint.md).
//
// A lane is one generation of a route's wiring. The panel has it built beside whatever carries the route now
// and invites each end with its binding; a flip makes it the one that is used. The end at `from`
// knows the route by its port, the symbol it asked for, which stays the same when another provider takes
// over.
//
// Owns: strings.   Thread: any (a value).   Units: none.
// Fails: binding_from_json: kPanelProtocol, kBadShape.   Limits: names as in model/limits.h.
#pragma once

#include <cstdint>
#include <string>

#include "model/graph.h"

namespace rtt::endpoint {

enum class Side : std::uint8_t { kFrom, kTo };

struct Binding {
  std::uint64_t generation = 0;  // tells this lane from every other of the workspace; 0 = not yet agreed
  Side side = Side::kFrom;
  model::Route route;  // as planned
  model::LaneKind lane =
      model::LaneKind::kUds;  // what was built, which may be a fallback of what was planned
  std::string port;           // rtt://ns/type/name
  std::uint64_t follows = 0;  // the generation it takes over from; 0 = none
};

text::Json to_json(const Binding& binding);
Result<Binding> binding_from_json(const text::Json& json);

// The port of a route: the symbol its consumer asked for, also where a quick connect stands in for it.
std::string port_of(const model::Route& route);
// What a full lane does with one more event or stream message: the route's own word, else an event is dropped
// and counted (taildrop) and a stream waits (buffer). A request is always refused.
model::Backpressure backpressure_of(const model::Route& route);

}  // namespace rtt::endpoint
