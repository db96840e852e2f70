// SPDX-License-Identifier: Apache-2.0
// Rows of views as a project has them: reading through the chain of links that is made without a mount, and
// whole `rtt up` commands that bring 1,000 agents to 5 providers, for the first time and again, with the disk
// that takes.
//
// `rtt up` is what brings everything up to date after any change, as `rulesync generate` is for rulesync. The
// agents and view files are signed before, and the panel runs: both are the state a workspace is in between
// two commands. Each first time is another workspace, signed at its place, so nothing of the one before is
// known.
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "client.h"
#include "model/random_for_test.h"
#include "report.h"
#include "view_files.h"
#include "views/project.h"

namespace rtt::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::array kProviders{"claude", "codex", "opencode", "cursor", "copilot"};

// The project's link, the store's `now`, its set and the set's tree, all made by the product.
void links_row(const Settings& settings, Report& report) {
  const std::string root = settings.work_dir + "/links", plain = settings.work_dir + "/plain";
  std::vector<views::TreeFile> files;
  model::TestRandom random(2);
  for (int agent = 0; agent < kAgents; ++agent)
    files.push_back({.path = fmt::format(".claude/agents/{}.md", agent_name(agent)),
                     .bytes = random.from_bytes("abcdefghijklmno pqrst\nuvwxyz", 512 + random.below(1200))});
  auto tree = views::Tree::of(std::move(files));
  if (!tree) give_up(tree.error().message);
  const views::TreeStore store(root + "/.rtt/registry/views");
  fs::create_directories(root + "/.rtt/registry/views/sets");
  Status made = store.put(*tree);
  if (made) made = store.show({{.provider = "claude", .root = tree->root()}});
  if (!made) give_up(made.error().message);
  auto project = views::Project::open(root, store);
  if (!project) give_up(project.error().message);
  if (const auto shown = project->refresh({{"claude", *tree}}, views::Wish::kLinks); !shown)
    give_up(shown.error().message);
  if (!fs::is_symlink(root + "/.claude/agents")) give_up("the project's folder is no link");
  write_files(*tree, plain);
  const auto linked = paths_below(*tree, root), disk = paths_below(*tree, plain);
  for (const auto* paths : {&linked, &disk}) read_all(*paths, nullptr);
  Samples on_links, on_disk;
  for (int round = 0; round < 100 / settings.scale; ++round) {
    read_all(disk, &on_disk);
    read_all(linked, &on_links);
  }
  report.add_with_reference({"view.links.read.p50", on_links.percentile(50) / 1e3, "us", {}, {}},
                            {"ext4.read.plain.p50", on_disk.percentile(50) / 1e3, "us", {}, {}});
}

void render_rows(const Settings& settings, Report& report) {
  const std::string home = settings.work_dir + "/render", sources = home + "/0";
  const int agents = kAgents / settings.scale;
  const std::string last = agent_name(agents - 1);
  write_agents(sources + "/agents", agents, "");
  fs::create_directories(sources + "/views");
  for (const char* provider : kProviders)
    std::ofstream(fmt::format("{}/views/{}.view.json", sources, provider)) << "{}\n";
  Samples fresh, again;
  double disk = 0;
  const int rounds = settings.scale == 1 ? 7 : 2;
  for (int round = 1; round <= rounds; ++round) {
    const std::string root = fmt::format("{}/{}", home, round);
    fs::copy(sources, root, fs::copy_options::recursive);
    run({settings.rtt, "init", "--yes", "--quiet", "-C", root});
    run({settings.rtt, "panel", "start", "--quiet", "-C", root});
    const std::vector<std::string> up{settings.rtt, "up", "--yes", "--quiet", "-C", root};
    const double before = disk_bytes(settings.work_dir);
    fresh.add(timed_run(up));
    for (const char* shown : {".claude/agents/{}.md", ".codex/agents/{}.toml", ".opencode/agents/{}.md",
                              ".cursor/agents/{}.md", ".github/agents/{}.agent.md"}) {
      const std::string path = fmt::format("{}/{}", root, fmt::format(fmt::runtime(shown), last));
      if (!fs::exists(path)) give_up(path + " is not shown");
    }
    disk = disk_bytes(settings.work_dir) - before;
    for (int time = 0; time < 10; ++time) again.add(timed_run(up));
    run({settings.rtt, "down", "--quiet", "-C", root});
  }
  report.add({"view.render.1k_x5", fresh.median() / 1e6, "ms", {}, {}});
  report.add({"view.render.nochange", again.median() / 1e6, "ms", {}, {}});
  report.add_with_reference({"view.disk_vs_rulesync", disk * settings.scale / 1e6, "MB", {}, {}},
                            {"rulesync.disk.1k_x5", settings.rulesync_disk_bytes / 1e6, "MB", {}, {}});
}

}  // namespace

void view_render_rows(const Settings& settings, Report& report) {
  links_row(settings, report);
  render_rows(settings, report);
}

}  // namespace rtt::bench
