// SPDX-License-Identifier: Apache-2.0
// HttpClient: one AI client's session over HTTP inside the gateway.
//
// A legacy session lives from initialize to DELETE, whatever connections come and go. A modern client has no
// session; what stands for it here keeps the servers that were started for it, and the calls that wait for
// its input, between its requests (http_front.h says what makes it one client). Either ends when it has no
// exchange open for kHttpSessionIdleMs. http_streams.h says what goes where.
//
// Owns: the client, its streams.   Thread: the loop's.
// Fails: never.   Limits: kHttpSessionIdleMs; those of the streams.
#pragma once

#include <optional>
#include <string>

#include "mcp/clients/client.h"
#include "mcp/clients/http_streams.h"

namespace rtt::mcp {

inline constexpr std::int64_t kHttpSessionIdleMs = 1'800'000;

class HttpClient;

// Performs what the streams say, on connections.
class HttpCarrier {
 public:
  virtual ~HttpCarrier() = default;
  virtual void carry(HttpClient& client, HttpActions actions) = 0;
  virtual void session_over(HttpClient& client) = 0;
};

class HttpClient final : public ClientShell {
 public:
  HttpClient(ClientServices& services, HttpCarrier& carrier, std::string id, Era era, ClientOptions options);
  ~HttpClient() override;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] Era era() const { return era_; }
  void request(const Message& message, ConnId conn, HttpAsk::Takes takes);
  void tell(const Message& message);  // a notification, or the client's answer
  HttpStreams::Heard listen(ConnId conn, const std::optional<std::string>& last_event_id);
  void gone(ConnId conn);
  void tick(Instant now);

  Client& client() override { return client_; }
  void deliver(std::string_view line, StreamId stream, Part part) override;
  void unanswered(StreamId stream) override;
  void ended(int status) override;

 private:
  void carry(HttpActions actions);

  ClientServices& services_;
  HttpCarrier* carrier_;
  std::string id_;
  Era era_;
  HttpStreams streams_;
  Instant used_;
  Client client_;
};

}  // namespace rtt::mcp
