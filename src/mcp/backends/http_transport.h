// SPDX-License-Identifier: Apache-2.0
// HttpTransport: a server reached over HTTP or HTTPS.
//
// The step machine (http_session.h) decides what is asked of the server; this file performs it on libcurl
// (web/http_agent.h), adds what only this place knows, the configured headers and the login's token, and
// gives the clock. It leaves by a DELETE of its session, for which it waits kByeMs at most.
//
// Owns: its connections.   Thread: the loop's.
// Fails: as BackendTransport; without a login it needs, the session ends with kNeedsLogin.
// Limits: as HttpSession and HttpAgent.
#pragma once

#include <deque>
#include <map>

#include "mcp/auth/token_source.h"
#include "mcp/backends/http_session.h"
#include "mcp/backends/transport.h"
#include "web/http_agent.h"

namespace rtt::mcp {

class HttpTransport final : public BackendTransport, private web::HttpEvents {
 public:
  static constexpr std::int64_t kByeMs = 2000;

  HttpTransport(const std::string& name, Endpoint endpoint, const TransportStart& start);
  ~HttpTransport() override;
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  Status start() override;
  void send(std::string_view line, const MessageHeaders& headers) override;
  void joined(const MessageHeaders& headers) override { session_.joined(headers); }
  void forget(RequestKey request) override;
  [[nodiscard]] std::size_t bytes_waiting() const override { return session_.bytes_waiting(); }
  void leave(std::function<void()> gone) override;
  [[nodiscard]] bool may_expire() const override { return true; }

 private:
  void on_http_head(web::ExchangeId id, const web::HttpHead& head) override;
  void on_http_bytes(web::ExchangeId id, std::string_view bytes) override;
  void on_http_end(web::ExchangeId id, const Status& how) override;

  void perform(HttpActions actions);
  void tell();  // what was kept for it
  void tell_later();
  void fetch(http_act::Fetch fetch);
  void fetch_now(http_act::Fetch fetch);
  void abort(HttpKey key);
  void challenged(http_act::Challenged challenge);
  void arm();

  std::string name_;
  Endpoint endpoint_;
  os::Loop& loop_;
  std::shared_ptr<ServerRecord> record_;
  TransportEvents& events_;
  WriteBatch* batch_;
  HttpSession session_;
  TokenSource tokens_;
  std::unique_ptr<web::HttpAgent> agent_;
  std::map<HttpKey, web::ExchangeId> ids_;
  std::map<web::ExchangeId, HttpKey> keys_;
  std::deque<HttpAction> untold_;
  std::vector<http_act::Fetch> delayed_;  // until the login is renewed
  bool telling_ = false, over_ = false;
  os::Loop::TimerId tell_timer_ = 0, timer_ = 0, gone_timer_ = 0;
  std::function<void()> gone_;
};

}  // namespace rtt::mcp
