// SPDX-License-Identifier: Apache-2.0
// BlockingLane: one caller's end of a route's lane: send a request, wait for its reply.
//
// For programs without an event loop. A request is one send, a small reply one receive. A reply that comes after its
// caller's deadline is skipped by the next call, so a deadline does not cost the lane.
//
// Owns: the socket and two buffers, kept between calls.   Thread: one.   Units: bytes, milliseconds (< 0 = for ever).
// Fails: kDeadline (the lane stays usable unless it passed while sending), kTooLarge (nothing was sent), kLost,
// kFrame; after the last two, and after a deadline in the middle of sending, every call is kLost.
// Limits: message_bytes_max.
#pragma once

#include "base/units.h"
#include "fabric/lane_protocol.h"
#include "os/fd.h"

namespace rtt::fabric {

class BlockingLane {
 public:
  BlockingLane(os::Fd socket, LaneProtocol::Options options);

  // A kReply or kErrorReply, its payload valid until the next call.
  Result<LaneMessage> call(ByteView payload, std::int64_t deadline_ms);

 private:
  Result<LaneMessage> await_reply(std::uint32_t id, Instant start, std::int64_t deadline_ms);
  Status receive(std::int64_t deadline_ms);

  os::Fd socket_;
  LaneProtocol protocol_;
  FrameReader reader_;
  Bytes out_;
};

}  // namespace rtt::fabric
