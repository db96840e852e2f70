// SPDX-License-Identifier: Apache-2.0
#include "os/unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "os/clock.h"
#include "os/file.h"

namespace rtt::os {
namespace {

constexpr int kBacklog = 128;
constexpr std::int64_t kConnectSecondsMax =
    5;  // a live listener accepts sooner; a stopped one must not hang us

struct Address {
  sockaddr_un address{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

Result<Address> address_of(const Fd& directory, const std::string& name, const std::string& path) {
  Address out;
  out.address.sun_family = AF_UNIX;
  const int length = std::snprintf(out.address.sun_path, sizeof out.address.sun_path, "/proc/self/fd/%d/%s",
                                   directory.get(), name.c_str());
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof out.address.sun_path) {
    return fail(Code::kTooLarge, "the socket name " + name + " is too long", path);
  }
  out.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path)) + static_cast<socklen_t>(length) + 1;
  return out;
}

Result<Fd> stream_socket(int flags) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd.valid()) return std::unexpected(last_error("cannot create a socket"));
  return fd;
}

// Makes room for a new socket: only one that nobody listens on any more may go.
Status clear_place(const Fd& directory, const Address& address, const std::string& name,
                   const std::string& path) {
  struct stat info{};
  if (::fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return std::unexpected(last_error("cannot look at " + path).at(path));
  }
  if (!S_ISSOCK(info.st_mode)) return fail(Code::kNotRegular, path + " is in the way: not a socket", path);
  RTT_TRY_SET(const Fd probe, stream_socket(SOCK_NONBLOCK));
  const bool connected = ::connect(probe.get(), address.get(), address.length) == 0;
  if (connected || errno == EAGAIN || errno == EINPROGRESS) {
    return fail(Code::kBusy, "another process listens on " + path, path);
  }
  if (errno != ECONNREFUSED) return std::unexpected(last_error("cannot replace the socket " + path).at(path));
  if (::unlinkat(directory.get(), name.c_str(), 0) != 0) {
    return std::unexpected(last_error("cannot remove the dead socket " + path).at(path));
  }
  return {};
}

std::vector<Fd> descriptors_in(msghdr& message) {
  std::vector<Fd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t bytes = part->cmsg_len - CMSG_LEN(0);
    for (std::size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(part) + at, sizeof number);
      fds.emplace_back(number);
    }
  }
  return fds;
}

// Waits for one direction until `deadline` (no value: for ever).
Status wait_for(int fd, short events, const std::optional<Instant>& deadline) {
  for (;;) {
    int wait_ms = -1;
    if (deadline) {
      const std::int64_t left_ns = std::max<std::int64_t>((*deadline - now()).value, 0);
      wait_ms = static_cast<int>(std::min<std::int64_t>((left_ns + 999'999) / 1'000'000, 1'000'000'000));
    }
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, wait_ms);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return std::unexpected(last_error("cannot wait for a socket"));
    if (deadline && now() >= *deadline) return fail(Code::kDeadline, "the other end did not answer in time");
  }
}

std::optional<Instant> deadline_after(std::int64_t deadline_ms) {
  if (deadline_ms < 0) return std::nullopt;
  return now() + nanos_from_ms(deadline_ms);
}

}  // namespace

Result<UnixListener> UnixListener::bind(const std::string& directory, const std::string& name) {
  const std::string path = directory + "/" + name;
  RTT_TRY(make_directories(directory, 0700));
  const Fd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid())
    return std::unexpected(last_error("cannot open the folder " + directory).at(directory));
  struct stat info{};
  if (::fstat(folder.get(), &info) != 0) return std::unexpected(last_error("cannot look at " + directory));
  if (info.st_uid != ::geteuid()) {
    return fail(Code::kNotOwner, "the folder of the socket belongs to another user", directory);
  }
  if ((info.st_mode & 0077U) != 0) {
    return fail(Code::kPermission, "others may enter the folder of the socket", directory,
                "chmod 700 " + directory);
  }
  RTT_TRY_SET(const Address address, address_of(folder, name, path));
  // The folder itself is the lock under which a dead socket is told from a live one and replaced: two
  // starters that both see the dead one must not remove each other's new one. The kernel lets go when
  // `folder` closes.
  while (::flock(folder.get(), LOCK_EX) != 0) {
    if (errno != EINTR)
      return std::unexpected(last_error("cannot lock the folder " + directory).at(directory));
  }
  RTT_TRY(clear_place(folder, address, name, path));
  UnixListener listener;
  RTT_TRY_SET(listener.fd_, stream_socket(SOCK_NONBLOCK));  // ours alone: accept() must not block
  if (::bind(listener.fd_.get(), address.get(), address.length) != 0) {
    return std::unexpected(last_error("cannot bind " + path).at(path));
  }
  if (::fchmodat(folder.get(), name.c_str(), 0600, 0) != 0 || ::listen(listener.fd_.get(), kBacklog) != 0) {
    return std::unexpected(last_error("cannot listen on " + path).at(path));
  }
  return listener;
}

UnixListener UnixListener::of(Fd listening) {
  UnixListener listener;
  listener.fd_ = std::move(listening);
  return listener;
}

