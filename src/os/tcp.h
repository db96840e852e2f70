// SPDX-License-Identifier: Apache-2.0
// TCP connections to and at numeric addresses. One that is begun does not wait: the descriptor becomes
// writable when the connection stands or has failed. No names are resolved here, as that may block for
// seconds.
//
// Thread: any.   Fails: kBadArgument (no numeric address), kLost (refused, unreachable), kBusy (the port is
// another's), kPermission, kIo, kLimit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/fd.h"

namespace rtt::os {

struct TcpAddress {
  std::string host;  // IPv4 or IPv6 in digits; `localhost` is 127.0.0.1
  std::uint16_t port = 0;
};
[[nodiscard]] bool is_numeric(const std::string& host);
[[nodiscard]] bool is_loopback(const std::string& host);
Result<Fd> begin_connect(const TcpAddress& address);
// Of a descriptor that has become writable.
Status finish_connect(int fd);

class TcpListener {
 public:
  TcpListener() = default;
  static Result<TcpListener> bind(const TcpAddress& address);  // port 0: any free one
  Result<std::optional<Fd>> accept();                          // nothing when none waits
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  Fd fd_;
  std::uint16_t port_ = 0;
};
// Nothing more is written; the peer reads the end after what was written.
void finish_writing(int fd);

}  // namespace rtt::os
