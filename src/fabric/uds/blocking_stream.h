// SPDX-License-Identifier: Apache-2.0
// BlockingStream: whole frames over a unix stream socket for one caller that waits, with a deadline.
//
// A send is one call into the kernel and so is a receive: the wait's limit is a property of the socket, set
// again only when the deadline changes (asking poll first would cost two more calls a round trip).
//
// Owns: the socket, its buffer, descriptors that no frame took yet.   Thread: one.   Units: milliseconds.
// Fails: kDeadline; kLost (the other end closed), kFrame, kLimit: the socket is then closed and stays so; a
// send that stops half way closes it too.   Limits: Options.
#pragma once

#include <vector>

#include "base/units.h"
#include "fabric/frame_reader.h"
#include "os/fd.h"

namespace rtt::fabric {

struct Deadline {
  Instant start;
  std::int64_t ms = -1;  // from start; < 0 = none
};
Deadline deadline_in(std::int64_t ms);

class BlockingStream {
 public:
  struct Options {
    std::size_t payload_bytes_max = 0;
    int fds_max = 0;
  };
  BlockingStream(os::Fd socket, Options options);

  Status send(ByteView frames, const std::vector<int>& fds, const Deadline& deadline);
  Result<Frame> next(const Deadline& deadline);  // its payload is valid until the next call
  std::vector<os::Fd> take_fds(
      std::size_t count);  // the first that came; kept ones beyond fds_max are kFrame
  void close() { socket_.reset(); }
  [[nodiscard]] bool open() const { return socket_.valid(); }
  [[nodiscard]] std::size_t fds_arrived() const { return arrived_.size(); }

 private:
  Status receive(const Deadline& deadline);

  os::Fd socket_;
  Options options_;
  FrameReader reader_;
  std::vector<os::Fd> arrived_;
  std::int64_t limit_ms_ = -1;  // as set on the socket
};

}  // namespace rtt::fabric
