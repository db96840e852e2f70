// SPDX-License-Identifier: Apache-2.0
#include "endpoint/uds_carrier.h"

namespace rtt::endpoint {

UdsCarrier::UdsCarrier(os::Loop& loop, os::Fd socket, RouteId route, Events events)
    : loop_(loop), socket_(std::move(socket)), route_(route), events_(std::move(events)) {}

Status UdsCarrier::begin() {
  if (!socket_.valid()) return {};
  // Whoever takes over cannot know where the lane before ended: the first frame says.
  RTT_TRY_SET(lane_, fabric::UdsLane::start(loop_, std::move(socket_),
                                            {.route_id = route_.value, .receive_id_first = 0},
                                            std::move(events_.on_message), std::move(events_.on_closed)));
  return {};
}

Result<std::uint32_t> UdsCarrier::request(ByteView payload, std::span<os::Fd> fds) {
  if (!lane_) return fail(Code::kLost, "the lane is not in use");
  return lane_->send_request(payload, fds);
}

Status UdsCarrier::respond(fabric::MessageKind kind, std::uint32_t request_id, ByteView payload,
                           std::span<os::Fd> fds) {
  if (!lane_) return fail(Code::kLost, "the lane is not in use");
  return kind == fabric::MessageKind::kReply ? lane_->send_reply(request_id, payload, fds)
                                             : lane_->send_error(request_id, payload);
}

void UdsCarrier::finish() {
  if (lane_ && lane_->open()) (void)lane_->send_fin();
}

void UdsCarrier::take_over(Carrier& before) {
  // From another kind of lane there are no ids to go on with: its frames were another stream's.
  if (before.kind() != model::LaneKind::kUds) return;
  if (const auto& other = static_cast<UdsCarrier&>(before).lane_; lane_ && other) lane_->take_over(*other);
}

void UdsCarrier::close() {
  socket_.reset();
  if (lane_) lane_->close();
}

}  // namespace rtt::endpoint
