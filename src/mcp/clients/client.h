// SPDX-License-Identifier: Apache-2.0
// Client: one AI client's session inside the gateway, whatever carries its messages.
//
// A shell (stdio_client.h, http_client.h) brings the client's messages and carries what it is told to
// deliver. Each message comes with the stream it arrived on, and what belongs to it goes back there: its
// answer, its progress, and what the server says or asks while it works on it. A server on a pipe does not
// say for which of its calls it asks; the newest one of this client under way at that server is taken, which
// is exact while there is only one: at worst a modern client is asked what belongs to one of its calls in the
// answer of another, and its answer still reaches who asked. A client whose input has ended is still answered
// what it asked. A call goes to the next server that provides the tool where the first one cannot take it,
// and, if to repeat it does no harm, where that one ended over it.
//
// Owns: the session, its calls' tickets.   Thread: the loop's.
// Fails: never; bad input is answered.
// Limits: kClientCallMs a call, kSubscriptionsMax.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mcp/backends/backend.h"
#include "mcp/call_ledger.h"
#include "mcp/clients/server_session.h"
#include "mcp/gateway.h"
#include "mcp/wire/write_batch.h"

namespace rtt::mcp {

// A client knows best how long its tool may take, and can cancel; this only bounds what a hung server holds
// on to.
inline constexpr std::int64_t kClientCallMs = 600'000;

class Client;

using StreamId = std::uint64_t;  // the shell's name for where a message came from
inline constexpr StreamId kNoStream = 0;

// What carries the messages of one client.
class ClientShell {
 public:
  virtual ~ClientShell() = default;
  virtual Client& client() = 0;
  // kNoStream: it belongs to no request of the client. The line has its newline.
  virtual void deliver(std::string_view line, StreamId stream, Part part) = 0;
  virtual void unanswered(StreamId stream) = 0;  // its request was withdrawn: nothing more comes for it
  virtual void ended(int status) = 0;            // the session is over; the shell is destroyed soon
};

// What a client needs of the gateway.
class ClientServices {
 public:
  virtual ~ClientServices() = default;
  virtual std::shared_ptr<const Catalog> catalog_for(const Client& client) = 0;
  // The instance of a server that serves this client; nullptr: no longer accepted.
  virtual Backend* backend(Client& client, std::string_view ns) = 0;
  virtual std::vector<Backend*> backends(const Client& client) = 0;  // those there are
  // Whether another client of this instance has subscribed to the resource.
  virtual bool subscribed(const Backend& backend, std::string_view uri) = 0;
  [[nodiscard]] virtual Status admits_calls() const = 0;              // of this workspace as a whole
  virtual std::uint64_t record(const CallRecord& record) = 0;         // the receipt's number; 0: none
  [[nodiscard]] virtual Digest mac(std::string_view text) const = 0;  // what a receipt keeps of a text
  virtual void refresh() = 0;                     // a good moment to look whether the workspace changed
  virtual void client_gone(Client& client) = 0;   // destroys it, later
  [[nodiscard]] virtual Instant now() const = 0;  // when the event under way began
  virtual WriteBatch* batch() = 0;                // nullptr: every line is written at once
};

class Client final : public BackendUser, public BackendClient {
 public:
  Client(ClientServices& services, ClientShell& shell, ClientOptions options);
  ~Client() override;  // REQUIRES: ended
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void take(std::string_view line, StreamId stream = kNoStream);  // without newlines
  void take(const Message& message, StreamId stream);
  void take_overlong(std::size_t byte_count, std::string_view id);  // raw; empty: it cannot be told
  void introduce(const RequestMeta& meta);  // who asks, before the first request of a modern client
  void input_ended();                       // it answers nothing any more, but is answered
  void stream_gone(StreamId stream);        // the client has closed it: it wants no answer there
  void end(int status);                     // withdraws what is under way
  void catalog_changed();
  void knew(const CatalogDigests& lists);  // what a predecessor of this gateway served it

