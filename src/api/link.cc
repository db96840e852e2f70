// SPDX-License-Identifier: Apache-2.0
#include "api/error_json.h"
#include "api/service.h"
#include "fabric/uds/blocking_lane.h"
#include "os/clock.h"

namespace rtt::api {

struct Link::State {
  fabric::BlockingLane lane;
};

Link::Link(os::Fd socket, std::uint32_t route_id)
    : state_(
          std::make_unique<State>(State{fabric::BlockingLane(std::move(socket), {.route_id = route_id})})) {}
Link::~Link() = default;
Link::Link(Link&&) noexcept = default;
Link& Link::operator=(Link&&) noexcept = default;

Result<LinkReply> Link::call(std::string_view payload, std::int64_t deadline_ms) {
  const Instant start = os::now();
  RTT_TRY_SET(const fabric::LaneMessage reply, state_->lane.call(as_bytes(payload), deadline_ms));
  const std::int64_t latency_ns = (os::now() - start).value;
  if (reply.kind == fabric::MessageKind::kErrorReply) {
    return std::unexpected(error_from_json(as_text(reply.payload)));
  }
  return LinkReply{.payload = std::string(as_text(reply.payload)), .latency_ns = latency_ns};
}

}  // namespace rtt::api
