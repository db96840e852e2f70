// SPDX-License-Identifier: Apache-2.0
#include "fabric/uds/frame_socket.h"

#include <algorithm>

#include "os/unix_socket.h"

namespace rtt::fabric {
namespace {

constexpr int kReceivesPerTurn = 8;  // then other descriptors of the loop get their turn
constexpr int kSendsPerTurn = 64;
constexpr std::size_t kKeptBytes = std::size_t{512}
                                   << 10;  // a larger queue buffer is given back once it is empty

}  // namespace

FrameSocket::FrameSocket(os::Loop& loop, os::Fd socket, Options options, OnFrame on_frame, OnClosed on_closed)
    : loop_(loop),
      socket_(std::move(socket)),
      options_(options),
      on_frame_(std::move(on_frame)),
      on_closed_(std::move(on_closed)),
      reader_({.payload_bytes_max = options.payload_bytes_max}) {}

FrameSocket::~FrameSocket() { close(); }

Result<std::shared_ptr<FrameSocket>> FrameSocket::start(os::Loop& loop, os::Fd socket, Options options,
                                                        OnFrame on_frame, OnClosed on_closed) {
  const int fd = socket.get();
  std::shared_ptr<FrameSocket> self(
      new FrameSocket(loop, std::move(socket), options, std::move(on_frame), std::move(on_closed)));
  Status watched = loop.watch(fd, os::kReadable, [weak = std::weak_ptr(self)](std::uint32_t ready) {
    if (const auto alive = weak.lock()) alive->on_ready(ready);
  });
  if (!watched) return std::unexpected(std::move(watched).error());
  return self;
}

void FrameSocket::on_ready(std::uint32_t ready) {
  if (!open() || dispatching_)
    return;  // a handler that runs the loop again must not pull the buffer from under itself
  Status status;
  // While reading is paused a hangup shows only in sending.
  if ((ready & os::kWritable) != 0 || (paused_ && (ready & os::kHangup) != 0)) status = flush();
  if (status && paused_ && queued_bytes() <= options_.queue_bytes_max / 4) {
    paused_ = false;
    status = dispatch();  // what was received before the pause
  }
  // Otherwise it is read to its end first: the last frames of a peer that left still count.
  if (status && (ready & (os::kReadable | os::kHangup)) != 0) status = receive_some();
  if (!status) close_because(std::move(status).error());
  if (open()) set_interest();
}

Status FrameSocket::receive_some() {
  for (int turn = 0; turn < kReceivesPerTurn && open() && !paused_; ++turn) {
    const MutableBytes space = reader_.space();
    RTT_TRY_SET(os::Received received, os::receive(socket_.get(), space, options_.fds_max));
    if (received.would_block) return {};
    if (received.closed) {
      if (reader_.empty()) return fail(Code::kLost, "the other end closed the connection");
      return fail(Code::kFrame, "bad frame: the other end closed the connection inside a frame");
    }
    const bool with_fds =
        !received.fds.empty();  // the kernel ends a receive behind descriptors: more may wait
    for (os::Fd& fd : received.fds) arrived_.push_back(std::move(fd));
    reader_.filled(received.bytes);
    RTT_TRY(dispatch());
    if (received.bytes < space.size() && !with_fds) return {};
  }
  return {};
}

Status FrameSocket::dispatch() {
  struct Turn {
    FrameSocket& socket;
    explicit Turn(FrameSocket& given) : socket(given) {
      socket.dispatching_ = true;
      socket.hold();
    }
    ~Turn() {
      socket.dispatching_ = false;
      socket.release();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
  } turn(*this);
  while (open()) {
    // Small requests may ask for large replies, and one receive brings thousands of them.
    if (queued_bytes() > options_.queue_bytes_max / 2) {
      RTT_TRY(flush());
      paused_ = queued_bytes() > options_.queue_bytes_max / 2;
      if (paused_) return {};
    }
    RTT_TRY_SET(const std::optional<Frame> frame, reader_.next());
    if (!frame) break;
    RTT_TRY(on_frame_(*frame, arrived_));
  }
  if (!open()) return {};
  // Between two frames none may be left over, inside one at most its own.
  const std::size_t allowed = reader_.empty() ? 0 : static_cast<std::size_t>(options_.fds_max);
  if (arrived_.size() > allowed)
    return fail(Code::kFrame, "bad frame: descriptors came that no frame declares");
  return {};
}

Status FrameSocket::room_for(std::size_t bytes) const {
  const std::size_t queued = queued_bytes();
  if (queued == 0 || (queued < options_.queue_bytes_max && bytes <= options_.queue_bytes_max - queued))
    return {};
  return fail(Code::kBusy, "the other end does not read: its queue is full");
}

Status FrameSocket::send(Header header, std::initializer_list<ByteView> parts, std::vector<os::Fd> fds) {
  if (!open()) return fail(Code::kLost, "the connection is closed");
  if (!fds.empty()) {
    RTT_ASSERT(fds.size() <= static_cast<std::size_t>(limits::kFdsPerFrameMax));
    marks_.push_back({.at = out_position_ + queued_bytes(), .fds = std::move(fds)});
  }
  frames_ = queued_frames() + 1;
  const std::size_t at = out_.size();
  out_.resize(at + kHeaderBytes);
  for (const ByteView part : parts) out_.insert(out_.end(), part.begin(), part.end());
  const auto encoded = encode_header(header, ByteView(out_).subspan(at + kHeaderBytes));
  std::copy(encoded.begin(), encoded.end(), out_.begin() + static_cast<std::ptrdiff_t>(at));
  if (held_ > 0 || writable_wanted_) return {};
  if (Status status = flush(); !status) {
    Error why = std::move(status).error();
    close_because(why);
    return std::unexpected(std::move(why));
  }
  set_interest();
  return {};
}

Status FrameSocket::flush() {
  for (int turn = 0; turn < kSendsPerTurn && queued_bytes() > 0; ++turn) {
    std::size_t length = queued_bytes();
    std::vector<int> fds;
    const bool marked = !marks_.empty() && marks_.front().at == out_position_;
    if (marked) {
      for (const os::Fd& fd : marks_.front().fds) fds.push_back(fd.get());
    }
    const std::size_t next =
        marked ? 1 : 0;  // descriptors ride on the first byte of a send: it ends before the next
    if (marks_.size() > next) length = std::min<std::size_t>(length, marks_[next].at - out_position_);
    RTT_TRY_SET(const os::Sent sent,
                os::send(socket_.get(), ByteView(out_).subspan(out_begin_, length), fds));
    if (sent.would_block) break;
    if (marked) marks_.pop_front();  // the kernel holds copies
    out_begin_ += sent.bytes;
    out_position_ += sent.bytes;
  }
  if (queued_bytes() == 0) {
    out_begin_ = 0;
    out_.clear();
    if (out_.capacity() > kKeptBytes) out_.shrink_to_fit();
  } else if (out_begin_ > out_.size() / 2) {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_begin_));
    out_begin_ = 0;
  }
  writable_wanted_ = queued_bytes() > 0;
  return {};
}

