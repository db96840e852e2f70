// SPDX-License-Identifier: Apache-2.0
// Carrier: what moves the messages of one lane at one end, whatever it is made of. The Board decides; a
// carrier only sends, and hands over what came.
//
// Thread: the Board's.   Units: bytes.   Fails: request, respond: kBusy (full), kTooLarge, kBadArgument,
// kLost, kFrame. Limits: each carrier's own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/result.h"
#include "fabric/lane_protocol.h"
#include "model/config.h"
#include "os/futex.h"

namespace rtt::endpoint {

class Carrier {
 public:
  using OnMessage = std::function<void(const fabric::LaneMessage&)>;  // payload valid during the call
  using OnClosed = std::function<void(const Error&)>;                 // once, later from the loop or pump()
  struct Events {
    OnMessage on_message;
    OnClosed on_closed;
  };

  Carrier() = default;
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;
  virtual ~Carrier() = default;

  // `fds` are moved from if it succeeds, and travel only over sockets (kBadArgument).
  virtual Result<std::uint32_t> request(ByteView payload, std::span<os::Fd> fds) = 0;  // the id replies name
  // `kind`: kReply or kErrorReply.
  virtual Status respond(fabric::MessageKind kind, std::uint32_t request_id, ByteView payload,
                         std::span<os::Fd> fds) = 0;
  // From now on messages are handed over; until then they wait where they are. Saying it again is harmless.
  virtual Status begin() = 0;
  virtual void finish() = 0;  // no request follows; replies still come
  // Before the first request: frame ids go on behind `before`, which has been finished.
  virtual void take_over(Carrier& before) = 0;
  virtual void close() = 0;
  [[nodiscard]] virtual model::LaneKind kind() const = 0;
  [[nodiscard]] virtual std::size_t queued_bytes() const = 0;
  // Frames of requests that the other end has not taken, as far as this end can know: over shared memory all,
  // over a socket at most those that wait here.
  [[nodiscard]] virtual std::size_t queued_frames() = 0;

  // For carriers that no descriptor tells of. pump(): hands over what is there; whether anything was. To
  // sleep all carriers lie_down(), then comes one fence, then each may_sleep(): true = whoever writes next
  // wakes the Board's bell; false = there is something now. stir(): awake again.
  virtual bool pump() { return false; }
  virtual void lie_down() {}
  [[nodiscard]] virtual std::optional<os::Fence> fence() const {
    return std::nullopt;
  }  // none: it needs none
  virtual bool may_sleep() { return true; }
  virtual void stir() {}
  // In the middle of a flip, of which no bell tells: look again soon.
  [[nodiscard]] virtual bool restless() const { return false; }
};

}  // namespace rtt::endpoint
