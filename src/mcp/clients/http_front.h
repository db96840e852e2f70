// SPDX-License-Identifier: Apache-2.0
// HttpFront: the gateway as an MCP server over streamable HTTP, in both eras of the protocol.
//
// POST brings one message, GET opens the stream of what belongs to no request, DELETE ends the session. A
// request that initializes gets a session of its own, named by 128 random bits. Who may ask is http_gate.h's;
// which exchange carries what is http_streams.h's; this file only wires them to sockets.
//
// A modern request needs no session, but the server behind it may: one that runs for each client, a call that
// waits for input. One modern client is whoever gives the same clientInfo, from the same page (Origin) and by
// the same URL, with what stands behind `?` in it. A connection would be too little (clients open several,
// and the protocol forbids to take one for a conversation); clients of one name that must not share a
// server's state are told apart by their URLs, /mcp?work and /mcp?home.
//
// Owns: the listening socket, the connections; the gateway owns the sessions.   Thread: the loop's.
// Fails: open: kBusy (the port is taken), kBadArgument, kPermission, kIo.
// Limits: kHttpConnectionsMax connections, kClientsMax sessions and modern clients; those of a connection and
// a session.
#pragma once

#include <memory>
#include <string>

#include "mcp/clients/http_gate.h"
#include "mcp/gateway.h"
#include "os/tcp.h"

namespace rtt::mcp {

inline constexpr std::size_t kHttpConnectionsMax = 1024;

struct HttpFrontOptions {
  os::TcpAddress address;
  HttpPolicy policy;
  ClientOptions client;  // of every session
};

class HttpFront {
 public:
  // `gateway` and `loop` outlive it.
  static Result<std::unique_ptr<HttpFront>> open(os::Loop& loop, Gateway& gateway, HttpFrontOptions options);
  ~HttpFront();  // ends its sessions

  [[nodiscard]] const std::string& url() const;

 private:
  HttpFront();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::mcp
