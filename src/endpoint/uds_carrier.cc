// SPDX-License-Identifier: Apache-2.0
#include "endpoint/uds_carrier.h"

namespace rtt::endpoint {

Result<std::unique_ptr<Carrier>> UdsCarrier::start(os::Loop& loop, os::Fd socket, RouteId route,
                                                   Events events) {
  // Whoever takes over cannot know where the lane before ended: the first frame says.
  RTT_TRY_SET(auto lane, fabric::UdsLane::start(loop, std::move(socket),
                                                {.route_id = route.value, .receive_id_first = 0},
                                                std::move(events.on_message), std::move(events.on_closed)));
  return std::unique_ptr<Carrier>(new UdsCarrier(std::move(lane)));
}

void UdsCarrier::take_over(Carrier& before) {
  // From another kind of lane there are no ids to go on with: its frames were another stream's.
  if (before.kind() == model::LaneKind::kUds) lane_->take_over(*static_cast<UdsCarrier&>(before).lane_);
}

}  // namespace rtt::endpoint
