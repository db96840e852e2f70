// SPDX-License-Identifier: Apache-2.0
#include "fabric/uds/blocking_lane.h"

#include <algorithm>

#include "os/clock.h"
#include "os/unix_socket.h"

namespace rtt::fabric {
namespace {

constexpr std::size_t kKeptBytes = std::size_t{512} << 10;
constexpr std::int64_t kNanosPerMs = 1'000'000;

// What is left of a deadline that began at `start`, at least 0; < 0 stays "for ever".
std::int64_t left_ms(Instant start, std::int64_t deadline_ms) {
  if (deadline_ms < 0) return -1;
  return std::max<std::int64_t>(deadline_ms - (os::now() - start).value / kNanosPerMs, 0);
}

}  // namespace

BlockingLane::BlockingLane(os::Fd socket, LaneProtocol::Options options)
    : socket_(std::move(socket)), protocol_(options), reader_({.payload_bytes_max = kLaneFrameBytesMax}) {}

Result<LaneMessage> BlockingLane::call(ByteView payload, std::int64_t deadline_ms) {
  if (!socket_.valid()) return fail(Code::kLost, "the lane is closed");
  RTT_TRY(protocol_.fits(payload));
  const Instant start = os::now();
  if (out_.capacity() > kKeptBytes) out_ = Bytes();
  out_.clear();
  const LaneMessage request{.kind = MessageKind::kRequest, .id = 0, .reply_to = 0, .payload = payload};
  const std::uint32_t id = protocol_.split(request, [this](const LaneProtocol::Piece& piece) {
    const auto header = encode_header(piece.header, piece.payload);  // a request has no prefix
    out_.insert(out_.end(), header.begin(), header.end());
    out_.insert(out_.end(), piece.payload.begin(), piece.payload.end());
  });
  if (Status sent = os::send_all(socket_.get(), out_, {}, deadline_ms); !sent) {
    socket_.reset();  // part of a frame may be out
    return std::unexpected(std::move(sent).error());
  }
  Result<LaneMessage> reply = await_reply(id, start, deadline_ms);
  if (!reply && reply.error().code != Code::kDeadline) socket_.reset();
  return reply;
}

Result<LaneMessage> BlockingLane::await_reply(std::uint32_t id, Instant start, std::int64_t deadline_ms) {
  for (;;) {  // ends with the reply, the deadline or the peer
    RTT_TRY_SET(const std::optional<Frame> frame, reader_.next());
    if (!frame) {
      RTT_TRY(receive(left_ms(start, deadline_ms)));
      continue;
    }
    RTT_TRY_SET(const std::optional<LaneMessage> message, protocol_.take(*frame));
    if (!message) continue;
    switch (message->kind) {
      case MessageKind::kRequest: return fail(Code::kFrame, "bad frame: a request came where only replies may");
      case MessageKind::kFin: return fail(Code::kLost, "the other end finished the lane");
      case MessageKind::kReply:
      case MessageKind::kErrorReply: break;
    }
    if (message->reply_to == id) return *message;  // else: the late reply to a call that gave up
  }
}

Status BlockingLane::receive(std::int64_t deadline_ms) {
  RTT_TRY_SET(const os::Received received, os::receive_wait(socket_.get(), reader_.space(), 0, deadline_ms));
  if (received.closed) {
    if (reader_.empty()) return fail(Code::kLost, "the other end closed the lane");
    return fail(Code::kFrame, "bad frame: the other end closed the lane inside a frame");
  }
  reader_.filled(received.bytes);
  return {};
}

}  // namespace rtt::fabric
