// SPDX-License-Identifier: Apache-2.0
// serve_http: `rtt mcp serve --http ADDRESS:PORT`, which has the workspace's gateway listen while it runs.
//
// The gateway is told the address, who may ask, and the SHA-256 of the token, never the token. The token is
// made once a workspace, as `http/<id>.token` (0600) below this user's RTT folder, and stays the same, so
// that what clients are configured with does. When this process ends, so do the listener and its sessions.
// Should the gateway be killed, another one listens at the same address: sessions are unknown to it, which
// clients hear as 404 and begin new ones, as the protocol has it.
//
// Owns: nothing.   Thread: blocks the caller.
// Fails: returns the exit status: 2 bad options, 75 the gateway was lost, 1 otherwise; the reason is on
// stderr.
#pragma once

#include <string_view>

#include "mcp/clients/serve.h"
#include "os/tcp.h"
#include "registry/workspace.h"

namespace rtt::mcp {

inline constexpr std::size_t kHttpTokenBytesMin = 16;

int serve_http(const ServeOptions& options, const Result<registry::Workspace>& workspace);
// `PORT`, `ADDRESS:PORT`, `[IPv6]:PORT`; localhost is 127.0.0.1.   Fails: kBadArgument.
Result<os::TcpAddress> parse_listen_address(std::string_view text);

}  // namespace rtt::mcp
