// SPDX-License-Identifier: Apache-2.0
#include "fabric/uds/blocking_lane.h"

namespace rtt::fabric {
namespace {

constexpr std::size_t kKeptBytes = std::size_t{512} << 10;

}  // namespace

BlockingLane::BlockingLane(os::Fd socket, LaneProtocol::Options options)
    : stream_(std::move(socket), {.payload_bytes_max = kLaneFrameBytesMax, .fds_max = 0}),
      protocol_(options) {}

Result<LaneMessage> BlockingLane::call(ByteView payload, std::int64_t deadline_ms) {
  const LaneMessage request{.kind = MessageKind::kRequest, .id = 0, .reply_to = 0, .payload = payload};
  RTT_TRY(protocol_.fits(request));
  const Deadline deadline = deadline_in(deadline_ms);
  if (out_.capacity() > kKeptBytes) out_ = Bytes();
  out_.clear();
  const std::uint32_t id = protocol_.split(request, [this](const LaneProtocol::Piece& piece) {
    const auto header = encode_header(piece.header, piece.payload);  // a request has no prefix
    out_.insert(out_.end(), header.begin(), header.end());
    out_.insert(out_.end(), piece.payload.begin(), piece.payload.end());
  });
  if (Status sent = stream_.send(out_, {}, deadline); !sent) {
    stream_.close();
    return std::unexpected(std::move(sent).error());
  }
  Result<LaneMessage> reply = await_reply(id, deadline);
  if (!reply && reply.error().code != Code::kDeadline) stream_.close();
  return reply;
}

Result<LaneMessage> BlockingLane::await_reply(std::uint32_t id, const Deadline& deadline) {
  for (;;) {  // ends with the reply, the deadline or the other end
    RTT_TRY_SET(const Frame frame, stream_.next(deadline));
    RTT_TRY_SET(const std::optional<LaneMessage> message, protocol_.take(frame));
    if (!message) continue;
    switch (message->kind) {
      case MessageKind::kRequest:
        return fail(Code::kFrame, "bad frame: a request came where only replies may");
      case MessageKind::kFin:
        return fail(Code::kLost, "the other end finished the lane");
      case MessageKind::kReply:
      case MessageKind::kErrorReply:
        break;
    }
    if (message->reply_to == id) return *message;  // else: the late reply to a call that gave up
  }
}

}  // namespace rtt::fabric
