// SPDX-License-Identifier: Apache-2.0
#include "api/server.h"

#include <algorithm>

#include "api/codec.h"

namespace rtt::api {
namespace {

constexpr int kAcceptsPerTurn = 16;
constexpr Nanos kRest{
    100'000'000};  // when the process is out of descriptors: a listener that stays ready would spin
constexpr std::uint32_t kHelloId = 1;

// The one message a connection gets that finds no place.
void turn_away(const os::Fd& socket) {
  Encoder encoder;
  Bytes bytes;
  const Error error{.code = Code::kBusy,
                    .message = "too many connections",
                    .where = {},
                    .hint = "close some clients of this workspace, then repeat"};
  RTT_ASSERT(append_frame(bytes, encoder, kHelloId, error).has_value());
  (void)os::send(socket.get(), bytes);  // if it is gone, nobody needs the answer
}

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(os::Loop& the_loop, os::UnixListener the_listener, Options the_options)
      : loop(the_loop), listener(std::move(the_listener)), options(the_options) {}

  void listen();
  void accept_some();
  void add(os::Fd socket);
  void remove(const std::shared_ptr<Peer>& peer);
  void rest();

  os::Loop& loop;
  os::UnixListener listener;
  Options options;
  OnRequest on_request;
  OnClosed on_closed;
  std::vector<std::shared_ptr<Peer>> peers;
  os::Loop::TimerId rest_timer = 0;
};

Server::Server() = default;

std::unique_ptr<Server> Server::start(os::Loop& loop, os::UnixListener listener, Options options,
                                      OnRequest on_request, OnClosed on_closed) {
  std::unique_ptr<Server> server(new Server);
  server->state_ = std::make_shared<State>(loop, std::move(listener), options);
  server->state_->on_request = std::move(on_request);
  server->state_->on_closed = std::move(on_closed);
  server->state_->listen();
  return server;
}

Server::~Server() {
  state_->loop.unwatch(state_->listener.fd());
  state_->loop.cancel(state_->rest_timer);
  state_->peers.clear();
}

std::size_t Server::clients() const { return state_->peers.size(); }

void Server::State::listen() {
  const Status watched = loop.watch(listener.fd(), os::kReadable, [weak = weak_from_this()](std::uint32_t) {
    if (const auto self = weak.lock()) self->accept_some();
  });
  if (!watched) rest();
}

void Server::State::rest() {
  loop.unwatch(listener.fd());
  rest_timer = loop.after(kRest, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->listen();
  });
}

void Server::State::accept_some() {
  for (int turn = 0; turn < kAcceptsPerTurn; ++turn) {
    auto accepted = listener.accept();
    if (!accepted) return rest();
    if (!*accepted) return;
    if (peers.size() >= options.clients_max) {
      turn_away(**accepted);
    } else {
      add(std::move(**accepted));
    }
  }
}

void Server::State::add(os::Fd socket) {
  const auto place = std::make_shared<std::weak_ptr<Peer>>();  // known only once the Peer exists
  const auto with_peer = [weak = weak_from_this(), place](const auto& call) {
    const auto self = weak.lock();
    const auto peer = place->lock();
    if (self && peer) call(*self, peer);
  };
  const auto peer = Peer::start(
      loop, std::move(socket),
      {.role = Peer::Role::kAccepting,
       .client_name = {},
       .generation = options.generation,
       .owner_uid = options.owner_uid},
      [with_peer](Request request, Responder respond) {
        with_peer([&](State& self, const std::shared_ptr<Peer>& from) {
          self.on_request(from, std::move(request), std::move(respond));
        });
      },
      [with_peer](const Error&) {
        with_peer([](State& self, const std::shared_ptr<Peer>& from) { self.remove(from); });
      });
  *place = peer;
  peers.push_back(peer);
}

void Server::State::remove(const std::shared_ptr<Peer>& peer) {
  std::erase(peers, peer);
  if (on_closed) on_closed(peer);
}

}  // namespace rtt::api
