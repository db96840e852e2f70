// SPDX-License-Identifier: Apache-2.0
#include "http_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "client.h"

namespace rtt::bench {
namespace {

int connected(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    ::close(fd);
    return -1;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

std::string header_of(std::string_view head, std::string_view name) {
  for (std::size_t at = 0; (at = head.find("\r\n", at)) != std::string_view::npos; at += 2) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (!std::ranges::equal(line.substr(0, name.size()), name,
                            [](char a, char b) { return (a | 0x20) == (b | 0x20); }))
      continue;
    const std::size_t from = line.find_first_not_of(' ', name.size() + 1);
    return from == std::string_view::npos ? std::string() : std::string(line.substr(from));
  }
  return {};
}

}  // namespace

// One kept connection, and what came on it. An answer is taken when all of it is there; of an event stream
// that does not end, what came so far.
class HttpClient::Connection {
 public:
  explicit Connection(int port) : port_(port), fd_(connected(port)) {
    if (fd_ < 0) give_up(fmt::format("nobody listens on port {}", port));
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  // Servers close what was idle for some seconds, as HTTP allows.
  [[nodiscard]] bool closed() const {
    char byte = 0;
    return buffer_.empty() && ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }
  void send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t put = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (put <= 0) give_up(fmt::format("port {} closed a connection", port_));
      text.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  void read_some() {
    char chunk[1 << 16];
    const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
    if (got <= 0) give_up(fmt::format("port {} closed a connection before it answered: {}", port_, buffer_));
    buffer_.append(chunk, static_cast<std::size_t>(got));
  }
  struct Answer {
    std::string head, body;
  };
  std::optional<Answer> take() {
    const std::size_t end = buffer_.find("\r\n\r\n");
    if (end == std::string::npos) return {};
    Answer answer{.head = buffer_.substr(0, end + 2), .body = {}};
    std::size_t at = end + 4;
    if (const std::string length = header_of(answer.head, "content-length"); !length.empty()) {
      const std::size_t size = std::stoul(length);
      if (buffer_.size() - at < size) return {};
      answer.body = buffer_.substr(at, size);
      at += size;
    } else if (header_of(answer.head, "transfer-encoding") == "chunked") {
      if (!take_chunks(at, answer.body)) return {};
    }
    buffer_.erase(0, at);
    return answer;
  }
  // The event stream's text so far, of chunks; its head must have been read. Used up by the caller.
  std::string& events() {
    if (!in_stream_) {
      const std::size_t end = buffer_.find("\r\n\r\n");
      if (end == std::string::npos) return text_;
      buffer_.erase(0, end + 4);
      in_stream_ = true;
    }
    std::size_t at = 0;
    for (std::string chunk; next_chunk(at, chunk) && !chunk.empty();) text_ += chunk;
    buffer_.erase(0, at);
    return text_;
  }

 private:
  // The chunk at `at`, empty for the last; false while it is not all there, with `at` unmoved.
  bool next_chunk(std::size_t& at, std::string& chunk) const {
    const std::size_t line = buffer_.find("\r\n", at);
    if (line == std::string::npos) return false;
    const std::size_t size = std::stoul(buffer_.substr(at, line - at), nullptr, 16);
    if (buffer_.size() < line + 2 + size + 2) return false;
    chunk = buffer_.substr(line + 2, size);
    at = line + 2 + size + 2;
    return true;
  }
  bool take_chunks(std::size_t& at, std::string& body) const {
    for (std::string chunk; next_chunk(at, chunk); body += chunk)
      if (chunk.empty()) return true;
    return false;
  }

  int port_, fd_;
  bool in_stream_ = false;
  std::string buffer_, text_;
};

HttpClient::HttpClient(Target target) : target_(std::move(target)), post_path_(target_.path) {}
HttpClient::~HttpClient() = default;

bool HttpClient::reachable(int port) {
  const int fd = connected(port);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

namespace {
std::string stream_request(const HttpClient::Target& target) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAccept: text/event-stream\r\n\r\n",
                     target.path, target.port);
}
}  // namespace

bool HttpClient::streams(const Target& target) {
  if (!reachable(target.port)) return false;
  const int fd = connected(target.port);
  const std::string request = stream_request(target);
  char answer[12] = {};
  const bool good = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
                    ::recv(fd, answer, sizeof answer, MSG_WAITALL) == sizeof answer &&
                    std::string_view(answer + 9, 3) == "200";
  ::close(fd);
  return good;
}

HttpClient::Connection& HttpClient::connection(std::size_t index) {
  if (connections_.size() <= index) connections_.resize(index + 1);
  std::unique_ptr<Connection>& here = connections_[index];
  if (!here || here->closed()) here = std::make_unique<Connection>(target_.port);
  return *here;
}

std::string HttpClient::request(std::string_view method, std::string_view name, std::string_view body) const {
  std::string out = fmt::format(
      "POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n"
      "Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n",
      post_path_, target_.port, body.size());
  if (target_.style == Style::kStateless) {
    fmt::format_to(std::back_inserter(out), "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {}\r\n", method);
    if (!name.empty()) fmt::format_to(std::back_inserter(out), "Mcp-Name: {}\r\n", name);
  } else if (!session_.empty()) {
    fmt::format_to(std::back_inserter(out), "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {}\r\n",
                   session_);
  }
  return out.append("\r\n").append(body);
}

std::string HttpClient::exchange(std::string_view request, std::uint64_t id) {
  Connection& here = connection(0);
  here.send(request);
  std::optional<Connection::Answer> answer;
  while (!(answer = here.take())) here.read_some();
  if (answer->head.find(" 20") == std::string::npos) give_up("refused: " + answer->head + answer->body);
  if (auto session = header_of(answer->head, "mcp-session-id"); !session.empty())
    session_ = std::move(session);
  if (target_.style != Style::kOldEvents || id == 0) return std::move(answer->body);
  const std::string wanted = fmt::format("\"id\":{}", id);
  for (;;) {
    std::string& text = events_->events();
    for (std::size_t end; (end = text.find("\n\n")) != std::string::npos;) {
      std::string event = text.substr(0, end);
      text.erase(0, end + 2);
      if (event.find(wanted) != std::string::npos) return event;
    }
    events_->read_some();
  }
}

void HttpClient::initialize() {
  if (target_.style == Style::kStateless) return;
  if (target_.style == Style::kOldEvents) {
    events_ = std::make_unique<Connection>(target_.port);
    events_->send(stream_request(target_));
    std::size_t at;
    while ((at = events_->events().find("data: /")) == std::string::npos ||
           events_->events().find("\n\n", at) == std::string::npos)
      events_->read_some();
    std::string& text = events_->events();
    post_path_ = text.substr(at + 6, text.find('\n', at) - at - 6);
    text.clear();
  }
  const std::uint64_t id = next_++;
  const std::string reply = exchange(
      request(
          "initialize", "",
          fmt::format(
              R"({{"jsonrpc":"2.0","id":{},"method":"initialize","params":{{"protocolVersion":"2025-11-25","capabilities":{{}},"clientInfo":{{"name":"bench","version":"1.0.0"}}}}}})",
              id)),
      id);
  if (reply.find("\"result\"") == std::string::npos) give_up("initialize failed: " + reply);
  exchange(
      request("notifications/initialized", "", R"({"jsonrpc":"2.0","method":"notifications/initialized"})"),
      0);
}

namespace {
constexpr std::string_view kWho =
    R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1.0.0"}})";
}

std::string HttpClient::list() {
  const std::uint64_t id = next_++;
  const std::string_view who = target_.style == Style::kStateless ? kWho.substr(1) : "";
  return exchange(
      request("tools/list", "",
              fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"tools/list","params":{{{}}}}})", id, who)),
      id);
}

