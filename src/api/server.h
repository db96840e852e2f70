// SPDX-License-Identifier: Apache-2.0
// Server: the listening end of the control socket: accepts connections and makes a Peer of each.
//
// Every request of every connection goes to one handler, with the Peer it came on, so that the handler can
// also ask back (the panel asks driver hosts over the connection they opened).
//
// Owns: the listener; each Peer until its connection ends.   Thread: the loop's, which outlives it.
// Units: none.
// Fails: nothing; a connection over the limit is told kBusy, one of another user kNotOwner closed.
// Limits: Options.clients_max connections; kHandshakeMs to say hello (peer.h).
#pragma once

#include <functional>
#include <memory>

#include "api/peer.h"
#include "model/limits.h"
#include "os/unix_socket.h"

namespace rtt::api {

class Server {
 public:
  struct Options {
    std::uint64_t generation = 0;
    std::size_t clients_max = limits::kClientsMax;
    std::optional<unsigned> owner_uid;
  };
  using OnRequest =
      std::function<void(const std::shared_ptr<Peer>& peer, Request request, Responder respond)>;
  using OnClosed = std::function<void(const std::shared_ptr<Peer>& peer)>;

  static std::unique_ptr<Server> start(os::Loop& loop, os::UnixListener listener, Options options,
                                       OnRequest on_request, OnClosed on_closed = nullptr);
  ~Server();  // closes every connection; on_closed is not called
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::size_t clients() const;

 private:
  Server();
  struct State;
  std::shared_ptr<State> state_;  // shared with the call under way, in which the owner may destroy the Server
};

}  // namespace rtt::api
