// SPDX-License-Identifier: Apache-2.0
// BackendTransport: how one session's messages reach its server, and how the server's come back.
//
// A transport carries whole JSON-RPC messages and knows no method: what a message is for, which era it is of
// and what its headers say is the session's business (backend_session.h). One transport serves one session;
// after its end a new one is made.
//
// Owns: what connects to the server: a child with its pipes, or HTTP connections.   Thread: the loop's.
// Fails: start() (kServerStart, kSecretMissing); later the session ends once, by on_transport_ended.
// Limits: kMcpLineBytesMax a message in, kClientQueueBytesMax kept to be sent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mcp/backends/backend_session.h"
#include "mcp/backends/launch.h"
#include "mcp/backends/server_record.h"
#include "mcp/wire/line_stream.h"
#include "mcp/wire/write_batch.h"
#include "os/loop.h"

namespace rtt::mcp {

// Called from the loop, never from inside a call of the transport's.
class TransportEvents {
 public:
  virtual ~TransportEvents() = default;
  virtual void on_transport_message(const LineStream::Item& message) = 0;  // views live for the call
  // The next two come from HTTP servers only; a pipe has one answer to everything, its end.
  virtual void on_transport_unanswered(RequestKey /*request*/, const Error& /*why*/) {}
  // The server has forgotten the session; `request` is one it did not take because of that.
  virtual void on_transport_expired(std::optional<RequestKey> /*request*/) {}
  // The session is over. kServerGone: it ended by itself; `why` says how, after the server's name.
  virtual void on_transport_ended(Error why) = 0;
};

class BackendTransport {
 public:
  virtual ~BackendTransport() = default;  // at once, whatever is under way

  virtual Status start() = 0;
  virtual void send(std::string_view line, const MessageHeaders& headers) = 0;
  // The server has let us in: `headers` go with every message that has none of its own.
  virtual void joined(const MessageHeaders& /*headers*/) {}
  virtual void forget(RequestKey /*request*/) {}  // nobody waits for its answer any more
  [[nodiscard]] virtual std::size_t bytes_waiting() const = 0;
  // No more events: lets the server go in its own time, and says when it has gone (later, from the loop).
  virtual void leave(std::function<void()> gone) = 0;
  [[nodiscard]] virtual bool may_expire() const { return false; }  // on_transport_expired can come
  [[nodiscard]] virtual int pid() const { return 0; }              // 0: no process of ours
};

// Where a transport begins; what is referred to outlives it.
struct TransportStart {
  os::Loop& loop;
  const registry::Workspace& workspace;
  const SecretValues& fresh;
  std::shared_ptr<ServerRecord> record;
  TransportEvents& events;
  WriteBatch* batch = nullptr;
  std::optional<Digest> code{};          // of what it runs, where that is known
  const Surroundings* client = nullptr;  // whose instance it is; nullptr: nobody's alone
};
// Resolves the secrets it needs, which the record then keeps out of the log.
Result<std::unique_ptr<BackendTransport>> make_transport(const ServerConfig& config,
                                                         const TransportStart& start);

}  // namespace rtt::mcp
