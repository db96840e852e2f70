// SPDX-License-Identifier: Apache-2.0
#include "mcp/gateway_listen.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "mcp/clients/http_front.h"
#include "model/limits.h"
#include "os/process.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::size_t kClientFds = 2;    // its stdin and stdout
constexpr std::size_t kHandoverFds = 4;  // and the files of its handover

struct Hello {
  ClientOptions options;
  std::optional<HttpFrontOptions> http;
};

Result<std::vector<std::string>> strings(const Json& object, std::string_view key) {
  std::vector<std::string> out;
  const Json* const list = object.find(key);
  if (!list || !list->is_array()) return out;
  for (const Json& item : list->as_array()) {
    if (!item.is_string()) return fail(Code::kPanelProtocol, std::string(key) + " holds what is no string");
    out.push_back(item.as_string());
  }
  return out;
}

Result<HttpFrontOptions> read_http(const Json& http) {
  HttpFrontOptions out;
  const std::int64_t port = http.int_or("port", -1);
  if (port < 0 || port > UINT16_MAX) return fail(Code::kPanelProtocol, "http.port is no port");
  out.address = {.host = std::string(http.string_or("host")), .port = static_cast<std::uint16_t>(port)};
  out.policy.address = out.address.host;
  if (http.bool_or("beyond", false)) out.policy.reach = HttpPolicy::Reach::kBeyond;
  if (out.policy.reach == HttpPolicy::Reach::kLoopback && !os::is_loopback(out.address.host))
    return fail(Code::kPanelProtocol, out.address.host + " is no loopback address");
  RTT_TRY_SET(out.policy.origins, strings(http, "origins"));
  if (http.find("token")) {
    out.policy.token = parse_digest(http.string_or("token"));
    if (!out.policy.token) return fail(Code::kPanelProtocol, "http.token is no digest");
  }
  return out;
}

