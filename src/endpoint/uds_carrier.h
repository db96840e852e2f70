// SPDX-License-Identifier: Apache-2.0
// UdsCarrier: a lane over a unix socket (fabric/uds/lane.h) as a Carrier. Before begin() the socket keeps
// what comes.
//
// Owns: the socket.   Thread: the loop's.   Fails: as UdsLane; before begin() kLost.   Limits: as UdsLane.
#pragma once

#include <memory>

#include "endpoint/carrier.h"
#include "fabric/uds/lane.h"

namespace rtt::endpoint {

class UdsCarrier final : public Carrier {
 public:
  UdsCarrier(os::Loop& loop, os::Fd socket, RouteId route, Events events);

  Status begin() override;
  Result<std::uint32_t> request(ByteView payload, std::span<os::Fd> fds) override;
  Status respond(fabric::MessageKind kind, std::uint32_t request_id, ByteView payload,
                 std::span<os::Fd> fds) override;
  void finish() override;
  void take_over(Carrier& before) override;
  void close() override;
  [[nodiscard]] model::LaneKind kind() const override { return model::LaneKind::kUds; }
  [[nodiscard]] std::size_t queued_frames() override { return lane_ ? lane_->queued_frames() : 0; }
  [[nodiscard]] std::size_t queued_bytes() const override { return lane_ ? lane_->queued_bytes() : 0; }

 private:
  os::Loop& loop_;
  os::Fd socket_;  // until begin()
  RouteId route_;
  Events events_;
  std::unique_ptr<fabric::UdsLane> lane_;
};

}  // namespace rtt::endpoint
