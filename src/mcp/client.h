// SPDX-License-Identifier: Apache-2.0
// Client: one AI client's stdin and stdout inside the gateway.
//
// The descriptors belong to another program too, so their flags are never touched. End of input drains: what
// was asked is still answered (a script may write its requests and close), then the session ends with status
// 0. A client that stops reading is no longer read from, and is dropped when kClientQueueBytesMax wait for
// it. The other end of `control` closing means `rtt mcp serve` is gone: the session ends at once.
//
// Owns: the three descriptors, the session, its calls' tickets.   Thread: the loop's.
// Fails: start: kIo; afterwards the session ends with a status on `control`.
// Limits: kMcpLineBytesMax a line, kClientQueueBytesMax of output, kClientCallMs a call.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mcp/backend.h"
#include "mcp/call_ledger.h"
#include "mcp/gateway.h"
#include "mcp/line_stream.h"
#include "mcp/server_session.h"
#include "mcp/write_batch.h"
#include "os/out_queue.h"

namespace rtt::mcp {

// A client knows best how long its tool may take, and can cancel; this only bounds what a hung server holds
// on to.
inline constexpr std::int64_t kClientCallMs = 600'000;
inline constexpr std::size_t kSubscriptionsMax = 10'000;  // of one client; beyond, updates may not reach it

class Client;

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
  virtual void record(CallRecord record) = 0;
  virtual void refresh() = 0;                    // a good moment to look whether the workspace changed
  virtual void client_gone(Client& client) = 0;  // destroys it, later
  virtual WriteBatch* batch() = 0;               // nullptr: every line is written at once
};

class Client final : public BackendUser, public BackendClient, public BatchedWriter {
 public:
  Client(os::Loop& loop, ClientServices& services, os::Fd in, os::Fd out, os::Fd control,
         ClientOptions options);
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Status start();
  void catalog_changed();
  void end(int status);  // tells `control`, withdraws what is under way

  [[nodiscard]] const ClientOptions& options() const { return options_; }
  [[nodiscard]] const std::string& label() const { return label_; }  // --as, else clientInfo.name
  [[nodiscard]] const std::string& capabilities() const { return capabilities_; }  // raw
  [[nodiscard]] bool sees(std::string_view ns) const;
  // A notification of a server of this client.
  void on_notice(std::string_view method, std::string_view params);
  [[nodiscard]] bool subscribed(std::string_view uri) const { return subscribed_.contains(uri); }
  [[nodiscard]] const std::string& log_level() const { return level_; }  // raw params; empty: never set

  void on_backend_ask(Backend& backend, AskKey key, std::string_view method,
                      std::string_view params) override;
  void on_backend_ask_withdrawn(Backend& backend, AskKey key, std::string_view params) override;
  void on_backend_ended(Backend& backend) override;

  void on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) override;
  void on_backend_failure(std::uint64_t token, const Error& why) override;
  void on_backend_progress(std::uint64_t token, std::string_view params) override;
  void flush_batch() override { flush_output(); }

 private:
  struct Asked {
    Backend* backend = nullptr;
    BackendTicket ticket = 0;
    std::string address, method;
    std::size_t in_bytes = 0;
    Instant started;
  };

  // Something a server asked of this client.
  struct Ask {
    Backend* backend = nullptr;
    AskKey key = 0;
  };

  void read_input();
  void take_lines();
  void input_ended();
  void perform(ClientActions actions);
  void forward(emit::Forward& forward);
  void withdraw(CallKey key, std::string_view reason);
  void answered(CallKey key, act::Reply::Kind kind, std::string_view payload);
  void decline_asks();
  bool subscribe(const emit::Forward& forward, const Backend& server);
  void write_line(std::string_view line);
  void flush_output();
  void watch_output();
  void pace_input();
  void end_if_drained();
  void record(const Asked& asked, CallRecord::Outcome outcome, Code code, std::size_t out_bytes);

  os::Loop& loop_;
  ClientServices& services_;
  os::Fd in_, out_, control_;
  ClientOptions options_;
  std::string label_;
  std::string capabilities_ = "{}", level_;        // raw
  std::set<std::string, std::less<>> subscribed_;  // URIs
  std::string address_;                            // rtt://client/agent/<label>@0.0.0
  std::shared_ptr<const Catalog> catalog_;
  ServerSession session_;
  LineStream stream_;
  os::OutQueue outbox_;
  FlatMap<CallKey, Asked> asked_;
  FlatMap<CallKey, Ask> asks_;
  CallKey next_ask_ = 1;
  enum class Phase : std::uint8_t { kOpen, kDraining, kOver } phase_ = Phase::kOpen;
};

}  // namespace rtt::mcp
