// SPDX-License-Identifier: Apache-2.0
// ServerSession: RTT as the MCP server of one AI client, as a step machine.
//
// Lines of the client and answers of servers are events; lines to write, calls to forward and calls to
// withdraw are actions. Lists are answered from the catalog without asking any server. Results pass through
// byte for byte; ids, strings or numbers, are echoed as they were written; progress tokens are put back as
// the client chose them. What RTT does not know is passed on where one server is served, so that extensions
// work; what servers ask the client goes to it under ids of RTT's.
//
// Both eras of the protocol are spoken at once, each request in its own: one that names its revision in
// `_meta` is modern and stands for itself, initialize opens the legacy session for all that name none. The
// routes to servers (session_routes.cc) are common; era_legacy.cc and era_modern.cc are what each era alone
// has. A modern client is asked nothing: a call whose server asks is parked (parked_calls.h).
//
// Owns: the client's requests under way.   Thread: one (pure).
// Fails: never; bad input is answered with a JSON-RPC error (-32700, -32600, -32601, -32602, -32002, -32010,
// -32011, -32022). Limits: kMcpInFlightMax requests under way each way, kListensMax, kListenUrisMax.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "mcp/clients/catalog.h"
#include "mcp/clients/client_actions.h"
#include "mcp/clients/parked_calls.h"
#include "mcp/wire/era.h"

namespace rtt::mcp {

inline constexpr std::size_t kListensMax = 64;         // subscriptions/listen of one client
inline constexpr std::size_t kListenUrisMax = 10'000;  // in all of them

struct ClientCounters {
  std::uint64_t requests = 0, junk_lines = 0;
};

class ServerSession {
 public:
  // `seal_key`: of this session alone, 32 random bytes.
  explicit ServerSession(std::string seal_key) : parked_(std::move(seal_key)) {}

  ClientActions on_line(std::string_view line, Instant now = {}) { return on_message(classify(line), now); }
  ClientActions on_message(const Message& message, Instant now);
  ClientActions on_overlong(std::size_t byte_count, std::string_view id);  // raw; empty: it cannot be told
  ClientActions introduce(const RequestMeta& meta);                        // who asks, before it asks
  // Answers the request under way, if there is one. REQUIRES: an Identify that was not answered yet.
  ClientActions identified(std::shared_ptr<const Catalog> catalog, Instant now = {});
  // The accepted servers or the policy changed: lines that tell the client if what it sees did.
  ClientActions on_catalog(std::shared_ptr<const Catalog> catalog);
  // A predecessor served the client these: it is told what is other by now.
  ClientActions on_known(const CatalogDigests& known);
  // The client has closed what this request's answer would have gone to.
  ClientActions abandoned(CallKey key);
  ClientActions end_listens();  // the session ends: they are told

  // Lines for the client; empty if the call was withdrawn meanwhile, or waits for the client.
  std::string on_reply(CallKey key, act::Reply::Kind kind, std::string_view payload);
  std::string on_failure(CallKey key, const Error& why);
  [[nodiscard]] std::string on_progress(CallKey key, std::string_view params) const;
  // What a server asks the client, if known for which call. `ask` is the caller's choice, new each time;
  // Answered brings it back.
  ClientActions ask(CallKey ask, CallKey call, std::string_view method, std::string_view params, Instant now);
  ClientActions ask_withdrawn(CallKey ask, std::string_view params);
  // A notification of a server that works on `call` (kNoCall: on none), if this client wants it.
  [[nodiscard]] ClientActions on_notice(CallKey call, std::string_view method, std::string_view params) const;

  [[nodiscard]] bool is_identified() const { return catalog_ != nullptr; }
  [[nodiscard]] std::size_t in_flight() const { return calls_.size(); }
  [[nodiscard]] bool is_parked(CallKey call) const { return parked_.waits(call); }
  [[nodiscard]] const std::string& protocol() const { return protocol_; }  // of the legacy session
  [[nodiscard]] const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }
  [[nodiscard]] const ClientCounters& counters() const { return counters_; }

