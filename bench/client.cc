// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "os/clock.h"

namespace rtt::bench {

void give_up(const std::string& what) {
  fmt::print(stderr, "rtt_bench: {}\n", what);
  std::exit(1);
}

std::int64_t now_ns() { return os::now().ns; }

std::string run(const std::vector<std::string>& argv) {
  auto child = os::spawn({.argv = argv,
                          .env = os::own_environment(),
                          .directory = {},
                          .in = os::Wire::kNull,
                          .err = os::Wire::kInherit,
                          .pass_fds = {}});
  if (!child) give_up(child.error().message);
  std::string out;
  char chunk[4096];
  for (ssize_t got; (got = ::read(child->out.get(), chunk, sizeof chunk)) > 0;)
    out.append(chunk, static_cast<std::size_t>(got));
  if (const auto exit = child->wait(); exit.code != 0)
    give_up(fmt::format("{} exited with {}", fmt::join(argv, " "), exit.code));
  return out;
}

std::int64_t timed_run(const std::vector<std::string>& argv) {
  const std::int64_t begin = now_ns();
  auto child = os::spawn({.argv = argv,
                          .env = os::own_environment(),
                          .directory = {},
                          .in = os::Wire::kNull,
                          .out = os::Wire::kNull,
                          .err = os::Wire::kNull,
                          .pass_fds = {}});
  if (!child) give_up(child.error().message);
  const auto exit = child->wait();
  const std::int64_t took = now_ns() - begin;
  if (exit.code != 0) give_up(fmt::format("{} exited with {}", argv[0], exit.code));
  return took;
}

StdioClient::StdioClient(const std::vector<std::string>& argv) {
  auto child = os::spawn({.argv = argv,
                          .env = os::own_environment(),
                          .directory = {},
                          .err = os::Wire::kInherit,
                          .pass_fds = {}});
  if (!child) give_up(child.error().message);
  child_ = std::move(*child);
}

StdioClient::~StdioClient() {
  child_.in.reset();
  child_.wait();
}

std::string StdioClient::ask(const std::string& line) {
  for (std::size_t at = 0; at < line.size();) {
    const ssize_t put = ::write(child_.in.get(), line.data() + at, line.size() - at);
    if (put <= 0) give_up("the server closed its input");
    at += static_cast<std::size_t>(put);
  }
  const std::string id = fmt::format("\"id\":{}", next_ - 1);
  for (;;) {
    for (std::size_t end; (end = buffer_.find('\n')) != std::string::npos;) {
      std::string reply = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (reply.find(id) != std::string::npos) return reply;  // anything else is a notification
    }
    char chunk[1 << 16];
    const ssize_t got = ::read(child_.out.get(), chunk, sizeof chunk);
    if (got <= 0) give_up("the server ended before it answered: " + line);
    buffer_.append(chunk, static_cast<std::size_t>(got));
  }
}

void StdioClient::initialize() {
  const auto reply = ask(fmt::format(
      R"({{"jsonrpc":"2.0","id":{},"method":"initialize","params":{{"protocolVersion":"2025-11-25","capabilities":{{}},"clientInfo":{{"name":"bench","version":"1.0.0"}}}}}})"
      "\n",
      next_++));
  if (reply.find("\"result\"") == std::string::npos) give_up("initialize failed: " + reply);
  const std::string_view initialized = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
  if (::write(child_.in.get(), initialized.data(), initialized.size()) < 0)
    give_up("the server closed its input");
}

std::string StdioClient::list() {
  return ask(fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"tools/list","params":{{}}}})"
                         "\n",
                         next_++));
}

std::int64_t StdioClient::call(std::string_view tool) {
  const std::uint64_t id = next_++;
  const std::string marker = fmt::format("marker-{:09}", id);  // 16 bytes
  const std::string line = fmt::format(
      R"({{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{{"name":"{}","arguments":{{"text":"{}"}}}}}})"
      "\n",
      id, tool, marker);
  const std::int64_t begin = now_ns();
  const std::string reply = ask(line);
  const std::int64_t took = now_ns() - begin;
  if (reply.find(marker) == std::string::npos || reply.find("\"error\"") != std::string::npos)
    give_up("wrong reply: " + reply);
  return took;
}

}  // namespace rtt::bench
