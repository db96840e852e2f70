// SPDX-License-Identifier: Apache-2.0
#include "os/tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace rtt::os {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
  bool loopback = false;
};

std::optional<Address> parse(const std::string& host, std::uint16_t port) {
  Address out;
  const std::string digits = host == "localhost" ? "127.0.0.1" : host;
  sockaddr_in four{};
  sockaddr_in6 six{};
  if (::inet_pton(AF_INET, digits.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    out.loopback = (ntohl(four.sin_addr.s_addr) >> 24U) == 127U;
    std::memcpy(&out.storage, &four, sizeof four);
    out.bytes = sizeof four;
    return out;
  }
  if (::inet_pton(AF_INET6, digits.c_str(), &six.sin6_addr) != 1) return std::nullopt;
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  out.loopback = std::memcmp(&six.sin6_addr, &in6addr_loopback, sizeof in6addr_loopback) == 0;
  std::memcpy(&out.storage, &six, sizeof six);
  out.bytes = sizeof six;
  return out;
}

Error refused(int number) {
  Error error = error_of(number, "cannot connect");
  if (number == ECONNREFUSED || number == EHOSTUNREACH || number == ENETUNREACH || number == ETIMEDOUT) {
    error.code = Code::kLost;
  }
  return error;
}

}  // namespace

bool is_numeric(const std::string& host) { return parse(host, 0).has_value(); }

bool is_loopback(const std::string& host) {
  const auto address = parse(host, 0);
  return address && address->loopback;
}

Result<Fd> begin_connect(const TcpAddress& to) {
  const auto address = parse(to.host, to.port);
  if (!address) return fail(Code::kBadArgument, to.host + " is no numeric address");
  Fd fd(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return std::unexpected(last_error("cannot make a socket"));
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* const where = static_cast<const sockaddr*>(static_cast<const void*>(&address->storage));
  if (::connect(fd.get(), where, address->bytes) == 0 || errno == EINPROGRESS) return fd;
  return std::unexpected(refused(errno));
}

Status finish_connect(int fd) {
  int number = 0;
  socklen_t bytes = sizeof number;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &bytes) != 0)
    return std::unexpected(last_error("cannot connect"));
  if (number != 0) return std::unexpected(refused(number));
  return {};
}

Result<TcpListener> TcpListener::bind(const TcpAddress& at) {
  auto address = parse(at.host, at.port);
  if (!address) {
    return fail(Code::kBadArgument, at.host + " is no numeric address", {}, "127.0.0.1:PORT, or [::1]:PORT");
  }
  TcpListener out;
  out.fd_ = Fd(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.fd_.valid()) return std::unexpected(last_error("cannot make a socket"));
  const int on = 1;
  ::setsockopt(out.fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto* const where = static_cast<sockaddr*>(static_cast<void*>(&address->storage));
  if (::bind(out.fd_.get(), where, address->bytes) != 0 || ::listen(out.fd_.get(), SOMAXCONN) != 0) {
    const std::string place = at.host + ":" + std::to_string(at.port);
    if (errno == EADDRINUSE)
      return fail(Code::kBusy, "another program listens at " + place, {}, "another port");
    return std::unexpected(last_error("cannot listen at " + place));
  }
  if (::getsockname(out.fd_.get(), where, &address->bytes) != 0)
    return std::unexpected(last_error("cannot tell the port"));
  out.port_ = ntohs(address->storage.ss_family == AF_INET
                        ? static_cast<sockaddr_in*>(static_cast<void*>(where))->sin_port
                        : static_cast<sockaddr_in6*>(static_cast<void*>(where))->sin6_port);
  return out;
}

Result<std::optional<Fd>> TcpListener::accept() {
  Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd.valid()) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return std::optional<Fd>(std::move(fd));
  }
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return std::optional<Fd>();
  return std::unexpected(last_error("cannot accept a connection"));
}

void finish_writing(int fd) { (void)::shutdown(fd, SHUT_WR); }  // one that is gone needs it no more

}  // namespace rtt::os
