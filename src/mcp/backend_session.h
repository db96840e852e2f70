// SPDX-License-Identifier: Apache-2.0
// BackendSession: RTT as the client of one MCP server, as a step machine.
//
// Lines, requests, cancellations, the clock and the end of the child are events; what to write and what to
// tell whom are returned actions, so every order of replies, every silence and every kind of junk is a plain
// test. The session never trusts the server's ordering: replies are matched by ids it chose itself, late,
// doubled and unknown ones are counted and dropped. It declares no client capabilities, so lists are taken
// under the empty set (some servers list more tools to richer clients) and requests a server sends are
// answered -32601, except ping.
//
// Owns: requests under way.   Thread: one (pure).
// Fails: Failed{kServerProtocol|kServerStart} ends the session; a request ends with one Reply or Failure.
// Limits: kMcpInFlightMax requests, kMcpPagesMax pages, kMcpToolsPerServerMax definitions of a kind,
// kServerStartMs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/flat_map.h"
#include "base/units.h"
#include "mcp/contracts.h"
#include "mcp/jsonrpc.h"

namespace rtt::mcp {

using RequestKey = std::uint64_t;  // the JSON-RPC id used towards the server

namespace act {
struct Send {  // write this line (newline included) to the server
  std::string line;
};
struct Ready {};   // initialized and listed for the first time: facts() is complete
struct Listed {};  // lists were fetched again after list_changed: facts() is new
struct Failed {    // the session is over; the child should be ended
  Error why;
};
struct Reply {  // views live as long as the line that was given to on_line
  RequestKey key = 0;
  enum class Kind : std::uint8_t { kResult, kError } kind = Kind::kResult;
  std::string_view payload;  // raw result, or raw JSON-RPC error object
};
struct Failure {  // the request will not be answered
  RequestKey key = 0;
  Error why;
};
struct Progress {
  RequestKey key = 0;
  std::string_view params;  // raw; its progressToken is our key
};
struct Notice {  // any other notification
  std::string method;
  std::string_view params;
};
}  // namespace act
using BackendAction = std::variant<act::Send, act::Ready, act::Listed, act::Failed, act::Reply, act::Failure,
                                   act::Progress, act::Notice>;
using BackendActions = std::vector<BackendAction>;

struct BackendCounters {
  std::uint64_t junk_lines = 0;  // not JSON-RPC
  std::uint64_t overlong_lines = 0;
  std::uint64_t unknown_replies = 0;   // late, doubled, or never asked for
  std::uint64_t refused_requests = 0;  // server -> client requests answered -32601
};

class BackendSession {
 public:
  enum class Phase : std::uint8_t { kNew, kInitializing, kListing, kReady, kOver };

  explicit BackendSession(std::string server_name) : name_(std::move(server_name)) {}

  BackendActions start(Instant now);
  BackendActions on_line(std::string_view line, Instant now);
  BackendActions on_overlong(std::size_t byte_count, std::optional<std::uint64_t> id);
  // Deadlines that passed: requests fail with kDeadline (the server is told), a start that took too long ends
  // it.
  BackendActions on_tick(Instant now);
  // The child ended or its pipes closed: every request fails with `why`.
  BackendActions on_closed(const Error& why);

  struct Submitted {
    RequestKey key = 0;
    std::string line;
  };
  // `params` is raw JSON (an object) or empty; a progressToken in its _meta is replaced by the key.
  // REQUIRES: phase kReady.   Fails: kBusy.
  Result<Submitted> request(std::string_view method, std::string_view params, Instant deadline);
  // Tells the server and forgets the request; its reply, if it still comes, counts as unknown. Unknown keys:
  // nothing.
  BackendActions cancel(RequestKey key, std::string_view reason);

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] const ServerInfo& info() const { return info_; }
  [[nodiscard]] const Definitions& definitions() const { return definitions_; }
  [[nodiscard]] const BackendCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t in_flight() const { return calls_.size(); }
  [[nodiscard]] std::optional<Instant> next_deadline() const;

 private:
  enum class List : std::uint8_t { kTools, kResources, kTemplates, kPrompts };
  static constexpr std::size_t kListCount = 4;
  struct Listing {
    bool under_way = false;
    bool again = false;  // changed while being fetched
    RequestKey key = 0;
    Instant deadline{};
    std::size_t pages = 0;
    std::vector<text::Json> items;
  };

  void fail(BackendActions& out, Error why);
  [[nodiscard]] std::unexpected<Error> fail_busy() const;
  void on_request(BackendActions& out, const Message& message);
  void on_notification(BackendActions& out, Message& message, Instant now);
  void on_reply(BackendActions& out, const Message& message, Instant now);
  void on_initialized(BackendActions& out, const Message& message, Instant now);
  void ask_list(BackendActions& out, List list, std::string_view cursor);
  void relist(BackendActions& out, List list, Instant now);
  void on_page(BackendActions& out, List list, const Message& message, Instant now);
  Result<std::string> take_page(List list, const Message& message);  // the next cursor, or empty
  void finish_list(BackendActions& out, List list, Instant now);
  [[nodiscard]] bool offers(List list) const;
  [[nodiscard]] bool listing() const;
  std::vector<text::Json>& stored(List list);

  std::string name_;
  Phase phase_ = Phase::kNew;
  RequestKey next_key_ = 1;
  RequestKey initialize_key_ = 0;
  Instant start_limit_{};
  FlatMap<RequestKey, Instant> calls_;  // deadline of each request under way
  Listing lists_[kListCount];
  ServerInfo info_;
  Definitions definitions_;
  BackendCounters counters_;
};

}  // namespace rtt::mcp
