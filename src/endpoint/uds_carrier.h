// SPDX-License-Identifier: Apache-2.0
// UdsCarrier: a lane over a unix socket (fabric/uds/lane.h) as a Carrier.
//
// Owns: the socket.   Thread: the loop's.   Fails: as UdsLane.   Limits: as UdsLane.
#pragma once

#include <memory>

#include "endpoint/carrier.h"
#include "fabric/uds/lane.h"

namespace rtt::endpoint {

class UdsCarrier final : public Carrier {
 public:
  static Result<std::unique_ptr<Carrier>> start(os::Loop& loop, os::Fd socket, RouteId route, Events events);

  Result<std::uint32_t> request(ByteView payload) override { return lane_->send_request(payload); }
  Status respond(fabric::MessageKind kind, std::uint32_t request_id, ByteView payload) override {
    return kind == fabric::MessageKind::kReply ? lane_->send_reply(request_id, payload)
                                               : lane_->send_error(request_id, payload);
  }
  void finish() override {
    if (lane_->open()) (void)lane_->send_fin();
  }
  void take_over(Carrier& before) override;
  void close() override { lane_->close(); }
  [[nodiscard]] model::LaneKind kind() const override { return model::LaneKind::kUds; }
  [[nodiscard]] std::size_t queued_bytes() const override { return lane_->queued_bytes(); }

 private:
  explicit UdsCarrier(std::unique_ptr<fabric::UdsLane> lane) : lane_(std::move(lane)) {}
  std::unique_ptr<fabric::UdsLane> lane_;
};

}  // namespace rtt::endpoint