// A pause ends only in on_ready(), which then hands over what was received before it.
void FrameSocket::set_interest() {
  if (queued_bytes() > options_.queue_bytes_max / 2) paused_ = true;
  RTT_ASSERT(!paused_ || writable_wanted_);
  loop_.change(socket_.get(), (paused_ ? 0u : std::uint32_t{os::kReadable}) |
                                  (writable_wanted_ ? std::uint32_t{os::kWritable} : 0u));
}

void FrameSocket::hold() { ++held_; }

void FrameSocket::release() {
  RTT_ASSERT(held_ > 0);
  if (--held_ > 0 || !open() || writable_wanted_ || queued_bytes() == 0) return;
  if (Status status = flush(); !status) return close_because(std::move(status).error());
  set_interest();
}

void FrameSocket::close() {
  if (!open()) return;
  if (queued_bytes() > 0) (void)flush();  // best effort: a last error answer should reach a peer that reads
  loop_.unwatch(socket_.get());
  socket_.reset();
  arrived_.clear();
  marks_.clear();
  out_.clear();
  out_begin_ = 0;
}

void FrameSocket::close_because(Error why) {
  if (!open()) return;
  close();
  loop_.post([weak = weak_from_this(), why = std::move(why)] {
    if (const auto alive = weak.lock()) alive->on_closed_(why);
  });
}

}  // namespace rtt::fabric
