// SPDX-License-Identifier: Apache-2.0
// Backend: one MCP server's child process, its pipes, and the calls it owes.
//
// Started by the first call, held to its pin, stopped when idle. The step machine (backend_session.h)
// decides; this file performs: spawn, read, write, timers. Whatever the child does, it can only harm the
// calls it owes: junk is counted and logged, a reply too large fails its call, silence ends at the call's
// deadline, an exit fails what is under way, and too many ends within a minute trip the server until it is
// restarted by hand or the minute is over.
//
// Owns: the child, its pipes, what it printed on stderr (kServerLogBytesMax).   Thread: the loop's.
// Fails: calls end with kServerStart, kServerProtocol, kServerGone, kDeadline, kDrift, kTooLarge, kBusy….
// Limits: kMcpInFlightMax calls, kMcpLineBytesMax a line, kDriverRestartsMax ends within
// kDriverRestartWindowMs.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mcp/backend_session.h"
#include "mcp/latency.h"
#include "mcp/launch.h"
#include "mcp/line_stream.h"
#include "mcp/pin.h"
#include "mcp/write_batch.h"
#include "os/loop.h"
#include "os/out_queue.h"
#include "os/process.h"
#include "registry/workspace.h"

namespace rtt::mcp {

// Who asked. Called from the loop, once per call with a reply or a failure; views live for the call only.
class BackendUser {
 public:
  virtual ~BackendUser() = default;
  virtual void on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) = 0;
  virtual void on_backend_failure(std::uint64_t token, const Error& why) = 0;
  virtual void on_backend_progress(std::uint64_t token, std::string_view params) = 0;
};

struct BackendCall {
  std::string method;  // empty: only be ready and checked against the pin; the reply is `{}`
  std::string params;  // raw
  ItemKind kind = ItemKind::kTool;
  std::string item;               // whose pin must hold; empty = none (a resource no list names)
  std::optional<text::Json> pin;  // a definition other than the snapshot's (a route's older contract)
  Instant deadline;
  BackendUser* user = nullptr;  // outlives the call, or cancels it
  std::uint64_t token = 0;      // handed back to the user
};
using BackendTicket = std::uint64_t;

enum class BackendState : std::uint8_t { kStopped, kStarting, kReady, kFailed };
std::string_view to_string(BackendState state);  // stopped starting ready failed

class Backend final : public BatchedWriter {
 public:
  // `fresh` are secrets not yet in the store (an import under way).
  Backend(os::Loop& loop, std::shared_ptr<const PinnedServer> pins, registry::Workspace workspace,
          SecretValues fresh = {});
  ~Backend() override;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  void write_together(WriteBatch& batch) { batch_ = &batch; }  // outlives this
  void flush_batch() override { flush_input(); }

  // An error returned here is the answer: the user is not called.
  Result<BackendTicket> call(BackendCall call);
  void cancel(BackendTicket ticket, std::string_view reason);  // the user is not called any more
  // New definitions accepted. The child goes on unless how to start it changed.
  void set_pins(std::shared_ptr<const PinnedServer> pins);
  void restart();                         // forgets earlier failures; the next call starts it
  void stop(std::function<void()> done);  // ends the child; calls fail with kServerGone

  [[nodiscard]] BackendState state() const;
  [[nodiscard]] const PinnedServer& pins() const { return *pins_; }
  // What the running server said and listed; nullptr while it is not ready.
  [[nodiscard]] const BackendSession* live() const;
  // {name,namespace,state,tools,instances,calls,failures,in_flight,p50_ns,p99_ns,pid,restarts,drift,…}
  [[nodiscard]] text::Json health() const;
  [[nodiscard]] std::string log() const;  // stderr and what RTT noticed, secrets struck out

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
  };
  struct Leaving {
    os::Child child;
    os::Loop::TimerId timer = 0;
  };

  void start();
  Status spawn();
  void watch_child();
  void read_output();
  void take_lines();
  void read_errors();
  void flush_input();
  void watch_input();
  void write_line(std::string_view line);
  void perform(BackendActions actions);
  void child_ended();
  void lose(const Error& why);
  void release_child();
  void note_failure(const Error& why);
  void fail_waiting(const Error& why);
  void became_ready();
  Status begin(const Waiting& waiting);
  [[nodiscard]] Status check_pin(const BackendCall& call) const;
  [[nodiscard]] std::size_t recent_failures(Instant now) const;
  void arm(Instant at);
  void on_timer();
  void output_closed();
  [[nodiscard]] Instant next_event(Instant now) const;
  void leave(os::Child child);
  void forget_left(int pidfd);
  void note(std::string_view line);
  void append_log(std::string_view text);

  os::Loop& loop_;
  std::shared_ptr<const PinnedServer> pins_;
  registry::Workspace workspace_;
  SecretValues fresh_;
  std::vector<std::string> secrets_;

  os::Child child_;
  std::optional<BackendSession> session_;
  LineStream stream_;
  os::OutQueue outbox_;
  WriteBatch* batch_ = nullptr;
  std::string log_;
  std::vector<PinVerdict> verdicts_;  // of the live server, sorted by (kind, key)

  BackendTicket next_ticket_ = 1;
  FlatMap<RequestKey, Running> running_;
  std::deque<Waiting> waiting_;
  std::vector<Instant> failures_;  // within the restart window
  std::optional<Error> last_failure_;
  os::Loop::TimerId start_timer_ = 0, end_timer_ = 0, timer_ = 0;
  Instant timer_at_ = kNever;
  Instant last_used_{};

  std::vector<std::unique_ptr<Leaving>> leaving_;
  std::function<void()> on_stopped_;
  Latency latency_;
  std::uint64_t calls_ = 0, failed_calls_ = 0, starts_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // posted tasks look whether it is still there
};

}  // namespace rtt::mcp
