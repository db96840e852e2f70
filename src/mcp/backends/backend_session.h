// SPDX-License-Identifier: Apache-2.0
// BackendSession: RTT as the client of one MCP server, as a step machine.
//
// Lines, requests, cancellations, the clock and the end of the child are events; what to write and what to
// tell whom are returned actions, so every order of replies, every silence and all junk is a plain test.
// Replies are matched by ids of the session's own; late, doubled and unknown ones are counted and dropped.
//
// A server speaks one of the protocol's two eras (greeting.h finds out which); each caller says in which one
// it speaks, and is answered in that (era.h). What a legacy server asks while it works (sampling,
// elicitation, roots) is passed on if somebody is there to answer it, under ids of ours, and else answered
// -32601; ping always is answered here. What a modern server wants to know it says in a result, which a
// modern caller gets as it is; for any other the session asks the same way as for a legacy server and then
// calls again (input_round.h). Changes are subscribed to by one subscriptions/listen, opened anew with them.
//
// Owns: requests under way, both ways.   Thread: one (pure).
// Fails: Failed{kServerProtocol|kServerStart} ends the session; a request ends with one Reply or Failure.
// Limits: kMcpInFlightMax requests each way, kMcpPagesMax pages, kMcpToolsPerServerMax definitions of a kind,
// kServerStartMs, kInputRoundsMax, kResourceWatchesMax.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/flat_map.h"
#include "base/units.h"
#include "mcp/backends/greeting.h"
#include "mcp/backends/input_round.h"
#include "mcp/pins/contracts.h"
#include "mcp/wire/jsonrpc.h"
#include "mcp/wire/mirrored.h"

namespace rtt::mcp {

inline constexpr std::size_t kResourceWatchesMax = 10'000;  // of one modern server

using RequestKey = std::uint64_t;  // a request of ours; the JSON-RPC id of its first try towards the server
using AskKey = std::uint64_t;      // a request of the server that was passed on

namespace act {
struct Send {  // write this line (newline included) to the server; empty: nothing
  std::string line;
  MessageHeaders headers{};
  std::uint64_t ends = 0;  // the request, by its JSON-RPC id, whose answer nobody waits for from now on
};
struct Joined {              // it has let us in
  MessageHeaders headers{};  // of every later message that has none of its own
};
struct Ready {};   // initialized and listed for the first time: facts() is complete
struct Listed {};  // lists were fetched again after list_changed, or not given: lists_unknown()
struct Failed {    // the session is over; the child should be ended
  Error why;
  bool late = false;  // it has not started in time
};
struct Reply {  // views live until the next event
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
struct Notice {  // any other
  std::string method;
  std::string_view params;
};
struct Ask {  // the server wants something of its client; answer with answer()
  AskKey key = 0;
  RequestKey call = 0;  // for which it asks; 0: a legacy server does not say
  std::string method;
  std::string params;  // raw; a progressToken in it is our key
};
struct AskWithdrawn {  // it does not want it any more
  AskKey key = 0;
  std::string_view params;  // raw, of notifications/cancelled
};
}  // namespace act
using BackendAction = std::variant<act::Send, act::Joined, act::Ready, act::Listed, act::Failed, act::Reply,
                                   act::Failure, act::Progress, act::Notice, act::Ask, act::AskWithdrawn>;
using BackendActions = std::vector<BackendAction>;

struct BackendCounters {
  std::uint64_t junk_lines = 0;  // not JSON-RPC
  std::uint64_t overlong_lines = 0;
  std::uint64_t unknown_replies = 0;   // late, doubled, or never asked for
  std::uint64_t refused_requests = 0;  // server -> client requests answered -32601
};

class BackendSession {
 public:
  enum class Phase : std::uint8_t { kNew, kGreeting, kListing, kReady, kOver };

  // As whose client RTT speaks: one AI client's (its capabilities are raw JSON), or nobody's in particular.
  struct ClientSide {
    std::string capabilities = "{}";
    bool answers = false;
    bool headers = false;  // its transport has headers, in which modern messages say what they are
  };
  explicit BackendSession(std::string server_name) : BackendSession(std::move(server_name), ClientSide{}) {}
  BackendSession(std::string server_name, ClientSide side)
      : name_(std::move(server_name)), side_(std::move(side)), greeting_(name_, side_.capabilities) {}

  BackendActions start(Opening opening, Instant now);
  BackendActions on_line(std::string_view line, Instant now);
  BackendActions on_overlong(std::size_t byte_count, std::optional<std::uint64_t> id);
  BackendActions on_unanswered(std::uint64_t id, const Error& why, Instant now);  // its transport knows
  // Deadlines that passed: requests fail with kDeadline (the server is told), too long a start ends it.
  BackendActions on_tick(Instant now);
  BackendActions on_closed(const Error& why);  // the child ended or its pipes closed: all requests fail

