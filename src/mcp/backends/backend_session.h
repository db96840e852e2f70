// SPDX-License-Identifier: Apache-2.0
// BackendSession: RTT as the client of one MCP server, as a step machine.
//
// Lines, requests, cancellations, the clock and the end of the child are events; what to write and what to
// tell whom are returned actions, so every order of replies, every silence and every kind of junk is a plain
// test. The session never trusts the server's ordering: replies are matched by ids it chose itself, late,
// doubled and unknown ones are counted and dropped. Requests a server sends (sampling, elicitation, roots)
// are passed on if somebody is there to answer them, under ids of ours, and else answered -32601; ping always
// is answered here.
//
// Owns: requests under way, both ways.   Thread: one (pure).
// Fails: Failed{kServerProtocol|kServerStart} ends the session; a request ends with one Reply or Failure.
// Limits: kMcpInFlightMax requests each way, kMcpPagesMax pages, kMcpToolsPerServerMax definitions of a kind,
// kServerStartMs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/flat_map.h"
#include "base/units.h"
#include "mcp/pins/contracts.h"
#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {

using RequestKey = std::uint64_t;  // the JSON-RPC id used towards the server
using AskKey = std::uint64_t;      // a request of the server that was passed on

// Of one message, where its transport has such a thing; the others ignore them.
using MessageHeaders = std::vector<std::pair<std::string, std::string>>;

namespace act {
struct Send {  // write this line (newline included) to the server
  std::string line;
  MessageHeaders headers{};
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
struct Ask {  // the server wants something of its client; answer with answer()
  AskKey key = 0;
  std::string method;
  std::string params;  // raw; a progressToken in it is our key
};
struct AskWithdrawn {  // it does not want it any more
  AskKey key = 0;
  std::string_view params;  // raw, of notifications/cancelled
};
}  // namespace act
using BackendAction = std::variant<act::Send, act::Ready, act::Listed, act::Failed, act::Reply, act::Failure,
                                   act::Progress, act::Notice, act::Ask, act::AskWithdrawn>;
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

  // As whose client RTT speaks: one AI client's, whose capabilities (raw JSON) it declares and to whom it
  // passes on what the server asks, or nobody's in particular.
  struct ClientSide {
    std::string capabilities = "{}";
    bool answers = false;
  };
  explicit BackendSession(std::string server_name) : name_(std::move(server_name)) {}
  BackendSession(std::string server_name, ClientSide side)
      : name_(std::move(server_name)), side_(std::move(side)) {}

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
    MessageHeaders headers{};
  };
  // `params` is raw JSON (an object) or empty; a progressToken in its _meta is replaced by the key.
  // REQUIRES: phase kReady.   Fails: kBusy.
  Result<Submitted> request(std::string_view method, std::string_view params, Instant deadline);
  // Tells the server and forgets the request; its reply, if it still comes, counts as unknown. Unknown keys:
  // nothing.
  BackendActions cancel(RequestKey key, std::string_view reason);
  // The client's answer to an Ask, raw; unknown keys: nothing.
  BackendActions answer(AskKey key, act::Reply::Kind kind, std::string_view payload);
  // The client's progress on an Ask, raw params with our key as token.
  [[nodiscard]] BackendActions ask_progress(AskKey key, std::string_view params) const;

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] const ServerInfo& info() const { return info_; }
  [[nodiscard]] const Definitions& definitions() const { return definitions_; }
  [[nodiscard]] const BackendCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t in_flight() const { return calls_.size(); }
  [[nodiscard]] bool offers(std::string_view capability) const {
    return info_.capabilities.find(capability) != nullptr;
  }
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
  ClientSide side_;
  Phase phase_ = Phase::kNew;
  RequestKey next_key_ = 1;
  RequestKey initialize_key_ = 0;
  Instant start_limit_{};
  FlatMap<RequestKey, Instant> calls_;  // deadline of each request under way
  struct Asked {
    std::string id, token;  // raw, as the server wrote them
  };
  FlatMap<AskKey, Asked> asks_;
  AskKey next_ask_ = 1;
  Listing lists_[kListCount];
  ServerInfo info_;
  Definitions definitions_;
  BackendCounters counters_;
};

}  // namespace rtt::mcp
