// SPDX-License-Identifier: Apache-2.0
// TokenSource: the access token one session goes to its server with, kept fresh.
//
// `rtt mcp login` puts a login into the user's secret store; here it is read, renewed by its refresh token a
// little before it runs out, and once when the server refuses it. Several gateways may share a login: before
// and after renewing the store is read again, so that one that renewed first is believed.
//
// Owns: the request under way.   Thread: the loop's.
// Fails: renew (kNeedsLogin, with the command to run; kServerGone: the authorization server is out of
// reach). Limits: kTokenAnswerBytesMax an answer, kTokenAnswerMs for it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mcp/auth/login_store.h"
#include "mcp/backends/server_record.h"
#include "web/http_agent.h"

namespace rtt::mcp {

inline constexpr std::size_t kTokenAnswerBytesMax = std::size_t{256} << 10;
inline constexpr std::int64_t kTokenAnswerMs = 20'000;
inline constexpr std::int64_t kTokenEarlyMs = 60'000;  // renewed this long before it runs out

class TokenSource final : private web::HttpEvents {
 public:
  struct Options {
    std::string server, user_dir;
    web::Url resource;
    std::string ca_file;
    std::shared_ptr<ServerRecord> record;  // its log must not show tokens
  };
  struct Refused {
    int status = 0;  // 401 or 403
    std::string challenge;
  };
  using Done = std::function<void(const Status&)>;

  TokenSource(os::Loop& loop, Options options);
  ~TokenSource() override;
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;

  [[nodiscard]] std::optional<std::string> current();  // nothing: there is no login
  [[nodiscard]] bool should_renew();                   // it runs out soon, and can be renewed
  void renew(const Refused& refused, Done done);       // `done` comes later, from the loop
  void forget();                                       // nobody waits any more

 private:
  void on_http_head(web::ExchangeId id, const web::HttpHead& head) override;
  void on_http_bytes(web::ExchangeId id, std::string_view bytes) override;
  void on_http_end(web::ExchangeId id, const Status& how) override;
  void read();
  void ask_alone(const std::string& before);  // the access token that is to be replaced
  void ask();
  void end_login();
  void settle(const Status& how);
  void settle_later(Status how);
  [[nodiscard]] Error needs_login(std::string_view what, std::string_view more) const;

  os::Loop& loop_;
  Options options_;
  LoginStore store_;
  std::optional<Login> login_;
  bool read_ = false;
  std::unique_ptr<web::HttpAgent> agent_;
  int status_ = 0;
  std::string answer_;
  bool asking_ = false;
  std::optional<os::FileLock> lock_;  // while it is asked for
  Instant wait_until_{};              // for somebody else's renewal
  Instant early_again_{};             // not before: a renewal ahead of time is tried once a minute
  std::vector<Done> waiting_;
  os::Loop::TimerId timer_ = 0;
};

}  // namespace rtt::mcp
