// SPDX-License-Identifier: Apache-2.0
// Gateway rows: what a tool call costs through the MCP gateway, in time, processor and memory, and how fast
// many servers are listed. Policy, audit and histograms are on, as always.
#include "gateway_rows.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "client.h"
#include "placement.h"
#include "report.h"

namespace rtt::bench {
namespace {

constexpr int kBackends = 20, kTools = 5, kInFlight = 32, kSlowMs = 300;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

double rss_mb(int pid) {
  const std::string status = text_of(fmt::format("/proc/{}/status", pid));
  return std::stod(status.substr(status.find("VmRSS:") + 6)) / 1024;
}

void call_rows(const Settings& settings, const std::string& root, Report& report) {
  Placement placement;
  placement.same_core({});  // both chains of processes on one core: a hop costs the same in each
  StdioClient served({settings.rtt, "mcp", "serve", "echo0", "-C", root});
  StdioClient relayed({settings.bin_dir + "/bench_relay", settings.bin_dir + "/bench_echo_server",
                       fmt::format("{}", kTools)});
  served.initialize();
  relayed.initialize();
  const int warm = 1000 / settings.scale, blocks = 20, per_block = 1000 / settings.scale;
  for (int i = 0; i < warm; ++i) {
    served.call("echo0");
    relayed.call("echo0");
  }
  const int gateway = gateway_of(root);
  Samples ours, reference;
  double used = 0;
  for (int block = 0; block < blocks; ++block) {
    const double before = cpu_ns(gateway);
    for (int i = 0; i < per_block; ++i) ours.add(served.call("echo0"));
    used += cpu_ns(gateway) - before;
    for (int i = 0; i < per_block; ++i) reference.add(relayed.call("echo0"));
  }
  report.add_with_reference({"mcp.stdio.p50", ours.median() / 1e3, "us", {}, {}},
                            {"relay_stdio.p50", reference.median() / 1e3, "us", {}, {}});
  report.add_with_reference({"mcp.stdio.p99", ours.percentile(99) / 1e3, "us", {}, {}},
                            {"relay_stdio.p99", reference.percentile(99) / 1e3, "us", {}, {}});
  report.add({"mcp.stdio.cpu", used / 1e3 / (blocks * per_block), "us/call", {}, {}});
}

void load_row(const Settings& settings, const std::string& root, Report& report) {
  StdioClient client({settings.rtt, "mcp", "serve", "echo1", "-C", root});
  client.initialize();
  client.pipelined("echo0", 2000, kInFlight);
  Samples ns_a_call;
  for (int i = 0; i < 9; ++i) {
    const int calls = 50'000 / settings.scale;
    ns_a_call.add(client.pipelined("echo0", calls, kInFlight) / calls);
  }
  report.add({"mcp.stdio.c32", 1e9 / ns_a_call.median(), "calls/s", {}, {}});
}

// What one client waits for 17 good servers, while another one calls one that hangs, one that ends and one
// that is slow, against the same without.
void isolation_row(const Settings& settings, const std::string& root, Report& report) {
  constexpr int kGood = kBackends - 3;
  StdioClient good({settings.rtt, "mcp", "serve", "-C", root}),
      bad({settings.rtt, "mcp", "serve", "-C", root});
  good.initialize();
  bad.initialize();
  const auto tool = [](int backend) { return fmt::format("echo{}__echo0", backend); };
  for (int i = 0; i < kGood; ++i) good.call(tool(i));
  Samples with, without;
  const int blocks = 20, rounds = 60 / std::min(settings.scale, 6);
  for (int block = 0; block < blocks; ++block) {
    for (int round = 0; round < rounds; ++round)
      for (int i = 0; i < kGood; ++i) without.add(good.call(tool(i)));
    bad.post(tool(kGood), "!hang");
    for (int round = 0; round < rounds; ++round) {
      if (round % 10 == 0) bad.post(tool(kGood + 1), "!exit");
      if (round % 10 == 0) bad.post(tool(kGood + 2), "!slow");
      for (int i = 0; i < kGood; ++i) with.add(good.call(tool(i)));
    }
  }
  bad.kill();
  report.add_with_reference({"mcp.isolation.p99", with.percentile(99) / 1e3, "us", {}, {}},
                            {"all_well.p99", without.percentile(99) / 1e3, "us", {}, {}});
}

void list_rows(const Settings& settings, const std::string& root, const std::string& slow, Report& report) {
  Samples cold, live;
  for (int i = 0; i < 15; ++i) {
    run({settings.rtt, "down", "--quiet", "-C", root});
    const std::int64_t begin = now_ns();
    StdioClient client({settings.rtt, "mcp", "serve", "-C", root});
    client.initialize();
    const std::string list = client.list();
    cold.add(now_ns() - begin);
    if (list.find(fmt::format("echo{}__echo{}", kBackends - 1, kTools - 1)) == std::string::npos)
      give_up("the list is not whole: " + list);
  }
  report.add({"mcp.list.20backends", cold.median() / 1e6, "ms", {}, {}});
  for (int i = 0; i < 5; ++i) live.add(timed_run({settings.rtt, "mcp", "diff", "--quiet", "-C", slow}));
  report.add({"mcp.list.live", live.median() / 1e6, "ms", {}, {}});
}

// 20 servers that run, 100 tools; then many calls and clients that come and go.
void memory_rows(const Settings& settings, const std::string& root, Report& report) {
  StdioClient all({settings.rtt, "mcp", "serve", "-C", root});
  all.initialize();
  for (int i = 0; i < kBackends; ++i) all.call(fmt::format("echo{}__echo0", i));
  const int gateway = gateway_of(root);
  const auto load = [&](int calls, int sessions) {
    all.pipelined("echo0__echo0", calls, kInFlight);
    for (int i = 0; i < sessions; ++i) {
      StdioClient client({settings.rtt, "mcp", "serve", "echo0", "-C", root});
      client.initialize();
      client.call("echo0");
    }
  };
  load(20'000, 20);  // buffers and caches reach their size
  const double before = rss_mb(gateway);
  report.add({"mcp.rss", before, "MB", {}, {}});
  load(1'000'000 / settings.scale, 1000 / settings.scale);
  report.add({"mcp.rss_growth", std::max(0.0, rss_mb(gateway) - before), "MB", {}, {}});
}

}  // namespace

int gateway_of(const std::string& root) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string words = text_of(entry.path() / "cmdline");
    const bool gateway = words.find("--gateway") != std::string::npos ||
                         words.find(std::string("\0mcp\0", 5)) != std::string::npos;
    if (gateway && words.find("driver-host") != std::string::npos && words.find(root) != std::string::npos)
      return std::stoi(entry.path().filename());
  }
  give_up("no gateway runs for " + root);
}

double cpu_ns(int pid) { return std::stod(text_of(fmt::format("/proc/{}/schedstat", pid))); }

void gateway_rows(const Settings& settings, Report& report) {
  const std::string root = echo_workspace(settings, "gateway", {.servers = kBackends, .tools = kTools});
  const std::string slow =
      echo_workspace(settings, "slow", {.servers = kBackends, .tools = kTools, .start_ms = kSlowMs});
  call_rows(settings, root, report);
  load_row(settings, root, report);
  isolation_row(settings, root, report);
  gateway_http_rows(settings, root, report);
  list_rows(settings, root, slow, report);
  memory_rows(settings, root, report);
  for (const std::string& workspace : {root, slow}) run({settings.rtt, "down", "--quiet", "-C", workspace});
}

}  // namespace rtt::bench
