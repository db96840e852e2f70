// SPDX-License-Identifier: Apache-2.0
// UdsLane: one route's requests and replies over a unix stream socket, on the event loop
// (docs/formats/frame.md).
//
// The lane of driver hosts and whoever else serves many at once; BlockingLane is the other face, for one
// caller that waits. Framing, queue and buffers are FrameSocket's, the order of frames and fragments
// LaneProtocol's. What arrives is handed over as a view: a small message is neither copied nor allocated for.
// Descriptors travel with a request or a reply; from then on they are the other end's.
//
// Owns: the socket, descriptors on their way.   Thread: the loop's.   Units: bytes.
// Fails: on_closed, once, from the loop: kLost (the other end left), kFrame,
// kTooLarge. send_*: kBusy (a request that does not fit the queue), kTooLarge, kBadArgument (descriptors),
// kLost. A reply that does not fit closes the lane with kBusy: the asker does not read, and must not wait for
// what was dropped. Limits: queue_bytes_max waiting to leave (an empty queue takes one message of any size),
// message_bytes_max and kFdsPerFrameMax descriptors a message.
#pragma once

#include <functional>
#include <memory>

#include "fabric/lane_protocol.h"
#include "os/fd.h"
#include "os/loop.h"

namespace rtt::fabric {

class UdsLane {
 public:
  struct Options {
    std::uint32_t route_id = 0;  // REQUIRES: >= 1
    std::size_t queue_bytes_max = limits::kClientQueueBytesMax;
    std::size_t message_bytes_max = limits::kFramePayloadBytesMax;
    std::uint32_t receive_id_first = 1;  // as LaneProtocol's
  };
  // The payload is valid during the call, in which the lane may be used, closed or destroyed. kFin: the other
  // end sends no more requests; replies still go both ways until one end closes.
  using OnMessage = std::function<void(const LaneMessage& message)>;
  using OnClosed = std::function<void(const Error& why)>;

  static Result<std::unique_ptr<UdsLane>> start(os::Loop& loop, os::Fd socket, Options options,
                                                OnMessage on_message, OnClosed on_closed);
  ~UdsLane();
  UdsLane(const UdsLane&) = delete;
  UdsLane& operator=(const UdsLane&) = delete;

  Result<std::uint32_t> send_request(ByteView payload,
                                     std::span<os::Fd> fds = {});  // the id replies will name
  Status send_reply(std::uint32_t request_id, ByteView payload, std::span<os::Fd> fds = {});
  Status send_error(std::uint32_t request_id, ByteView payload);
  Status send_fin();  // nothing may be sent after it; replies are still received
  void close();       // on_closed is not called

  [[nodiscard]] bool open() const;
  [[nodiscard]] std::size_t queued_bytes() const;
  [[nodiscard]] std::size_t queued_frames() const;  // at most so many
  // Frame ids go on across the lanes of a route. REQUIRES: nothing was sent yet.
  void take_over(const UdsLane& before);

 private:
  UdsLane();
  struct State;
  Status answer(const LaneMessage& message);
  std::shared_ptr<State>
      state_;  // shared with the frame being handed over, whose handler may destroy the lane
};

}  // namespace rtt::fabric
