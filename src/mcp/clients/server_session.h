// SPDX-License-Identifier: Apache-2.0
// ServerSession: RTT as the MCP server of one AI client, as a step machine.
//
// Lines of the client and answers of servers are events; lines to write, calls to forward and calls to
// withdraw are actions. Lists are answered from the catalog without asking any server. Results pass through
// byte for byte; ids, strings or numbers, are echoed as they were written; progress tokens are put back as
// the client chose them. What RTT does not know is passed on where one server is served, so that extensions
// work; what servers ask the client goes to it under ids of RTT's.
//
// Owns: the client's requests under way.   Thread: one (pure).
// Fails: never; bad input is answered with a JSON-RPC error (-32700, -32600, -32601, -32602, -32002, -32010,
// -32011). Limits: kMcpInFlightMax requests under way each way.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/flat_map.h"
#include "mcp/backends/backend_session.h"
#include "mcp/clients/catalog.h"

namespace rtt::mcp {

using CallKey = std::uint64_t;  // a client's request that was forwarded

namespace emit {
struct Send {  // the answer to the message at hand: write this line (newline included) to the client
  std::string line;
};
struct Identify {  // the client said who it is; answer with identified()
  std::string name, version;
  std::string capabilities;  // raw, an object
};
struct Forward {  // ask a server; answer with on_reply() or on_failure()
  CallKey key = 0;
  std::string ns;
  ItemKind kind = ItemKind::kTool;
  std::string item;     // its key on that server; empty for a resource no list names
  std::string address;  // of the provider
  std::string method;
  std::string params;  // raw
  std::shared_ptr<const ToolGuard> guard{};
};
struct Withdraw {  // the client wants no answer any more
  CallKey key = 0;
  std::string reason;
};
struct Answered {  // the client's word on a request of a server (ask()); raw, valid as long as the line
  CallKey key = 0;
  act::Reply::Kind kind = act::Reply::Kind::kResult;
  std::string_view payload;
};
struct AskProgress {
  CallKey key = 0;
  std::string_view params;
};
struct Tell {  // a notification for the client's servers
  std::string method;
  std::string_view params;
};
struct SetLevel {  // of the log messages the client wants
  std::string level;
};
}  // namespace emit
using ClientAction = std::variant<emit::Send, emit::Identify, emit::Forward, emit::Withdraw, emit::Answered,
                                  emit::AskProgress, emit::Tell, emit::SetLevel>;
using ClientActions = std::vector<ClientAction>;

struct ClientCounters {
  std::uint64_t requests = 0, junk_lines = 0;
};

class ServerSession {
 public:
  ClientActions on_line(std::string_view line) { return on_message(classify(line)); }
  ClientActions on_message(const Message& message);
  ClientActions on_overlong(std::size_t byte_count);
  // Answers the initialize under way. REQUIRES: an Identify that was not answered yet.
  ClientActions identified(std::shared_ptr<const Catalog> catalog);
  // The accepted servers or the policy changed: lines that tell the client if what it sees did.
  std::vector<std::string> on_catalog(std::shared_ptr<const Catalog> catalog);

  // Lines for the client; empty if the call was withdrawn meanwhile.
  std::string on_reply(CallKey key, act::Reply::Kind kind, std::string_view payload);
  std::string on_failure(CallKey key, const Error& why);
  [[nodiscard]] std::string on_progress(CallKey key, std::string_view params) const;
  // What a server asks the client. `key` is the caller's choice, new each time; Answered brings it back.
  std::string ask(CallKey key, std::string_view method, std::string_view params);
  std::string ask_withdrawn(CallKey key, std::string_view params);  // empty: it was answered
  // A notification of a server, if this client wants it: log messages below its level it does not.
  [[nodiscard]] std::string on_notice(std::string_view method, std::string_view params) const;

  [[nodiscard]] bool is_identified() const { return catalog_ != nullptr; }
  [[nodiscard]] std::size_t in_flight() const { return calls_.size(); }
  [[nodiscard]] const std::string& protocol() const { return protocol_; }
  [[nodiscard]] const ClientCounters& counters() const { return counters_; }

 private:
  struct Call {
    std::string id;     // raw
    std::string token;  // raw progressToken; empty if none
  };

  void on_request(ClientActions& out, const Message& message);
  void on_cancelled(ClientActions& out, std::string_view params);
  void initialize(ClientActions& out, const Message& message);
  void list(ClientActions& out, const Message& message, const std::string& result) const;
  void call_tool(ClientActions& out, const Message& message);
  void call_meta(ClientActions& out, const Message& message, std::string_view name);
  void call_item(ClientActions& out, const Message& message, ItemKind kind);
  void read_resource(ClientActions& out, const Message& message);
  void complete(ClientActions& out, const Message& message);
  void set_level(ClientActions& out, const Message& message);
  void pass_on(ClientActions& out, const Message& message);
  void on_notification(ClientActions& out, const Message& message);
  void on_answer(ClientActions& out, const Message& message);
  void forward(ClientActions& out, const Message& message, emit::Forward forward);
  void refuse_unknown_tool(ClientActions& out, const Message& message, std::string_view name) const;

  std::shared_ptr<const Catalog> catalog_;
  std::string protocol_;
  std::string initialize_id_;  // raw; set while Identify is not answered
  CallKey next_key_ = 1;
  FlatMap<CallKey, Call> calls_;
  FlatMap<CallKey, bool> asks_;  // of servers, not answered yet
  int level_ = 0;                // of log messages, as kLogLevels
  ClientCounters counters_;
};

// RTT's own error as a JSON-RPC error object: message with the next command, data {"code":"RTT0412",…}.
std::string rpc_error_of(const Error& why);

}  // namespace rtt::mcp
