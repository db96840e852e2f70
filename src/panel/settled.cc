// SPDX-License-Identifier: Apache-2.0
#include "panel/settled.h"

#include "os/clock.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/process.h"
#include "panel/client_files.h"
#include "registry/own_cache.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

constexpr std::string_view kName = "settled";

std::int64_t wall_ns() { return os::wall_now().us * 1000; }

// How far the clock of the workspace's file system is from ours.
Result<std::int64_t> clock_offset_ns(const Workspace& workspace) {
  constexpr std::string_view kProbe = ".rtt/cache/clock";
  const std::int64_t here = wall_ns();
  RTT_TRY(os::write_atomic(workspace.path(kProbe), "", {.durable = os::Durable::kNo}));
  RTT_TRY_SET(const os::Folder folder, os::Folder::open(workspace.root));
  return folder.stamp_of(std::string(kProbe)).ctime_ns - here;
}

}  // namespace

Result<Look> look_at(const Workspace& workspace) {
  Look look{.state = {}, .places = registry::scan_places_written(workspace), .began_ns = wall_ns()};
  registry::StateHash state;
  RTT_TRY(registry::add_source_state(workspace, look.places, state));
  RTT_TRY_SET(const os::Folder folder, os::Folder::open("/"));
  std::vector<std::string> files = files_of_project_servers(workspace);
  files.push_back(os::own_executable());
  for (const std::string& file : files) {
    if (os::is_symlink(file)) return fail(Code::kEscapes, "what a link leads to is not looked at", file);
    state.add(file, folder.stamp_of(file));
  }
  look.state = state.finish();
  look.settled_ns = state.settled_ns();
  return look;
}

std::optional<Settled> settled_before(const Workspace& workspace, const Look& now) {
  const auto text = registry::read_own_cache(workspace, kName, kSettledBytesMax);
  if (!text) return std::nullopt;
  const auto json = text::parse_json(*text);
  if (!json || json->string_or("state") != to_string(now.state)) return std::nullopt;
  const Json* const problems = json->find("problems");
  if (problems == nullptr) return std::nullopt;
  return Settled{.plan_id = std::string(json->string_or("plan_id")),
                 .graph = std::string(json->string_or("graph")),
                 .problems = *problems,
                 .servers = json->bool_or("servers", false)};
}

void keep_settled(const Workspace& workspace, const Look& before, const registry::Snapshot& snapshot,
                  const Settled& settled) {
  if (registry::scan_places(snapshot.panel) != before.places) return;
  const auto after = look_at(workspace);
  const auto offset_ns = clock_offset_ns(workspace);
  if (!after || !offset_ns || after->state != before.state) return;
  if (after->settled_ns >= before.began_ns + std::min<std::int64_t>(0, *offset_ns)) return;
  const std::string text = text::canonical_json(Json::object({{"graph", settled.graph},
                                                              {"plan_id", settled.plan_id},
                                                              {"problems", settled.problems},
                                                              {"servers", settled.servers},
                                                              {"state", to_string(before.state)}}));
  if (text.size() <= kSettledBytesMax) static_cast<void>(registry::write_own_cache(workspace, kName, text));
}

}  // namespace rtt::panel
