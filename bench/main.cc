// SPDX-License-Identifier: Apache-2.0
// rtt_bench [--quick] [--only shm] [--json FILE]: every row of this build, each ratio against a reference of
// the same run; --only: the rows of that part.
#include <cstdlib>
#include <cstring>
#include <filesystem>

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
    else
      give_up("usage: rtt_bench [--quick] [--only engine|control|mcp|shm] [--json FILE]");
  }
  if (::mkdtemp(settings.work_dir.data()) == nullptr) give_up("cannot make a folder in the temporary folder");
  ::setenv("XDG_CONFIG_HOME", (settings.work_dir + "/config").c_str(), 1);  // an identity of its own
  Report report;
  const auto wanted = [&](const char* part) { return only.empty() || only == part; };
  if (wanted("engine")) engine_rows(settings, report);
  if (wanted("control")) control_rows(settings, report);
  if (wanted("mcp")) mcp_rows(settings, report);
  if (wanted("shm")) shm_rows(settings, report);
  report.print();
  std::filesystem::remove_all(settings.work_dir);
  if (!json.empty() && !report.write_json(json)) give_up("cannot write " + json);
  return 0;
}
