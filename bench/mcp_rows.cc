// SPDX-License-Identifier: Apache-2.0
// MCP rows: a tool call through `rtt mcp serve` against a bare stdio pass-through, and the first list of a
// client.
#include <fmt/format.h>

#include "client.h"
#include "placement.h"
#include "report.h"

namespace rtt::bench {
namespace {

constexpr int kServers = 4, kTools = 5;

void call_row(const Settings& settings, const std::string& root, Report& report) {
  StdioClient served({settings.rtt, "mcp", "serve", "echo0", "-C", root});
  StdioClient relayed({settings.bin_dir + "/bench_relay", settings.bin_dir + "/bench_echo_server",
                       fmt::format("{}", kTools)});
  served.initialize();
  relayed.initialize();
  const int warm = 1000 / settings.scale, blocks = 20, per_block = 500 / settings.scale;
  for (int i = 0; i < warm; ++i) {
    served.call("echo0");
    relayed.call("echo0");
  }
  Samples ours, reference;
  for (int block = 0; block < blocks; ++block) {
    for (int i = 0; i < per_block; ++i) ours.add(served.call("echo0"));
    for (int i = 0; i < per_block; ++i) reference.add(relayed.call("echo0"));
  }
  report.add_with_reference({"mcp.serve.p50", ours.median() / 1e3, "us", {}, {}},
                            {"relay_stdio.p50", reference.median() / 1e3, "us", {}, {}});
}

void list_row(const Settings& settings, const std::string& root, Report& report) {
  Samples samples;
  for (int i = 0; i < 15; ++i) {
    run({settings.rtt, "down", "--quiet", "-C", root});
    const std::int64_t begin = now_ns();
    StdioClient client({settings.rtt, "mcp", "serve", "-C", root});
    client.initialize();
    const std::string list = client.list();
    samples.add(now_ns() - begin);
    if (list.find(fmt::format("echo{}", kTools - 1)) == std::string::npos)
      give_up("the list is not whole: " + list);
  }
  report.add({"mcp.list.cold", samples.median() / 1e6, "ms", {}, {}});
}

}  // namespace

void mcp_rows(const Settings& settings, Report& report) {
  Placement placement;  // the whole chain of processes on one core: each hop costs the same both ways
  placement.same_core({});
  const std::string root = echo_workspace(settings, "mcp", {.servers = kServers, .tools = kTools});
  call_row(settings, root, report);
  list_row(settings, root, report);
  run({settings.rtt, "down", "--quiet", "-C", root});
}

}  // namespace rtt::bench
