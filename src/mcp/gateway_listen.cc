// SPDX-License-Identifier: Apache-2.0
#include "mcp/gateway_listen.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "model/limits.h"
#include "os/process.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr int kClientFds = 2;  // its stdin and stdout

Result<ClientOptions> read_hello(std::string_view line) {
  RTT_TRY_SET(const Json hello,
              text::parse_json(line, {.source_name = "hello", .bytes_max = kHelloBytesMax}));
  if (hello.string_or("hello") != kGatewayHello) {
    return fail(Code::kPanelProtocol, "the hello is not " + std::string(kGatewayHello));
  }
  ClientOptions options{.as = std::string(hello.string_or("as"))};
  if (const Json* servers = hello.find("servers"); servers && servers->is_array()) {
    for (const Json& name : servers->as_array()) {
      if (!name.is_string()) return fail(Code::kPanelProtocol, "a server's name is no string");
      options.servers.push_back(name.as_string());
    }
  }
  return options;
}

void answer(const os::Fd& socket, const Json& body) {
  (void)os::send(socket.get(),
                 as_bytes(text::to_json(body) + "\n"));  // if it is gone, nobody needs the answer
}

}  // namespace

struct GatewayListener::State {
  struct Newcomer {
    os::Fd socket;
    std::vector<os::Fd> fds;
    std::string hello;
    os::Loop::TimerId timer = 0;
  };

  State(os::Loop& the_loop, Gateway& the_gateway) : loop(the_loop), gateway(the_gateway) {}

  void accept();
  void read(int fd);
  void adopt(Newcomer newcomer);
  void forget(int fd);

  os::Loop& loop;
  Gateway& gateway;
  os::UnixListener listener;
  std::vector<Newcomer> newcomers;
};

void GatewayListener::State::accept() {
  auto accepted = listener.accept();
  if (!accepted || !*accepted) return;
  os::Fd socket = *std::move(*accepted);
  const auto peer = os::peer_identity(socket.get());
  if (!peer || peer->uid != os::own_uid()) return;  // closed: not this user's
  if (newcomers.size() + gateway.client_count() >= static_cast<std::size_t>(limits::kClientsMax)) return;
  const int fd = socket.get();
  Newcomer newcomer{.socket = std::move(socket)};
  newcomer.timer = loop.after(nanos_from_ms(kHelloMs), [this, fd] { forget(fd); });
  if (!loop.watch(fd, os::kReadable, [this, fd](std::uint32_t) { read(fd); })) {
    loop.cancel(newcomer.timer);
    return;
  }
  newcomers.push_back(std::move(newcomer));
}

void GatewayListener::State::read(int fd) {
  const auto at = std::find_if(newcomers.begin(), newcomers.end(),
                               [fd](const Newcomer& n) { return n.socket.get() == fd; });
  if (at == newcomers.end()) return;
  std::array<std::byte, 4096> buffer{};
  auto got = os::receive(fd, buffer, kClientFds);
  if (!got || got->closed) {
    forget(fd);
    return;
  }
  for (os::Fd& received : got->fds) at->fds.push_back(std::move(received));
  at->hello.append(as_text(ByteView(buffer).first(got->bytes)));
  if (at->hello.size() > kHelloBytesMax || at->fds.size() > kClientFds) {
    forget(fd);
  } else if (at->hello.ends_with('\n')) {
    loop.unwatch(fd);
    loop.cancel(at->timer);
    Newcomer newcomer = std::move(*at);
    newcomers.erase(at);
    adopt(std::move(newcomer));
  }
}

void GatewayListener::State::adopt(Newcomer newcomer) {
  auto options = read_hello(std::string_view(newcomer.hello).substr(0, newcomer.hello.size() - 1));
  if (options && newcomer.fds.size() != kClientFds) {
    options = fail(Code::kPanelProtocol, "the hello came without stdin and stdout");
  }
  if (!options) {
    answer(newcomer.socket, Json::object({{"error", options.error().message}}));
    return;
  }
  Json unknown(text::JsonArray{});
  for (const std::string& name : gateway.unknown_servers(options->servers)) unknown.push(name);
  answer(newcomer.socket,
         Json::object({{"accepted", true}, {"pid", os::own_pid()}, {"unknown", std::move(unknown)}}));
  // A failure ends the session, and the session says so on the socket.
  (void)gateway.serve_client(std::move(newcomer.fds[0]), std::move(newcomer.fds[1]),
                             std::move(newcomer.socket), *std::move(options));
}

void GatewayListener::State::forget(int fd) {
  const auto at = std::find_if(newcomers.begin(), newcomers.end(),
                               [fd](const Newcomer& n) { return n.socket.get() == fd; });
  if (at == newcomers.end()) return;
  loop.unwatch(fd);
  loop.cancel(at->timer);
  newcomers.erase(at);
}

GatewayListener::GatewayListener() = default;

GatewayListener::~GatewayListener() {
  if (!state_) return;
  while (!state_->newcomers.empty()) state_->forget(state_->newcomers.back().socket.get());
  state_->loop.unwatch(state_->listener.fd());
}

Result<std::unique_ptr<GatewayListener>> GatewayListener::start(os::Loop& loop, Gateway& gateway,
                                                                const std::string& sockets_dir) {
  std::unique_ptr<GatewayListener> out(new GatewayListener);
  out->state_ = std::make_unique<State>(loop, gateway);
  RTT_TRY_SET(out->state_->listener, os::UnixListener::bind(sockets_dir, std::string(kGatewaySocket)));
  State* const state = out->state_.get();
  RTT_TRY(loop.watch(state->listener.fd(), os::kReadable, [state](std::uint32_t) { state->accept(); }));
  return out;
}

}  // namespace rtt::mcp