std::string HttpClient::call_request(std::string_view tool, std::uint64_t id) const {
  return request(
      "tools/call", tool,
      fmt::format(
          R"({{"jsonrpc":"2.0","id":{0},"method":"tools/call","params":{{"name":"{1}","arguments":{{"text":"marker-{0:09}"}}{2}}}}})",
          id, tool, target_.style == Style::kStateless ? kWho : ""));
}

namespace {
void check(std::string_view reply, std::uint64_t id) {
  if (reply.find(fmt::format("marker-{:09}", id)) == std::string_view::npos ||
      reply.find("\"error\"") != std::string_view::npos)
    give_up("wrong reply: " + std::string(reply));
}
}  // namespace

std::int64_t HttpClient::call(std::string_view tool) {
  const std::uint64_t id = next_++;
  const std::string text = call_request(tool, id);
  const std::int64_t begin = now_ns();
  const std::string reply = exchange(text, id);
  const std::int64_t took = now_ns() - begin;
  check(reply, id);
  return took;
}

std::int64_t HttpClient::parallel(std::string_view tool, int calls, int connections) {
  const auto count = static_cast<std::size_t>(connections);
  for (std::size_t i = 0; i < count; ++i) connection(i);
  std::vector<std::uint64_t> asked(count);
  std::vector<pollfd> fds(count);
  int sent = 0, answered = 0;
  const std::int64_t begin = now_ns();
  const auto ask = [&](std::size_t i) {
    ++sent;
    connections_[i]->send(call_request(tool, asked[i] = next_++));
  };
  for (std::size_t i = 0; i < count; ++i) {
    fds[i] = {.fd = connections_[i]->fd(), .events = POLLIN, .revents = 0};
    ask(i);
  }
  while (answered < calls) {
    if (::poll(fds.data(), fds.size(), 30'000) <= 0) give_up("the HTTP server is silent");
    for (std::size_t i = 0; i < count && answered < calls; ++i) {
      if (fds[i].revents == 0) continue;
      connections_[i]->read_some();
      const auto answer = connections_[i]->take();
      if (!answer) continue;
      check(answer->body, asked[i]);
      ++answered;
      if (sent < calls) ask(i);
    }
  }
  return now_ns() - begin;
}

}  // namespace rtt::bench
