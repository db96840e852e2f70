// SPDX-License-Identifier: Apache-2.0
#include "os/pipe.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace rtt::os {
namespace {

bool is_regular(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

// What poll() says at this moment. A hang-up or an error counts as ready: the call that follows will say
// which.
Result<bool> ready_now(int fd, short events) {
  pollfd entry{.fd = fd, .events = events, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&entry, 1, 0);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return std::unexpected(last_error("cannot poll a descriptor"));
  return ready > 0;
}

bool unsupported(int number) { return number == EOPNOTSUPP || number == EINVAL || number == ENOSYS; }

Result<Received> read_result(ssize_t got) {
  Received received;
  if (got >= 0) {
    received.bytes = static_cast<std::size_t>(got);
    received.closed = got == 0;
  } else if (errno == EAGAIN || errno == EINTR) {
    received.would_block = true;
  } else if (errno == EIO || errno == ECONNRESET) {
    received.closed = true;  // a terminal whose master is gone, or a peer that left unread bytes behind
  } else {
    return std::unexpected(last_error("cannot read"));
  }
  return received;
}

Result<Sent> write_result(ssize_t wrote) {
  if (wrote >= 0) return Sent{.bytes = static_cast<std::size_t>(wrote), .would_block = false};
  if (errno == EAGAIN || errno == EINTR) return Sent{.bytes = 0, .would_block = true};
  if (errno == EPIPE || errno == ECONNRESET) return fail(Code::kLost, "the other end reads no more");
  return std::unexpected(last_error("cannot write"));
}

}  // namespace

Result<std::pair<Fd, Fd>> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(last_error("cannot create a pipe"));
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Result<Received> read_nowait(int fd, MutableBytes into) {
  RTT_ASSERT(!into.empty());
  const iovec part{.iov_base = into.data(), .iov_len = into.size()};
  const ssize_t got = ::preadv2(fd, &part, 1, -1, RWF_NOWAIT);
  if (got >= 0) return read_result(got);
  if (errno == EAGAIN) {
    // A file that is not in the page cache also says EAGAIN, and no poll would ever report that it has
    // arrived.
    if (!is_regular(fd)) return Received{.would_block = true};
  } else if (!unsupported(errno)) {
    return read_result(got);
  } else {
    RTT_TRY_SET(const bool ready, ready_now(fd, POLLIN));
    if (!ready) return Received{.would_block = true};
  }
  return read_result(::read(fd, into.data(), into.size()));
}

Result<Sent> write_nowait(int fd, ByteView bytes) {
  if (bytes.empty()) return Sent{};
  const iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  const ssize_t wrote = ::pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
  if (wrote >= 0 || (errno != EAGAIN && !unsupported(errno))) return write_result(wrote);
  // A file may say EAGAIN for reasons that no poll would ever report as gone.
  if (is_regular(fd)) return write_result(::write(fd, bytes.data(), bytes.size()));
  if (errno == EAGAIN) return Sent{.bytes = 0, .would_block = true};
  const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0 || errno != ENOTSOCK) return write_result(sent);
  RTT_TRY_SET(const bool ready, ready_now(fd, POLLOUT));
  if (!ready) return Sent{.bytes = 0, .would_block = true};
  return write_result(::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF)));
}

}  // namespace rtt::os
