// SPDX-License-Identifier: Apache-2.0
// What `rtt mcp serve` says to the workspace's gateway: a hello, and then it waits for the end.
//
// A gateway that is not there is started: own executable, `driver-host --gateway -C ROOT --ready-fd N`,
// detached, under `sockets/gateway.lock`; it writes one byte to the ready descriptor when it listens.
//
// Owns: one connection for the call.   Thread: blocks the caller.
// Fails: kDriverStart, kNotOwner, kPanelDown, kLost, kIo.   Limits: kGatewayStartMs to start.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "mcp/gateway.h"
#include "registry/workspace.h"
#include "text/json.h"

namespace rtt::mcp {

// What the gateway said before it closed the connection.
struct Ending {
  bool accepted = false;
  std::size_t unknown = 0;  // of the servers asked for, how many are none
  std::optional<int> status;
  std::string error;
};
// Gateways lost one after the other: beyond 20 within a minute it is no accident, and nobody should go on.
class Losses {
 public:
  [[nodiscard]] bool too_many(Instant now);  // counts one more

 private:
  std::vector<Instant> at_;
};
struct GatewayAsk {
  text::Json hello;
  std::vector<int> fds;  // go with it: stdin, stdout, and the files of a handover if there is one
};
using OnAccepted = std::function<void(const text::Json& line)>;
Result<Ending> ask_gateway(const registry::Workspace& workspace, const GatewayAsk& ask,
                           const OnAccepted& on_accepted);
text::Json hello_of(const ClientOptions& client);
std::string reason_of(const Error& why);  // with its causes, place and next command

}  // namespace rtt::mcp