  [[nodiscard]] bool hears() const { return phase_ == Phase::kOpen; }
  [[nodiscard]] bool over() const { return phase_ == Phase::kOver; }
  [[nodiscard]] bool owes() const { return !asked_.empty(); }
  [[nodiscard]] bool is_identified() const { return session_.is_identified(); }
  [[nodiscard]] const std::string& protocol() const { return session_.protocol(); }
  [[nodiscard]] const std::shared_ptr<const Catalog>& catalog() const { return session_.catalog(); }
  [[nodiscard]] const ClientOptions& options() const { return options_; }
  [[nodiscard]] const std::string& label() const { return label_; }  // --as, else clientInfo.name
  [[nodiscard]] const std::string& capabilities() const { return capabilities_; }  // raw
  [[nodiscard]] bool sees(std::string_view ns) const;
  // A notification of a server of this client.
  void on_notice(const Backend& backend, std::string_view method, std::string_view params);
  [[nodiscard]] bool subscribed(std::string_view uri) const { return subscribed_.contains(uri); }
  [[nodiscard]] const std::string& log_level() const { return level_; }  // empty: never set

  void on_backend_ask(Backend& backend, AskKey key, std::optional<std::uint64_t> call,
                      std::string_view method, std::string_view params) override;
  void on_backend_ask_withdrawn(Backend& backend, AskKey key, std::string_view params) override;
  void on_backend_ended(Backend& backend) override;

  void on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) override;
  void on_backend_failure(std::uint64_t token, const Error& why) override;
  void on_backend_progress(std::uint64_t token, std::string_view params) override;

 private:
  struct Asked {
    StreamId stream = kNoStream;
    Backend* backend = nullptr;
    BackendTicket ticket = 0;
    receipts::Subject subject;
    Digest server, arguments;
    std::size_t in_bytes = 0;
    Instant started;
    std::shared_ptr<const ToolGuard> guard{};
    std::unique_ptr<emit::Forward> next{};  // the same call of the next one that provides it
  };

  // Something a server asked of this client.
  struct Ask {
    Backend* backend = nullptr;
    AskKey key = 0;
  };

  void perform(ClientActions actions, StreamId stream);
  void forward(emit::Forward& forward, StreamId stream);
  std::optional<Error> attempt(emit::Forward& forward, StreamId stream, std::unique_ptr<emit::Forward>& next);
  void withdraw(CallKey key, std::string_view reason);
  void answered(CallKey key, act::Reply::Kind kind, std::string_view payload);
  void send(emit::Send& send, StreamId at_hand);
  void unlisten(CallKey key);
  void watch(const emit::Watch& watch);
  void decline_asks();
  static Status hold_params(const emit::Forward& forward, const Asked& asked);
  bool subscribe(const emit::Forward& forward, const Backend& server);
  void deliver(std::string_view line, StreamId stream, Part part);
  [[nodiscard]] CallKey newest_at(const Backend& backend) const;
  struct Ending {
    receipts::Outcome outcome = receipts::Outcome::kResult;
    std::optional<Code> failure;
    std::string_view result;
  };
  std::uint64_t record(const Asked& asked, const Ending& ending);  // the receipt's number

  ClientServices& services_;
  ClientShell& shell_;
  ClientOptions options_;
  std::string label_;
  std::string capabilities_ = "{}";                // raw
  std::string level_;                              // of log messages
  std::set<std::string, std::less<>> subscribed_;  // URIs
  std::string address_;                            // rtt://client/agent/<label>@0.0.0
  std::shared_ptr<const Catalog> catalog_;
  ServerSession session_;
  FlatMap<CallKey, Asked> asked_;
  FlatMap<CallKey, StreamId> listens_;
  FlatMap<CallKey, Ask> asks_;
  CallKey next_ask_ = 1;
  enum class Phase : std::uint8_t { kOpen, kDeaf, kOver } phase_ = Phase::kOpen;
};

}  // namespace rtt::mcp
