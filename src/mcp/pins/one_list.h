// SPDX-License-Identifier: Apache-2.0
// OneList: what one MCP server offers to a client with one set of capabilities.
//
// The server is started for this, asked until its lists are settled, and stopped; the answer comes when it
// has ended.
//
// Owns: the server while it runs.   Thread: the loop's.
// Fails: the answer's error: kServerStart, kServerProtocol, kServerGone, kDeadline, kSecretMissing.
// Limits: kSettleRounds rounds of asking, the deadline.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mcp/backends/backend.h"
#include "mcp/pins/client_needs.h"

namespace rtt::mcp {

class OneList final : public BackendUser {
 public:
  struct Answer {
    ServerInfo info;
    Definitions definitions;
    std::optional<Error> error;
    std::string log;  // what it printed, where it failed
  };
  struct Options {
    std::shared_ptr<const PinnedServer> pins;  // how it is started; no item in it
    registry::Workspace workspace;
    SecretValues fresh;  // not yet in the store
    ClientFeatures client;
    std::int64_t deadline_ms = 30'000;
  };
  // `done` runs later on the loop, once, and may destroy this.
  OneList(os::Loop& loop, Options options, std::function<void(Answer)> done);

  void on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) override;
  void on_backend_failure(std::uint64_t token, const Error& why) override;
  void on_backend_progress(std::uint64_t, std::string_view) override {}

 private:
  static constexpr int kSettleRounds = 4;  // while a server that came up still changes its lists

  void ask(std::string method);
  void finish();

  os::Loop& loop_;
  std::function<void(Answer)> done_;
  Answer answer_;
  Instant deadline_;
  int round_ = 0;
  Backend backend_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rtt::mcp
