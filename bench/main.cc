// SPDX-License-Identifier: Apache-2.0
// rtt_bench [--quick] [--only GROUP] [--peers NODE_MODULES] [--json FILE]: every row of this build, each
// ratio against a reference of the same run; or, with --peers, other programs beside rtt and nothing else
// (groups gateway and render).
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "client.h"
#include "report.h"

int main(int argc, char** argv) {
  using namespace rtt::bench;
  std::string json, only;
  Settings settings{.rtt = RTT_BIN_DIR "/rtt",
                    .bin_dir = RTT_BIN_DIR,
                    .work_dir = std::filesystem::temp_directory_path() / "rtt-bench-XXXXXX"};
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0)
      settings.scale = 10;
    else if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc)
      json = argv[++i];
    else if (std::strcmp(argv[i], "--only") == 0 && i + 1 < argc)
      only = argv[++i];
    else if (std::strcmp(argv[i], "--peers") == 0 && i + 1 < argc)
      settings.peers = std::filesystem::absolute(argv[++i]);
    else
      give_up(
          "usage: rtt_bench [--quick] [--only "
          "engine|journal|explore|apply|control|mcp|gateway|shm|live|views|render] [--peers "
          "NODE_MODULES] "
          "[--json FILE]");
  }
  if (::mkdtemp(settings.work_dir.data()) == nullptr) give_up("cannot make a folder in the temporary folder");
  // An identity, a mount of views and everything else of its own.
  for (const auto& [name, folder] :
       {std::pair("XDG_CONFIG_HOME", "/config"), {"XDG_STATE_HOME", "/state"}, {"XDG_RUNTIME_DIR", "/run"}}) {
    ::setenv(name, (settings.work_dir + folder).c_str(), 1);
  }
  ::mkdir((settings.work_dir + "/run").c_str(), 0700);
  Report report;
  struct Group {
    const char* name;
    void (*measure)(const Settings&, Report&);
  };
  const std::vector<Group> own{
      {"engine", engine_rows},   {"journal", journal_rows},   {"explore", explore_rows},
      {"apply", apply_rows},     {"control", control_rows},   {"mcp", mcp_rows},
      {"gateway", gateway_rows}, {"shm", shm_rows},           {"live", live_rows},
      {"views", view_rows},      {"render", view_render_rows}};
  const std::vector<Group> beside{{"gateway", peer_rows}, {"render", view_peer_rows}};
  bool measured = false;
  for (const Group& group : settings.peers.empty() ? own : beside) {
    if (!only.empty() && only != group.name) continue;
    group.measure(settings, report);
    measured = true;
  }
  if (!measured)
    give_up("there is no group `" + only +
            "`: engine, journal, explore, apply, control, mcp, gateway, shm, live, views, render");
  report.print();
  std::filesystem::remove_all(settings.work_dir);
  if (!json.empty() && !report.write_json(json)) give_up("cannot write " + json);
  return 0;
}
