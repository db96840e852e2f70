// SPDX-License-Identifier: Apache-2.0
// Mux: one MCP server behind several gateways, as a step machine.
//
// Each gateway speaks to it as if it were alone: the first `initialize` goes to the server, later ones get
// the same result; ids and progress tokens are replaced by ones of ours and put back; a notification that
// belongs to no request goes to all. A server that is shared has nobody to ask: its requests are refused,
// ping excepted. The level of log messages is the most talkative one asked for, and a resource stays
// subscribed while one of them wants it. What a message means beyond this is no business here, so whatever
// the two ends agree on passes; the gateways hold the server to their own pins.
//
// Owns: requests under way, who subscribed.   Thread: one (pure).
// Fails: never; bad lines are dropped and counted, a request too many is answered with an error.
// Limits: kMcpInFlightMax requests, kMuxSubscriptionsMax, kMuxClientsMax.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {

using MuxClient = std::uint64_t;
inline constexpr std::size_t kMuxSubscriptionsMax = 10'000;
inline constexpr std::size_t kMuxClientsMax = 1024;

struct MuxSend {
  MuxClient to = 0;  // 0: the server
  std::string line;  // newline included
};
using MuxSends = std::vector<MuxSend>;

class Mux {
 public:
  void join(MuxClient client) { clients_.set(client, false); }
  MuxSends on_client(MuxClient client, std::string_view line);
  MuxSends on_server(std::string_view line);
  MuxSends leave(MuxClient client);  // withdraws what it asked

  [[nodiscard]] std::size_t clients() const { return clients_.size(); }
  [[nodiscard]] std::size_t in_flight() const { return asked_.size(); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  struct Asked {
    MuxClient client = 0;
    std::string id, token;  // raw, as the client chose them
    bool initialize = false;
  };

  void request(MuxSends& out, MuxClient client, const Message& message);
  void initialize(MuxSends& out, MuxClient client, const Message& message);
  void initialized(MuxSends& out, const Message& message);
  void forward(MuxSends& out, MuxClient client, const Message& message, bool initialize);
  void cancelled(MuxSends& out, MuxClient client, std::string_view params);
  void answer(MuxSends& out, const Message& message);
  void notify(MuxSends& out, const Message& message);
  bool absorbed(MuxClient client, const Message& message);

  FlatMap<MuxClient, bool> clients_;  // whether it was initialized
  FlatMap<std::uint64_t, Asked> asked_;
  std::vector<std::pair<MuxClient, std::string>> waiting_;  // for the server's first initialize: client, id
  std::string greeting_;                                    // raw result of initialize
  bool greeted_ = false;                                    // initialize was sent
  std::map<std::string, std::set<MuxClient>, std::less<>> subscribed_;
  int level_ = -1;
  std::uint64_t next_ = 1, dropped_ = 0;
};

}  // namespace rtt::mcp