Result<Hello> read_hello(std::string_view line) {
  RTT_TRY_SET(const Json hello,
              text::parse_json(line, {.source_name = "hello", .bytes_max = kHelloBytesMax}));
  if (hello.string_or("hello") != kGatewayHello) {
    return fail(Code::kPanelProtocol, "the hello is not " + std::string(kGatewayHello));
  }
  Hello out{.options = {.servers = {}, .as = std::string(hello.string_or("as"))}, .http = {}};
  RTT_TRY_SET(out.options.servers, strings(hello, "servers"));
  if (hello.find("names")) {
    out.options.names = model::parse_name_mode(hello.string_or("names"));
    if (!out.options.names) return fail(Code::kPanelProtocol, "names is no mode of names");
  }
  if (hello.find("view")) {
    out.options.view = model::parse_tool_view(hello.string_or("view"));
    if (!out.options.view) return fail(Code::kPanelProtocol, "view is no view of tools");
  }
  if (!hello.bool_or("provenance", true)) out.options.provenance = ClientOptions::Provenance::kHidden;
  if (const Json* const http = hello.find("http"); http && http->is_object()) {
    RTT_TRY_SET(out.http, read_http(*http));
    out.http->client = out.options;
  } else {
    RTT_TRY_SET(out.options.surroundings, read_surroundings(hello));
  }
  return out;
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

  struct Front {  // what an `rtt mcp serve --http` holds open
    os::Fd socket;
    std::unique_ptr<HttpFront> http;
  };

  State(os::Loop& the_loop, Gateway& the_gateway) : loop(the_loop), gateway(the_gateway) {}

  void accept();
  void read(int fd);
  void adopt(Newcomer newcomer);
  void forget(int fd);
  void listen_http(os::Fd socket, HttpFrontOptions options);
  void close_front(int fd);
  Json unknown(const std::vector<std::string>& names);

  os::Loop& loop;
  Gateway& gateway;
  os::UnixListener listener;
  std::vector<Newcomer> newcomers;
  std::vector<Front> fronts;
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
  std::array<std::byte, std::size_t{16} * 1024> buffer{};
  auto got = os::receive(fd, buffer, static_cast<int>(kHandoverFds));
  if (!got || got->closed) {
    forget(fd);
    return;
  }
  for (os::Fd& received : got->fds) at->fds.push_back(std::move(received));
  at->hello.append(as_text(ByteView(buffer).first(got->bytes)));
  if (at->hello.size() > kHelloBytesMax || at->fds.size() > kHandoverFds) {
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
  auto hello = read_hello(std::string_view(newcomer.hello).substr(0, newcomer.hello.size() - 1));
  const std::size_t came = newcomer.fds.size();
  if (hello && !hello->http && came != kClientFds && came != kHandoverFds)
    hello = fail(Code::kPanelProtocol, "the hello came without stdin and stdout");
  if (!hello) {
    answer(newcomer.socket, Json::object({{"error", hello.error().message}}));
    return;
  }
  if (hello->http) return listen_http(std::move(newcomer.socket), *std::move(hello->http));
  std::unique_ptr<os::Handover> handover;
  if (came == kHandoverFds) {
    auto opened = os::Handover::open(
        {.memory = std::move(newcomer.fds[2]), .output = std::move(newcomer.fds[3])}, newcomer.fds[1].get());
    if (!opened) {
      answer(newcomer.socket, Json::object({{"error", opened.error().message}}));
      return;
    }
    handover = *std::move(opened);
    // What a server asked of the client before is not taken for an answer to what one asks now.
    hello->options.first_ask = (handover->runs() << 32U) + 1;
  }
  answer(newcomer.socket,
         Json::object(
             {{"accepted", true}, {"pid", os::own_pid()}, {"unknown", unknown(hello->options.servers)}}));
  // A failure ends the session, and the session says so on the socket.
  (void)gateway.serve_client(std::move(newcomer.fds[0]), std::move(newcomer.fds[1]),
                             std::move(newcomer.socket), std::move(hello->options), std::move(handover));
}

Json GatewayListener::State::unknown(const std::vector<std::string>& names) {
  Json out(text::JsonArray{});
  for (const std::string& name : gateway.unknown_servers(names)) out.push(name);
  return out;
}

void GatewayListener::State::listen_http(os::Fd socket, HttpFrontOptions options) {
  Json names = unknown(options.client.servers);
  Result<std::unique_ptr<HttpFront>> opened =
      fail(Code::kLimit, std::to_string(kHttpFrontsMax) + " HTTP fronts are open already");
  if (fronts.size() < kHttpFrontsMax) opened = HttpFront::open(loop, gateway, std::move(options));
  if (!opened) {
    std::string why = opened.error().message;
    if (!opened.error().hint.empty()) why += ". Next: " + opened.error().hint;
    answer(socket, Json::object({{"error", why}}));
    return;
  }
  const int fd = socket.get();
  const Status watched = loop.watch(fd, os::kReadable, [this, fd](std::uint32_t) {
    std::array<std::byte, 64> buffer{};
    const auto got = os::receive(fd, buffer);
    if (!got || got->closed) close_front(fd);
  });
  if (!watched) return;  // closing the socket tells
  answer(socket, Json::object({{"accepted", true},
                               {"pid", os::own_pid()},
                               {"unknown", std::move(names)},
                               {"url", (*opened)->url()}}));
  fronts.push_back({.socket = std::move(socket), .http = *std::move(opened)});
}

void GatewayListener::State::close_front(int fd) {
  loop.unwatch(fd);
  std::erase_if(fronts, [fd](const Front& front) { return front.socket.get() == fd; });
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
  while (!state_->fronts.empty()) {
    const os::Fd& socket = state_->fronts.back().socket;
    // Ended, not lost: nobody is to start another gateway for it.
    answer(socket, Json::object({{"status", static_cast<int>(Exit::kGatewayLost)}}));
    state_->close_front(socket.get());
  }
  while (!state_->newcomers.empty()) state_->forget(state_->newcomers.back().socket.get());
  state_->loop.unwatch(state_->listener.fd());
}

bool GatewayListener::has_fronts() const { return !state_->fronts.empty(); }

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
