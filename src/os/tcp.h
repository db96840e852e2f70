// SPDX-License-Identifier: Apache-2.0
// TCP connections to numeric addresses, begun without waiting: the descriptor becomes writable when the
// connection stands or has failed. No names are resolved here, as that may block for seconds.
//
// Thread: any.   Fails: kBadArgument (no numeric address), kLost (refused, unreachable), kIo, kLimit.
#pragma once

#include <cstdint>
#include <string>

#include "os/fd.h"

namespace rtt::os {

struct TcpAddress {
  std::string host;  // IPv4 or IPv6 in digits; `localhost` is 127.0.0.1
  std::uint16_t port = 0;
};
[[nodiscard]] bool is_loopback(const std::string& host);
Result<Fd> begin_connect(const TcpAddress& address);
// Of a descriptor that has become writable.
Status finish_connect(int fd);

}  // namespace rtt::os
