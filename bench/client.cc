// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

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
                          .lifetime = os::Lifetime::kDetached,  // a panel that it starts stays
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

namespace {

std::string call_line(std::uint64_t id, std::string_view tool, std::string_view text) {
  return fmt::format(
      R"({{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{{"name":"{}","arguments":{{"text":"{}"}}}}}})"
      "\n",
      id, tool, text);
}

}  // namespace

std::string echo_workspace(const Settings& settings, const std::string& name, const EchoServers& echo) {
  const std::string root = settings.work_dir + "/" + name;
  std::filesystem::create_directories(root);
  std::ofstream config(root + "/.mcp.json");
  config << "{\"mcpServers\":{";
  for (int i = 0; i < echo.servers; ++i) {
    config << fmt::format("{}\"echo{}\":{{\"command\":\"{}/bench_echo_server\",\"args\":[\"{}\",\"{}\"]}}",
                          i == 0 ? "" : ",", i, settings.bin_dir, echo.tools, echo.start_ms);
  }
  config << "}}\n";
  config.close();
  run({settings.rtt, "up", "--yes", "--quiet", "-C", root});
  return root;
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

void StdioClient::send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(child_.in.get(), text.data(), text.size());
    if (put <= 0) give_up("the server closed its input");
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

std::string StdioClient::ask(const std::string& line) {
  send(line);
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

std::int64_t StdioClient::pipelined(std::string_view tool, int calls, int in_flight) {
  const std::uint64_t first = next_;
  int asked = 0, answered = 0;
  std::vector<bool> seen(static_cast<std::size_t>(calls));
  std::string out;
  std::string chunk(1 << 16, '\0');
  const std::int64_t begin = now_ns();
  while (answered < calls) {
    out.clear();
    for (; asked < calls && asked - answered < in_flight; ++asked, ++next_) {
      fmt::format_to(
          std::back_inserter(out),
          R"({{"jsonrpc":"2.0","id":{0},"method":"tools/call","params":{{"name":"{1}","arguments":{{"text":"marker-{0:09}"}}}}}})"
          "\n",
          next_, tool);
    }
    send(out);
    const ssize_t got = ::read(child_.out.get(), chunk.data(), chunk.size());
    if (got <= 0) give_up("the server ended before it answered");
    buffer_.append(chunk, 0, static_cast<std::size_t>(got));
    std::size_t start = 0;
    for (std::size_t end; (end = buffer_.find('\n', start)) != std::string::npos; start = end + 1) {
      const std::string_view reply = std::string_view(buffer_).substr(start, end - start);
      const std::size_t id_at = reply.find("\"id\":"), marker_at = reply.find("marker-");
      if (id_at == std::string_view::npos || marker_at == std::string_view::npos) {
        if (reply.find("\"method\"") != std::string_view::npos) continue;
        give_up("wrong reply: " + std::string(reply));
      }
      const std::uint64_t id = std::stoull(std::string(reply.substr(id_at + 5, 20)));
      const std::uint64_t marker = std::stoull(std::string(reply.substr(marker_at + 7, 9)));
      const std::size_t index = id - first;
      if (id != marker || index >= seen.size() || seen[index]) give_up("wrong reply: " + std::string(reply));
      seen[index] = true;
      ++answered;
    }
    buffer_.erase(0, start);
  }
  return now_ns() - begin;
}

void StdioClient::post(std::string_view tool, std::string_view text) { send(call_line(next_++, tool, text)); }

std::int64_t StdioClient::call(std::string_view tool) {
  const std::uint64_t id = next_++;
  const std::string marker = fmt::format("marker-{:09}", id);  // 16 bytes
  const std::string line = call_line(id, tool, marker);
  const std::int64_t begin = now_ns();
  const std::string reply = ask(line);
  const std::int64_t took = now_ns() - begin;
  if (reply.find(marker) == std::string::npos || reply.find("\"error\"") != std::string::npos)
    give_up("wrong reply: " + reply);
  return took;
}

}  // namespace rtt::bench
