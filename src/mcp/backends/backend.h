// SPDX-License-Identifier: Apache-2.0
// Backend: one MCP server as RTT uses it: its session and the calls it owes.
//
// Started by the first call, held to its pin, stopped when idle. The step machine (backend_session.h)
// decides, the transport (transport.h) carries; this file performs: start, calls, timers. Whatever the server
// does, it can only harm the calls it owes: junk is counted and logged, a reply too large fails its call,
// silence ends at the call's deadline, its end fails what is under way, a start that fails is made again for
// the calls that wait for it. One that keeps failing is set aside (breaker.h): calls are answered at once,
// its owner is told, and RTT tries from time to time whether it is well again.
//
// A server has one backend, or one for each AI client (its instance), which then speaks to that client alone.
//
// Owns: the session and its transport, a share in the server's record.   Thread: the loop's.
// Fails: calls end with kServerStart, kServerProtocol, kServerGone, kServerDown, kDeadline, kDrift,
// kTooLarge…. Limits: kMcpInFlightMax calls, kMcpLineBytesMax a line, those of the breaker.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mcp/backends/backend_session.h"
#include "mcp/backends/breaker.h"
#include "mcp/backends/code_watch.h"
#include "mcp/backends/server_record.h"
#include "mcp/backends/transport.h"
#include "mcp/pins/pin.h"
#include "os/loop.h"
#include "registry/workspace.h"

namespace rtt::mcp {

inline constexpr std::size_t kSubscriptionsMax = 10'000;  // of one client; beyond, updates may not reach it

// Who asked. Called from the loop, once per call with a reply or a failure; views live for the call only.
class BackendUser {
 public:
  virtual ~BackendUser() = default;
  virtual void on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) = 0;
  virtual void on_backend_failure(std::uint64_t token, const Error& why) = 0;
  virtual void on_backend_progress(std::uint64_t token, std::string_view params) = 0;
};

class Backend;

// Whom a server speaks to beside its calls: one AI client, or the gateway for all of them.
class BackendOwner {
 public:
  virtual ~BackendOwner() = default;
  virtual void on_backend_notice(Backend& backend, std::string_view method, std::string_view params) = 0;
  virtual void on_backend_breaker(Backend& backend) = 0;  // is_down() is another than before
};
// The AI client whose own instance a backend is: it answers what the server asks.
class BackendClient {
 public:
  virtual ~BackendClient() = default;
  // Answer with Backend::answer(), now or later. `call` is the token of the call it is asked for, if the
  // server says.
  virtual void on_backend_ask(Backend& backend, AskKey key, std::optional<std::uint64_t> call,
                              std::string_view method, std::string_view params) = 0;
  virtual void on_backend_ask_withdrawn(Backend& backend, AskKey key, std::string_view params) = 0;
  virtual void on_backend_ended(Backend& backend) = 0;  // what it asked needs no answer any more
};

// Whose instance of a server a backend is. What it points to outlives it.
struct BackendProfile {
  SecretValues fresh;                      // secrets not yet in the store (an import under way)
  std::string client_capabilities = "{}";  // raw JSON
  BackendOwner* owner = nullptr;
  BackendClient* client = nullptr;
  bool stops_idle = true;                // one that keeps a client's state ends with its client instead
  std::shared_ptr<ServerRecord> record;  // of the server; nullptr: of this backend alone
  std::shared_ptr<CodeDigests> digests;  // of all servers; nullptr: of this backend alone
  std::shared_ptr<const Surroundings> surroundings{};  // the client's own; nullptr: this process's
};

struct BackendCall {
  std::string method;  // empty: only be ready and checked against the pin; the reply is `{}`
  std::string params;  // raw
  ItemKind kind = ItemKind::kTool;
  std::string item;               // whose pin must hold; empty = none (a resource no list names)
  std::optional<text::Json> pin;  // a definition other than the snapshot's (a route's older contract)
  Instant deadline;
  Era era = Era::kLegacy;       // of `params`, and of the answer wanted
  std::string log_level;        // of a modern client's call; empty: it wants no log messages
  BackendUser* user = nullptr;  // outlives the call, or cancels it
  std::uint64_t token = 0;      // handed back to the user
};
using BackendTicket = std::uint64_t;

// kFailed: it is set aside, whether it runs or not.
enum class BackendState : std::uint8_t { kStopped, kStarting, kReady, kNeedsLogin, kFailed };
std::string_view to_string(BackendState state);  // stopped starting ready failed; needs login

class Backend final : private TransportEvents {
 public:
  Backend(os::Loop& loop, std::shared_ptr<const PinnedServer> pins, registry::Workspace workspace,
          BackendProfile profile = {});
  ~Backend() override;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  void write_together(WriteBatch& batch) { batch_ = &batch; }  // outlives this

