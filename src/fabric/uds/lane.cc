// SPDX-License-Identifier: Apache-2.0
#include "fabric/uds/lane.h"

#include "fabric/uds/frame_socket.h"

namespace rtt::fabric {

struct UdsLane::State {
  explicit State(const Options& options)
      : protocol({.route_id = options.route_id,
                  .message_bytes_max = options.message_bytes_max,
                  .receive_id_first = options.receive_id_first,
                  .fds_max = limits::kFdsPerFrameMax}) {}

  LaneProtocol protocol;
  OnMessage on_message;
  OnClosed on_closed;
  std::shared_ptr<FrameSocket> socket;
  bool finished = false;

  Status take(const Frame& frame, std::vector<os::Fd>& arrived);
  Result<std::uint32_t> send(const LaneMessage& message);
};

UdsLane::UdsLane() = default;
UdsLane::~UdsLane() { close(); }

Result<std::unique_ptr<UdsLane>> UdsLane::start(os::Loop& loop, os::Fd socket, Options options,
                                                OnMessage on_message, OnClosed on_closed) {
  auto state = std::make_shared<State>(options);
  state->on_message = std::move(on_message);
  state->on_closed = std::move(on_closed);
  const FrameSocket::Options framing{.payload_bytes_max = kLaneFrameBytesMax,
                                     .queue_bytes_max = options.queue_bytes_max,
                                     .fds_max = limits::kFdsPerFrameMax};
  const auto on_frame = [weak = std::weak_ptr(state)](const Frame& frame,
                                                      std::vector<os::Fd>& arrived) -> Status {
    const auto alive = weak.lock();
    return alive ? alive->take(frame, arrived) : Status{};
  };
  const auto closed = [weak = std::weak_ptr(state)](const Error& why) {
    if (const auto alive = weak.lock()) alive->on_closed(why);
  };
  RTT_TRY_SET(state->socket, FrameSocket::start(loop, std::move(socket), framing, on_frame, closed));
  std::unique_ptr<UdsLane> lane(new UdsLane);
  lane->state_ = std::move(state);
  return lane;
}

Status UdsLane::State::take(const Frame& frame, std::vector<os::Fd>& arrived) {
  RTT_TRY_SET(const std::optional<LaneMessage> message, protocol.take(frame, &arrived));
  if (!message) return {};
  on_message(*message);
  for (os::Fd& fd : message->fds) fd.reset();  // that nobody wanted
  return {};
}

Result<std::uint32_t> UdsLane::State::send(const LaneMessage& message) {
  if (!socket->open() || finished) return fail(Code::kLost, "the lane is closed");
  RTT_TRY(protocol.fits(message));
  // The whole message or nothing: half a message would make the next one unreadable.
  // The last frame has nothing behind it to wait for.
  if (message.kind != MessageKind::kFin) RTT_TRY(socket->room_for(LaneProtocol::split_bytes(message)));
  Status status;
  socket->hold();
  const std::uint32_t id = protocol.split(message, [&](const LaneProtocol::Piece& piece) {
    std::vector<os::Fd> fds(std::make_move_iterator(piece.fds.begin()),
                            std::make_move_iterator(piece.fds.end()));
    if (status) status = socket->send(piece.header, {piece.prefix, piece.payload}, std::move(fds));
  });
  socket->release();
  if (!status) return std::unexpected(std::move(status).error());
  return id;
}

Result<std::uint32_t> UdsLane::send_request(ByteView payload, std::span<os::Fd> fds) {
  return state_->send(
      {.kind = MessageKind::kRequest, .id = 0, .reply_to = 0, .payload = payload, .fds = fds});
}

Status UdsLane::answer(const LaneMessage& message) {
  Result<std::uint32_t> sent = state_->send(message);
  if (sent) return {};
  if (sent.error().code == Code::kBusy) state_->socket->close_because(sent.error());
  return std::unexpected(std::move(sent).error());
}

Status UdsLane::send_reply(std::uint32_t request_id, ByteView payload, std::span<os::Fd> fds) {
  return answer(
      {.kind = MessageKind::kReply, .id = 0, .reply_to = request_id, .payload = payload, .fds = fds});
}

Status UdsLane::send_error(std::uint32_t request_id, ByteView payload) {
  return answer({.kind = MessageKind::kErrorReply, .id = 0, .reply_to = request_id, .payload = payload});
}

Status UdsLane::send_fin() {
  RTT_TRY(answer({.kind = MessageKind::kFin, .id = 0, .reply_to = 0, .payload = {}}));
  state_->finished = true;
  return {};
}

void UdsLane::close() { state_->socket->close(); }
bool UdsLane::open() const { return state_->socket->open(); }
std::size_t UdsLane::queued_bytes() const { return state_->socket->queued_bytes(); }
std::size_t UdsLane::queued_frames() const { return state_->socket->queued_frames(); }
void UdsLane::take_over(const UdsLane& before) {
  state_->protocol.continue_from(before.state_->protocol.next_send_id());
}

}  // namespace rtt::fabric