Result<std::optional<Fd>> UnixListener::accept() {
  for (;;) {
    Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.valid()) return std::optional<Fd>(std::move(fd));
    if (errno == EAGAIN) return std::optional<Fd>();
    if (errno != EINTR && errno != ECONNABORTED)
      return std::unexpected(last_error("cannot accept a connection"));
  }
}

Result<Fd> connect_unix(const std::string& directory, const std::string& name) {
  const std::string path = directory + "/" + name;
  const Fd folder(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) {
    if (errno == ENOENT) return fail(Code::kPanelDown, "nobody listens on " + path, path);
    return std::unexpected(last_error("cannot open the folder " + directory).at(directory));
  }
  RTT_TRY_SET(const Address address, address_of(folder, name, path));
  RTT_TRY_SET(Fd fd, stream_socket(0));
  // connect() on a unix socket waits for room in the backlog as long as a send may wait.
  timeval limit{.tv_sec = kConnectSecondsMax, .tv_usec = 0};
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  while (::connect(fd.get(), address.get(), address.length) != 0) {
    if (errno == EINTR) continue;
    if (errno == ENOENT || errno == ECONNREFUSED)
      return fail(Code::kPanelDown, "nobody listens on " + path, path);
    if (errno == EAGAIN) return fail(Code::kPanelDown, path + " accepts no connections", path);
    return std::unexpected(last_error("cannot connect to " + path).at(path));
  }
  limit = {};
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return fd;
}

Result<std::pair<Fd, Fd>> socket_pair() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return std::unexpected(last_error("cannot create a socket pair"));
  }
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Result<PeerIdentity> peer_identity(int fd) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return std::unexpected(last_error("cannot tell who is at the other end"));
  }
  return PeerIdentity{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
}

namespace {

Result<Received> receive_with(int fd, MutableBytes into, int fds_max, int flags) {
  RTT_ASSERT(fds_max >= 0 && fds_max <= kFdsPerMessageMax);
  RTT_ASSERT(!into.empty());
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kFdsPerMessageMax)> control{};
  iovec part{.iov_base = into.data(), .iov_len = into.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fds_max > 0) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_LEN(sizeof(int) * static_cast<std::size_t>(fds_max));
  }
  ssize_t got = 0;
  do {
    got = ::recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  Received received;
  if (got < 0) {
    if (errno == EAGAIN) {
      received.would_block = true;
    } else if (errno == ECONNRESET) {
      received.closed = true;
    } else {
      return std::unexpected(last_error("cannot receive"));
    }
    return received;
  }
  received.fds = descriptors_in(message);  // owned before anything else can fail
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    return fail(Code::kLimit, "the other end passed more descriptors than the " + std::to_string(fds_max) +
                                  " allowed here");
  }
  received.bytes = static_cast<std::size_t>(got);
  received.closed = got == 0;
  return received;
}

}  // namespace

Result<Received> receive(int fd, MutableBytes into, int fds_max) {
  return receive_with(fd, into, fds_max, MSG_DONTWAIT);
}

Result<Received> receive_blocking(int fd, MutableBytes into, int fds_max) {
  return receive_with(fd, into, fds_max, 0);
}

Status limit_receives(int fd, std::int64_t limit_ms) {
  RTT_ASSERT(limit_ms != 0);  // the kernel takes 0 for no limit
  timeval limit{};
  if (limit_ms > 0) limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0) return {};
  return std::unexpected(last_error("cannot limit how long a socket waits"));
}

Result<Sent> send(int fd, ByteView bytes, const std::vector<int>& fds) {
  RTT_ASSERT(fds.size() <= static_cast<std::size_t>(kFdsPerMessageMax));
  RTT_ASSERT(fds.empty() || !bytes.empty());  // on a stream, descriptors travel with a byte
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kFdsPerMessageMax)> control{};
  iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return Sent{.bytes = static_cast<std::size_t>(sent), .would_block = false};
  if (errno == EAGAIN) return Sent{.bytes = 0, .would_block = true};
  if (errno == EPIPE || errno == ECONNRESET) return fail(Code::kLost, "the other end closed the connection");
  return std::unexpected(last_error("cannot send"));
}

Status send_all(int fd, ByteView bytes, const std::vector<int>& fds, std::int64_t deadline_ms) {
  const std::optional<Instant> deadline = deadline_after(deadline_ms);
  std::vector<int> pending = fds;
  while (!bytes.empty()) {
    RTT_TRY_SET(const Sent sent, send(fd, bytes, pending));
    if (sent.would_block) {
      RTT_TRY(wait_for(fd, POLLOUT, deadline));
      continue;
    }
    pending.clear();
    bytes = bytes.subspan(sent.bytes);
  }
  return {};
}

Result<Received> receive_wait(int fd, MutableBytes into, int fds_max, std::int64_t deadline_ms) {
  const std::optional<Instant> deadline = deadline_after(deadline_ms);
  for (;;) {
    RTT_TRY_SET(Received received, receive(fd, into, fds_max));
    if (!received.would_block) return received;
    RTT_TRY(wait_for(fd, POLLIN, deadline));
  }
}

}  // namespace rtt::os
