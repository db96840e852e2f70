// SPDX-License-Identifier: Apache-2.0
// HTTP rows of the gateway: a tool call over a kept connection, alone and 32 at a time, each on a connection
// of its own, against the smallest relay from HTTP to a stdio server.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "client.h"
#include "gateway_rows.h"
#include "placement.h"

namespace rtt::bench {
namespace {

constexpr int kTools = 5, kInFlight = 32;

// One kept connection; a request is answered before the next is sent on it.
class HttpWire {
 public:
  HttpWire(int port, std::string headers) : headers_(std::move(headers)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = ::htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      give_up(fmt::format("nothing listens on port {}", port));
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~HttpWire() { ::close(fd_); }
  HttpWire(const HttpWire&) = delete;
  HttpWire& operator=(const HttpWire&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  void add_header(const std::string& line) { headers_ += line + "\r\n"; }
  void send(std::string_view body) {
    const std::string text = fmt::format(
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: "
        "application/json, text/event-stream\r\n{}Content-Length: {}\r\n\r\n{}",
        headers_, body.size(), body);
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t put = ::write(fd_, rest.data(), rest.size());
      if (put <= 0) give_up("the server closed a connection");
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  // Reads what is there; whether a whole answer is.
  bool read_some() {
    char chunk[1 << 14];
    const ssize_t got = ::read(fd_, chunk, sizeof chunk);
    if (got <= 0) give_up("the server closed a connection before it answered");
    buffer_.append(chunk, static_cast<std::size_t>(got));
    const std::size_t end = buffer_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::size_t at = buffer_.find("Content-Length: ");
    if (at > end) give_up("an answer without a length: " + buffer_);
    return buffer_.size() >= end + 4 + std::stoul(buffer_.substr(at + 16, 20));
  }
  std::string take() { return std::exchange(buffer_, {}); }
  std::string ask(std::string_view body) {
    send(body);
    while (!read_some()) {
    }
    return take();
  }

 private:
  int fd_ = -1;
  std::string headers_, buffer_;
};

std::string call_body(std::uint64_t id) {
  return fmt::format(
      R"({{"jsonrpc":"2.0","id":{0},"method":"tools/call","params":{{"name":"echo0","arguments":{{"text":"marker-{0:09}"}}}}}})",
      id);
}
void check(const std::string& answer, std::uint64_t id) {
  if (answer.find(fmt::format("marker-{:09}", id)) == std::string::npos ||
      answer.find("\"error\"") != std::string::npos)
    give_up("wrong answer: " + answer);
}

// Begins a session; the header that names it, empty where the server has none.
std::string initialize(HttpWire& wire) {
  const std::string answer = wire.ask(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1.0.0"}}})");
  if (answer.find("\"result\"") == std::string::npos) give_up("initialize failed: " + answer);
  const std::size_t at = answer.find("Mcp-Session-Id: ");
  const std::string session =
      at == std::string::npos ? std::string() : answer.substr(at, answer.find('\r', at) - at);
  if (!session.empty()) wire.add_header(session);
  wire.ask(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  return session;
}

// A server process that says where it listens on a line, and ends when its stdin does or by SIGTERM.
struct Served {
  os::Child child;
  int port = 0;
  std::string headers;
  Served() = default;
  Served(Served&&) = default;
  ~Served() {
    if (child.pid() <= 0) return;
    child.in.reset();
    ::kill(child.pid(), SIGTERM);
    child.wait();
  }
};

std::string said_by(const os::Fd& fd, std::string_view until) {
  std::string text;
  char byte = 0;
  while (text.find(until) == std::string::npos || text.back() != '\n') {
    if (::read(fd.get(), &byte, 1) != 1) give_up("a server ended before it listened: " + text);
    text += byte;
  }
  return text;
}

Served start(std::vector<std::string> argv, os::Wire err) {
  auto child = os::spawn(
      {.argv = std::move(argv), .env = os::own_environment(), .directory = {}, .err = err, .pass_fds = {}});
  if (!child) give_up(child.error().message);
  Served served;
  served.child = std::move(*child);
  return served;
}

Served start_relay(const Settings& settings) {
  Served relay = start({settings.bin_dir + "/bench_http_relay", settings.bin_dir + "/bench_echo_server",
                        fmt::format("{}", kTools)},
                       os::Wire::kInherit);
  relay.port = std::stoi(said_by(relay.child.out, "\n"));
  return relay;
}

Served start_front(const Settings& settings, const std::string& root) {
  Served front =
      start({settings.rtt, "mcp", "serve", "echo0", "--http", "127.0.0.1:0", "-C", root}, os::Wire::kPipe);
  const std::string said = said_by(front.child.err, "the token is in");
  const std::size_t port = said.find("http://127.0.0.1:") + 17;
  front.port = std::stoi(said.substr(port));
  const std::size_t at = said.find("the token is in ") + 16;
  std::ifstream file(said.substr(at, said.find(';', at) - at));
  std::string token;
  file >> token;
  front.headers = "Authorization: Bearer " + token + "\r\n";
  return front;
}

void call_rows(const Settings& settings, const std::string& root, const Served& front, Report& report) {
  Placement placement;
  placement.same_core({});
  const Served relay = start_relay(settings);
  HttpWire served(front.port, front.headers), relayed(relay.port, {});
  initialize(served);
  initialize(relayed);
  std::uint64_t next = 2;
  const auto call = [&next](HttpWire& wire) {
    const std::uint64_t id = next++;
    const std::string body = call_body(id);
    const std::int64_t begin = now_ns();
    const std::string answer = wire.ask(body);
    const std::int64_t took = now_ns() - begin;
    check(answer, id);
    return took;
  };
  const int warm = 1000 / settings.scale, blocks = 20, per_block = 1000 / settings.scale;
  for (int i = 0; i < warm; ++i) {
    call(served);
    call(relayed);
  }
  const int gateway = gateway_of(root);
  Samples ours, reference;
  double used = 0;
  for (int block = 0; block < blocks; ++block) {
    const double before = cpu_ns(gateway);
    for (int i = 0; i < per_block; ++i) ours.add(call(served));
    used += cpu_ns(gateway) - before;
    for (int i = 0; i < per_block; ++i) reference.add(call(relayed));
  }
  report.add_with_reference({"mcp.http.p50", ours.median() / 1e3, "us", {}, {}},
                            {"relay_http.p50", reference.median() / 1e3, "us", {}, {}});
  report.add({"mcp.http.cpu", used / 1e3 / (blocks * per_block), "us/call", {}, {}});
}

void load_row(const Settings& settings, const Served& front, Report& report) {
  std::vector<std::unique_ptr<HttpWire>> wires;
  std::string session;
  for (int i = 0; i < kInFlight; ++i) {
    wires.push_back(std::make_unique<HttpWire>(front.port, front.headers));
    if (i == 0) session = initialize(*wires.front());
    if (i > 0) wires.back()->add_header(session);
  }
  std::vector<pollfd> fds;
  for (const auto& wire : wires) fds.push_back({wire->fd(), POLLIN, 0});
  std::vector<std::uint64_t> under_way(wires.size());
  std::uint64_t next = 2;
  Samples ns_a_call;
  for (int run = 0; run < 9; ++run) {
    const std::uint64_t calls = 20'000 / static_cast<unsigned>(settings.scale), last = next + calls;
    const std::int64_t begin = now_ns();
    for (std::size_t i = 0; i < wires.size(); ++i) wires[i]->send(call_body(under_way[i] = next++));
    for (std::uint64_t open = wires.size(); open > 0;) {
      if (::poll(fds.data(), fds.size(), -1) < 0) continue;
      for (std::size_t i = 0; i < wires.size(); ++i) {
        if (fds[i].revents == 0 || !wires[i]->read_some()) continue;
        check(wires[i]->take(), under_way[i]);
        if (next < last) {
          wires[i]->send(call_body(under_way[i] = next++));
        } else {
          --open;
        }
      }
    }
    ns_a_call.add((now_ns() - begin) / static_cast<std::int64_t>(calls));
  }
  report.add({"mcp.http.c32", 1e9 / ns_a_call.median(), "calls/s", {}, {}});
}

}  // namespace

void gateway_http_rows(const Settings& settings, const std::string& root, Report& report) {
  const Served front = start_front(settings, root);
  call_rows(settings, root, front, report);
  load_row(settings, front, report);
}

}  // namespace rtt::bench
