// SPDX-License-Identifier: Apache-2.0
// log_in: a person's login for one server, with a browser, from beginning to end.
//
// Blocks on a loop of its own until the browser has come back to 127.0.0.1, the deadline, or a refusal. What
// comes to that port without the state of this login is turned away and changes nothing.
//
// Owns: for the call, the port and the connections.   Thread: one.
// Fails: as LoginFlow; kDeadline, kIo.
// Limits: kBackRequestBytesMax a request to the port, kBackConnectionsMax at once, kTokenAnswerBytesMax an
// answer, kTokenAnswerMs for one.
#pragma once

#include <functional>
#include <string>

#include "mcp/auth/login_value.h"
#include "mcp/backends/launch.h"

namespace rtt::mcp {

inline constexpr std::size_t kBackRequestBytesMax = std::size_t{16} << 10;
inline constexpr std::size_t kBackConnectionsMax = 16;

struct LoginRequest {
  std::string server;
  Endpoint endpoint;
  std::string user_dir;
  std::string scope{}, client_id{}, client_secret{};
  std::int64_t deadline_ms = 300'000;
  std::function<void(const std::string& url, const std::string& issuer)> open;  // shows the browser its way
};
Result<Login> log_in(LoginRequest request);  // the login is stored

}  // namespace rtt::mcp
