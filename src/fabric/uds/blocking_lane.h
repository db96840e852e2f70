// SPDX-License-Identifier: Apache-2.0
// BlockingLane: one caller's end of a route's lane: send a request, wait for its reply.
//
// For programs without an event loop. A request is one send, a small reply one receive. A reply that comes
// after its caller's deadline is skipped by the next call, so a deadline does not cost the lane.
//
// Owns: the socket and two buffers, kept between calls.   Thread: one.   Units: bytes, milliseconds (< 0 =
// for ever).
// Fails: kDeadline (the lane stays usable unless it passed while sending), kTooLarge (nothing was sent; or
// the reply is over the limit), kLost, kFrame; after the last two and a reply over the limit every call is
// kLost.
// Limits: message_bytes_max.
#pragma once

#include "fabric/lane_protocol.h"
#include "fabric/uds/blocking_stream.h"

namespace rtt::fabric {

class BlockingLane {
 public:
  BlockingLane(os::Fd socket, LaneProtocol::Options options);

  // A kReply or kErrorReply, its payload valid until the next call.
  Result<LaneMessage> call(ByteView payload, std::int64_t deadline_ms);

 private:
  Result<LaneMessage> await_reply(std::uint32_t id, const Deadline& deadline);

  BlockingStream stream_;
  LaneProtocol protocol_;
  Bytes out_;
};

}  // namespace rtt::fabric
