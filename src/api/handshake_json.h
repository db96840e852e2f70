// SPDX-License-Identifier: Apache-2.0
// The handshake's messages as control requests (docs/formats/handshake.md): verb `endpoint.<word>` and a JSON
// object of arguments; descriptors travel in the same control frame.
//
// 64-bit numbers are decimal strings, because a JSON number is exact only up to 2^53. Unknown keys are
// skipped, so that a later version may say more.
//
// Owns: nothing.   Thread: any.
// Fails: read_handshake: kPanelProtocol with where = "verb.key"; never a part of the message's own text.
// Limits: kCapabilitiesMax, kNameBytesMax, kLaneKindsMax, kRingSlotsMin…Max, kRingArenaBytesMax.
#pragma once

#include <string_view>

#include "fabric/handshake_message.h"
#include "text/json.h"

namespace rtt::api {

struct HandshakeRequest {
  std::string_view verb;  // "endpoint.syn"
  text::Json args;
};
HandshakeRequest handshake_request(const fabric::HandshakeMessage& message);
Result<fabric::HandshakeMessage> read_handshake(std::string_view verb, const text::Json& args);

// What must come with a message of a lane of this kind. BIND: the endpoint's own pages (ring data, index).
// READY of the panel that asks: the control page and the other end's two pages, or the socket.
std::size_t bind_fds(model::LaneKind lane);
std::size_t ready_fds(model::LaneKind lane);

}  // namespace rtt::api