  struct Caller {
    Era era = Era::kLegacy;
    std::string_view log_level;  // a modern caller's; empty: it wants no log messages
  };
  struct Submitted {
    RequestKey key = 0;
    std::vector<act::Send> sends;
    // The answer, already known: the server is not asked, or need not be waited for.
    std::optional<std::pair<act::Reply::Kind, std::string>> answer;
  };
  // `params` is raw JSON (an object) or empty; a progressToken in its _meta is replaced by the key.
  // REQUIRES: phase kReady.   Fails: kBusy.
  Result<Submitted> request(std::string_view method, std::string_view params, Instant deadline,
                            Caller caller);
  Result<Submitted> request(std::string_view method, std::string_view params, Instant deadline) {
    return request(method, params, deadline, Caller{});
  }
  // As the server's era has it; nothing: it has none.
  [[nodiscard]] std::optional<act::Send> notification(std::string_view method, std::string_view params) const;
  // From which level on the client wants log messages. Nobody is told the answer.
  std::optional<act::Send> set_log_level(std::string_view level, Instant deadline);
  // Tells the server; a reply that still comes counts as unknown. Unknown keys: nothing.
  BackendActions cancel(RequestKey key, std::string_view reason);
  void drop(RequestKey key) { drop_call(key); }  // the server never took it
  // The client's answer to an Ask, raw; unknown keys: nothing.
  BackendActions answer(AskKey key, act::Reply::Kind kind, std::string_view payload);
  [[nodiscard]] BackendActions ask_progress(AskKey key, std::string_view params) const;  // with our key

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] Era era() const { return era_; }
  // Nothing but server/discover was said to it, and it has not answered: it may be one that ends over that.
  [[nodiscard]] bool probing() const { return phase_ == Phase::kGreeting && greeting_.probing(); }
  [[nodiscard]] const ServerInfo& info() const { return info_; }
  [[nodiscard]] const Definitions& definitions() const { return definitions_; }
  [[nodiscard]] const BackendCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t in_flight() const { return calls_.size(); }
  [[nodiscard]] bool offers(std::string_view capability) const {
    return info_.capabilities.find(capability) != nullptr;
  }
  [[nodiscard]] bool listing() const;        // a list is being fetched, first or again
  [[nodiscard]] bool lists_unknown() const;  // one has changed and is not given: definitions() is of before
  [[nodiscard]] std::optional<Instant> next_deadline() const;

 private:
  enum class List : std::uint8_t { kTools, kResources, kTemplates, kPrompts };
  static constexpr std::size_t kListCount = 4;
  struct Listing {
    bool under_way = false;
    bool again = false;    // changed while being fetched
    bool unknown = false;  // asked for again when `deadline` has passed
    RequestKey key = 0;
    Instant deadline{};
    std::size_t pages = 0;
    std::vector<text::Json> items;
  };
  struct Retry {
    std::string params;  // raw, of the last try
    std::optional<InputRound> round;
    int rounds = 0;
  };
  struct Call {  // a request under way
    Instant deadline{};
    std::uint64_t wire = 0;  // the JSON-RPC id of the try under way
    Era caller = Era::kLegacy;
    std::string method;
    std::unique_ptr<Retry> retry;  // of a modern server, for a caller that cannot be answered input_required
  };
  struct Asked {
    std::string id, token;  // raw, as a legacy server wrote them
    RequestKey call = 0;    // of a modern server: which input of which call
    std::size_t input = 0;
  };

  void fail(BackendActions& out, Error why);
  [[nodiscard]] std::unexpected<Error> fail_busy() const;
  void on_unreadable(BackendActions& out, const Message& message, std::string_view line);
  void on_request(BackendActions& out, const Message& message);
  void on_notification(BackendActions& out, Message& message, Instant now);
  void on_reply(BackendActions& out, const Message& message, Instant now);
  void on_greeting(BackendActions& out, Greeting::Step step, Instant now);
  void on_answer(BackendActions& out, RequestKey key, const Message& message);
  void expire_calls(BackendActions& out, Instant now);
  // A request as the server's era has it: RTT's own, or one whose params are dressed already.
  [[nodiscard]] act::Send own_request(std::uint64_t id, std::string_view method,
                                      std::string_view params) const;
  [[nodiscard]] act::Send request_of(std::uint64_t id, std::string_view method,
                                     std::string_view params) const;
  bool drop_call(RequestKey key);
  [[nodiscard]] act::Send withdrawal(std::uint64_t id, std::string_view reason) const;
  [[nodiscard]] RequestKey call_of(std::string_view id) const;  // 0: none is under way by that id
  Result<Submitted> modern_request(std::string_view method, std::string_view params, Instant deadline,
                                   Caller caller);
  void want_input(BackendActions& out, RequestKey key, std::string_view result);
  void take_input(BackendActions& out, const Asked& asked, act::Reply::Kind kind, std::string_view payload);
  void call_again(BackendActions& out, RequestKey key);
  void give_up(BackendActions& out, RequestKey key, std::string why);
  void withdraw_asks(BackendActions& out, RequestKey key);
  Submitted watch(std::string_view method, std::string_view params);
  std::vector<act::Send> listen();
  void ask_list(BackendActions& out, List list, std::string_view cursor);
  void relist(BackendActions& out, List list, Instant now);
  void lose_list(BackendActions& out, List list, Instant now);
  void on_page(BackendActions& out, List list, const Message& message, Instant now);
  Result<std::string> take_page(List list, const Message& message);  // the next cursor, or empty
  void finish_list(BackendActions& out, List list, Instant now);
  [[nodiscard]] bool offers(List list) const;
  std::vector<text::Json>& stored(List list);

  std::string name_;
  ClientSide side_;
  Greeting greeting_;
  Phase phase_ = Phase::kNew;
  Era era_ = Era::kLegacy;
  RequestKey next_key_ = 3;  // the first are the greeting's
  Instant start_limit_{};
  FlatMap<RequestKey, Call> calls_;
  FlatMap<std::uint64_t, RequestKey> tries_;  // JSON-RPC ids of calls made again
  FlatMap<AskKey, Asked> asks_;
  AskKey next_ask_ = 1;
  std::string level_;              // of log messages; empty: the client never said
  std::set<std::string> watched_;  // resources, of a modern server
  std::uint64_t listen_id_ = 0;    // of the subscriptions/listen that is open; 0: none
  std::string translated_;         // the payload of the last Reply, if it is not the server's own
  Listing lists_[kListCount];
  ServerInfo info_;
  Definitions definitions_;
  BackendCounters counters_;
};

}  // namespace rtt::mcp
