// SPDX-License-Identifier: Apache-2.0
#include "fabric/uds/blocking_stream.h"

#include <algorithm>

#include "os/clock.h"
#include "os/unix_socket.h"

namespace rtt::fabric {
namespace {

constexpr std::int64_t kNanosPerMs = 1'000'000;
constexpr std::int64_t kSlackMs = 1;  // a limit this much too long is not worth setting again

std::int64_t left_ms(const Deadline& deadline) {
  if (deadline.ms < 0) return -1;
  return std::max<std::int64_t>(deadline.ms - (os::now() - deadline.start).value / kNanosPerMs, 0);
}

}  // namespace

Deadline deadline_in(std::int64_t ms) { return {.start = os::now(), .ms = ms}; }

BlockingStream::BlockingStream(os::Fd socket, Options options)
    : socket_(std::move(socket)),
      options_(options),
      reader_({.payload_bytes_max = options.payload_bytes_max}) {}

Status BlockingStream::send(ByteView frames, const std::vector<int>& fds, const Deadline& deadline) {
  if (!open()) return fail(Code::kLost, "the connection is closed");
  Status sent = os::send_all(socket_.get(), frames, fds, left_ms(deadline));
  // Part of a frame may be out. What the other end said before it left can still be read.
  if (!sent && sent.error().code != Code::kLost) close();
  return sent;
}

Result<Frame> BlockingStream::next(const Deadline& deadline) {
  for (;;) {  // ends with a frame, the deadline or the other end
    if (!open()) return fail(Code::kLost, "the connection is closed");
    Result<std::optional<Frame>> frame = reader_.next();
    if (frame && *frame) return **frame;
    Status status = frame ? receive(deadline) : Status(std::unexpected(std::move(frame).error()));
    if (status) continue;
    if (status.error().code != Code::kDeadline) close();
    return std::unexpected(std::move(status).error());
  }
}

std::vector<os::Fd> BlockingStream::take_fds(std::size_t count) {
  RTT_ASSERT(count <= arrived_.size());
  const auto end = arrived_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<os::Fd> fds(std::make_move_iterator(arrived_.begin()), std::make_move_iterator(end));
  arrived_.erase(arrived_.begin(), end);
  return fds;
}

Status BlockingStream::receive(const Deadline& deadline) {
  if (arrived_.size() > (reader_.empty() ? 0 : static_cast<std::size_t>(options_.fds_max))) {
    return fail(Code::kFrame, "bad frame: descriptors came that no frame declares");
  }
  const std::int64_t left = left_ms(deadline);
  if (left == 0) return fail(Code::kDeadline, "no answer came within the deadline");
  if (limit_ms_ < left || limit_ms_ > left + kSlackMs || (left < 0) != (limit_ms_ < 0)) {
    RTT_TRY(os::limit_receives(socket_.get(), left));
    limit_ms_ = left;
  }
  const MutableBytes space = reader_.space();
  RTT_TRY_SET(os::Received received, os::receive_blocking(socket_.get(), space, options_.fds_max));
  // Either the limit passed, or somebody made the descriptor non-blocking: then wait the long way.
  if (received.would_block) {
    RTT_TRY_SET(received, os::receive_wait(socket_.get(), space, options_.fds_max, left_ms(deadline)));
  }
  if (received.closed) {
    if (reader_.empty()) return fail(Code::kLost, "the other end closed the connection");
    return fail(Code::kFrame, "bad frame: the other end closed the connection inside a frame");
  }
  for (os::Fd& fd : received.fds) arrived_.push_back(std::move(fd));
  reader_.filled(received.bytes);
  return {};
}

}  // namespace rtt::fabric
