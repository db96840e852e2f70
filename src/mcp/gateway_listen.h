// SPDX-License-Identifier: Apache-2.0
// GatewayListener: the door at `.rtt/sockets/gateway.sock` where `rtt mcp serve` hands over an AI client.
//
// One connection a client. It sends one JSON line {"hello":"rtt-gateway/1","servers":[…],"as":"…"}, with
// "env" and "cwd" (surroundings.h) unless it is an older rtt, whose first byte carries the client's stdin and
// stdout (SCM_RIGHTS) and, if the session can be handed over, the two files of os/handover.h, and gets
// {"status":N} when the session is over. A hello with
// "http":{"host","port","beyond","origins":[…],"token":"sha256-…"} brings no descriptors and no surroundings:
// the gateway listens there and answers with "url", until the connection closes.
//
// Owns: the listening socket, connections that have not said hello, HTTP fronts.   Thread: the loop's.
// Fails: start: kBusy (a gateway listens already), kIo; a connection with a bad hello is closed.
// Limits: kClientsMax connections, kHttpFrontsMax fronts, kHelloBytesMax a hello, kHelloMs to say it.
#pragma once

#include <memory>

#include "mcp/gateway.h"

namespace rtt::mcp {

inline constexpr std::string_view kGatewaySocket = "gateway.sock";
inline constexpr std::string_view kGatewayHello = "rtt-gateway/1";
inline constexpr std::size_t kHelloBytesMax = kSurroundingsBytesMax + std::size_t{16} * 1024;
inline constexpr std::int64_t kHelloMs = 5000;
inline constexpr std::size_t kHttpFrontsMax = 16;

class GatewayListener {
 public:
  static Result<std::unique_ptr<GatewayListener>> start(os::Loop& loop, Gateway& gateway,
                                                        const std::string& sockets_dir);
  ~GatewayListener();
  [[nodiscard]] bool has_fronts() const;

 private:
  GatewayListener();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::mcp