  // An error returned here is the answer: the user is not called.
  Result<BackendTicket> call(BackendCall call);
  void cancel(BackendTicket ticket, std::string_view reason);  // the user is not called any more
  // The client's word on what the server asked; late or unknown: nothing.
  void answer(AskKey key, act::Reply::Kind kind, std::string_view payload);
  void ask_progress(AskKey key, std::string_view params);
  void notify(std::string_view method, std::string_view params);  // if it runs
  void set_log_level(std::string_view level);                     // kept for later starts
  // New definitions accepted. The session goes on unless how to start it changed.
  void set_pins(std::shared_ptr<const PinnedServer> pins);
  void complain(std::string_view what) { record_->note(what); }  // goes on, and is in the log
  void leave_client();                    // it has gone: nothing is asked of it any more
  void restart();                         // forgets earlier failures; the next call starts it
  void stop(std::function<void()> done);  // ends the session; calls fail with kServerGone

  [[nodiscard]] BackendState state() const;
  [[nodiscard]] bool is_down() const { return breaker_.state() != BreakerState::kClosed; }
  [[nodiscard]] const PinnedServer& pins() const { return *pins_; }
  [[nodiscard]] bool drifting() const {
    return drifting_;
  }  // it runs, and some of its calls are refused for that
  // What the running server said and listed; nullptr while it is not ready.
  [[nodiscard]] const BackendSession* live() const;
  // {name,namespace,state,tools,instances,calls,failures,in_flight,p50_ns,p99_ns,pid,restarts,drift,…}
  [[nodiscard]] text::Json health() const;
  [[nodiscard]] bool busy() const { return !running_.empty() || !waiting_.empty(); }
  [[nodiscard]] const ServerRecord& record() const { return *record_; }
  [[nodiscard]] std::string log() const { return record_->clean_log(); }  // stderr and what RTT noticed

 private:
  static constexpr Instant kNever{INT64_MAX};

  struct Running {
    BackendTicket ticket = 0;
    BackendUser* user = nullptr;
    std::uint64_t token = 0;
    Instant started;
  };
  struct Waiting {
    BackendTicket ticket = 0;
    BackendCall call;
    bool again = false;  // a session was lost before the server took it
  };
  void start();
  void start_accepted();
  Status connect();
  [[nodiscard]] Opening opening() const;
  void on_transport_message(const LineStream::Item& item) override;
  void on_transport_unanswered(RequestKey request, const Error& why) override;
  void on_transport_expired(std::optional<RequestKey> request) override;
  void on_transport_ended(Error why) override;
  void renew();
  std::optional<Running> finished(RequestKey key);
  void take_reply(const act::Reply& reply);
  void take_failure(const act::Failure& failure);
  void pass_on(const act::Ask& ask);
  void perform(BackendActions actions);
  void say(const act::Send& send);
  void lose(const Error& why);
  void note_failure(const Error& why, Breaker::Failure kind);
  void note_well(void (Breaker::*how)());
  void breaker_moved(BreakerState before);
  void probe();
  bool probed(RequestKey key, const Error* why);
  [[nodiscard]] Error silence() const;
  [[nodiscard]] Error down() const;
  void failed_to_run(const Error& why);
  void settle_waiting(const Error& why);
  void fail_waiting(const Error& why);
  void became_ready();
  void serve_waiting();
  void look_again();
  Status begin(const Waiting& waiting);
  void compare();
  void take_code_changes();
  void reply_later(RequestKey key, BackendTicket ticket, act::Reply::Kind kind, std::string payload);
  [[nodiscard]] const PinVerdict* verdict_of(const BackendCall& call) const;
  [[nodiscard]] Status check_pin(const BackendCall& call) const;
  void arm(Instant at);
  void start_soon();
  void note_subscription(const BackendCall& call);
  void on_timer();
  [[nodiscard]] Instant next_event(Instant now) const;
  [[nodiscard]] bool idle() const;
  void let_go();
  void forget_left(const BackendTransport* left);

  os::Loop& loop_;
  std::shared_ptr<const PinnedServer> pins_;
  registry::Workspace workspace_;
  BackendProfile profile_;
  std::shared_ptr<ServerRecord> record_;
  // What a server is told again when it has started anew.
  std::string log_level_;                                          // empty: the server's own
  std::map<std::string, std::string, std::less<>> subscriptions_;  // by URI: raw params
  bool started_ = false, needs_login_ = false;

  std::unique_ptr<BackendTransport> transport_;  // while there is a session
  std::optional<BackendSession> session_;
  WriteBatch* batch_ = nullptr;
  std::vector<PinVerdict> verdicts_;  // of the live server, sorted by (kind, key)
  ServerVerdict server_verdict_;
  std::string unknown_since_;  // RFC 3339; what it lists now; empty: known
  CodeWatch code_;
  bool drifting_ = false;

  BackendTicket next_ticket_ = 1;
  FlatMap<RequestKey, Running> running_;
  FlatMap<RequestKey, Waiting> kept_;  // of running ones, where the session may be lost before they are taken
  std::deque<Waiting> waiting_;
  Breaker breaker_;
  std::optional<Error> last_failure_;
  RequestKey probe_key_ = 0;  // of the try under way at a running server
  Instant heard_{};           // anything of the server
  os::Loop::TimerId start_timer_ = 0, renew_timer_ = 0, probe_timer_ = 0, timer_ = 0;
  Instant timer_at_ = kNever;
  Instant last_used_{};

  std::vector<std::unique_ptr<BackendTransport>> leaving_;
  std::function<void()> on_stopped_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // posted tasks look whether it is still there
};

}  // namespace rtt::mcp