 private:
  // A request with what its era says of it.
  struct Request {
    std::string_view id, params;  // raw
    std::string_view method;
    Era era = Era::kLegacy;
    std::string_view log_level;
    std::string_view said{};  // params as the client said them, where those are others; raw
  };
  struct Call {
    std::string id;     // raw
    std::string token;  // raw progressToken; empty if none
    Era era = Era::kLegacy;
    std::string log_level, method, params;  // of a modern call
  };
  struct Held {  // a modern request while Identify is not answered
    std::string id, method, params;
  };
  struct Listening {
    std::string id;  // raw
    bool tools = false, prompts = false, resources = false;
    std::set<std::string, std::less<>> uris;
  };

  void on_request(ClientActions& out, const Message& message, Instant now);
  void on_notification(ClientActions& out, const Message& message);
  void on_cancelled(ClientActions& out, std::string_view params);
  void on_answer(ClientActions& out, const Message& message);

  // session_routes.cc
  bool route(ClientActions& out, const Request& request);  // false: no such method
  void list(ClientActions& out, const Request& request, const std::string& result) const;
  void call_tool(ClientActions& out, const Request& request);
  void call_meta(ClientActions& out, const Request& request, std::string_view name);
  void call_item(ClientActions& out, const Request& request, ItemKind kind);
  void read_resource(ClientActions& out, const Request& request);
  void complete(ClientActions& out, const Request& request);
  void pass_on(ClientActions& out, const Request& request);
  void forward(ClientActions& out, const Request& request, emit::Forward forward);
  void refuse_denied(ClientActions& out, const Request& request, const HiddenEntry& hidden) const;
  void refuse_unknown_tool(ClientActions& out, const Request& request, std::string_view name) const;

  // era_legacy.cc
  void legacy_request(ClientActions& out, const Request& request);
  void initialize(ClientActions& out, const Request& request);
  void set_level(ClientActions& out, const Request& request);

  // era_modern.cc
  void modern_request(ClientActions& out, const Request& request, Instant now);
  void modern_serve(ClientActions& out, const Request& request, Instant now);
  [[nodiscard]] bool known(const RequestMeta& meta) const;
  void discover(ClientActions& out, const Request& request) const;
  void listen(ClientActions& out, const Request& request);
  void unlisten(ClientActions& out, CallKey key);
  void unwatch(ClientActions& out, const std::set<std::string, std::less<>>& uris);
  void resume(ClientActions& out, const Request& request, Instant now);
  void drop_parked(ClientActions& out, CallKey call);
  void give_up_parked(ClientActions& out, Instant now);
  ClientActions ask_modern(CallKey ask, CallKey call, std::string_view method, std::string_view params,
                           Instant now);

  std::shared_ptr<const Catalog> catalog_;
  std::string protocol_;
  std::string initialize_id_;                             // raw; set while Identify is not answered
  bool initialized_ = false;                              // there is a legacy session
  std::string client_info_, client_capabilities_ = "{}";  // raw, of the modern client
  std::optional<Held> held_;
  CallKey next_key_ = 1;
  FlatMap<CallKey, Call> calls_;
  FlatMap<CallKey, CallKey> asks_;  // of servers, not answered yet; for which call, if known
  FlatMap<CallKey, Listening> listens_;
  ParkedCalls parked_;
  int level_ = 0;  // of log messages of the legacy session, as log_rank
  ClientCounters counters_;
};

// RTT's own error as a JSON-RPC error object: message with the next command, data {"code":"RTT0412",…}.
std::string rpc_error_of(const Error& why);
// What RTT offers through `catalog`, for initialize and server/discover; an object.
text::Json capabilities_of(const Catalog& catalog, Era era);

}  // namespace rtt::mcp
