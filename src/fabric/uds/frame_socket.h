// SPDX-License-Identifier: Apache-2.0
// FrameSocket: a unix stream socket on the event loop that sends and receives whole frames, descriptors
// included.
//
// Small frames cost one receive and one send: header and payload leave from one buffer, and what the handler
// sends while a batch of frames is being handed over leaves together after it. What cannot leave at once
// waits in a queue; while that is over half of queue_bytes_max nothing more is read, so a peer that does not
// take its replies cannot make us produce more. Buffers are kept: a small frame allocates nothing once the
// socket has warmed up. Descriptors ride on the first byte of their frame; because the kernel may hand
// several frames over in one receive, the frame itself says how many are its own (on_frame takes them off the
// front of `arrived`).
//
// Owns: the descriptor, the buffers, descriptors that no frame took yet.   Thread: the loop's.
// Units: bytes.
// Fails: on_closed, once, never from inside a call of ours: kLost (the other end closed), kFrame (what it
// sent is no frame; closed inside a frame; descriptors nobody declared), kLimit (too many descriptors),
// whatever on_frame returned. room_for: kBusy. send: kLost.
// Limits: Options; one payload of any size fits an empty queue.
#pragma once

#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "fabric/frame_reader.h"
#include "model/limits.h"
#include "os/fd.h"
#include "os/loop.h"

namespace rtt::fabric {

class FrameSocket : public std::enable_shared_from_this<FrameSocket> {
 public:
  struct Options {
    std::size_t payload_bytes_max = 0;  // of one received frame
    std::size_t queue_bytes_max = limits::kClientQueueBytesMax;
    int fds_max = 0;  // with one frame
  };
  // The frame's payload is valid during the call. An error closes the socket and goes to on_closed.
  using OnFrame = std::function<Status(const Frame& frame, std::vector<os::Fd>& arrived)>;
  using OnClosed = std::function<void(const Error& why)>;

  static Result<std::shared_ptr<FrameSocket>> start(os::Loop& loop, os::Fd socket, Options options,
                                                    OnFrame on_frame, OnClosed on_closed);
  ~FrameSocket();
  FrameSocket(const FrameSocket&) = delete;
  FrameSocket& operator=(const FrameSocket&) = delete;

  // Whether `bytes` more, headers included, may be sent now.
  [[nodiscard]] Status room_for(std::size_t bytes) const;
  // `parts` together are the payload. Fills len and crc. REQUIRES: room_for() said so.
  Status send(Header header, std::initializer_list<ByteView> parts, std::vector<os::Fd> fds = {});
  // What is sent between hold() and the last matching release() leaves together.
  void hold();
  void release();
  void close();  // sends what the kernel takes at once; on_closed is not called
  // Closes and calls on_closed(why) later from the loop.
  void close_because(Error why);

  [[nodiscard]] bool open() const { return socket_.valid(); }
  [[nodiscard]] std::size_t queued_bytes() const { return out_.size() - out_begin_; }
  // Frames sent since nothing waited last: at most so many wait.
  [[nodiscard]] std::size_t queued_frames() const { return queued_bytes() == 0 ? 0 : frames_; }

 private:
  struct Marked {
    std::uint64_t at = 0;  // place in the stream of the byte they ride on
    std::vector<os::Fd> fds;
  };

  FrameSocket(os::Loop& loop, os::Fd socket, Options options, OnFrame on_frame, OnClosed on_closed);
  void on_ready(std::uint32_t ready);
  Status receive_some();
  Status dispatch();
  Status flush();
  void set_interest();

  os::Loop& loop_;
  os::Fd socket_;
  Options options_;
  OnFrame on_frame_;
  OnClosed on_closed_;
  FrameReader reader_;
  std::vector<os::Fd> arrived_;
  Bytes out_;
  std::size_t out_begin_ = 0, frames_ = 0;
  std::uint64_t out_position_ = 0;  // place in the stream of out_[out_begin_]
  std::deque<Marked> marks_;
  int held_ = 0;
  bool dispatching_ = false;
  bool writable_wanted_ = false;
  bool paused_ = false;
};

}  // namespace rtt::fabric
