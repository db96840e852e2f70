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
HandshakeRequest handshake_request(fabric::LaneEnd end, const fabric::HandshakeMessage& message);

struct EndMessage {
  fabric::LaneEnd end;
  fabric::HandshakeMessage message;
};
Result<EndMessage> read_handshake(std::string_view verb, const text::Json& args);
[[nodiscard]] bool is_handshake(std::string_view verb);

// Numbers of 64 bits, as text: 1 to 2^64-1. 0: it is none.
std::string counter_text(std::uint64_t value);
[[nodiscard]] std::uint64_t counter_or_none(const text::Json& args, std::string_view key);

// What must come with a message of a lane of this kind. BIND: the endpoint's own ring, index page and bell.
// READY of the panel that asks: control page, the other end's ring, index page and bell, or the socket.
std::size_t bind_fds(model::LaneKind lane);
std::size_t ready_fds(model::LaneKind lane);  // without the gate of a ring that takes over

}  // namespace rtt::api
