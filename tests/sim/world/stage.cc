// SPDX-License-Identifier: Apache-2.0
#include "stage.h"

#include <fmt/format.h>

#include <algorithm>

#include "nature.h"
#include "os/file.h"
#include "panel/planning.h"
#include "plan/diff.h"
#include "registry/identity.h"
#include "registry/snapshot.h"
#include "text/json_canonical.h"

namespace rtt::sim {
namespace {

namespace fs = std::filesystem;
using text::Json;

constexpr int kPorts = 2;  // each costs every run some milliseconds

Json contract(const std::string& saddr, std::string_view type, std::string_view direction, Json driver = {}) {
  Json symbol = Json::object({{"direction", direction}, {"saddr", saddr}, {"type", type}});
  if (driver.is_object()) symbol.set("driver", std::move(driver));
  return Json::object({{"$schema", "https://rtt/spec/v1"}, {"symbol", std::move(symbol)}});
}

Status write(const registry::Workspace& workspace, const std::string& name, const Json& document) {
  return os::write_atomic(workspace.dot(name), text::canonical_json(document), {.durable = os::Durable::kNo});
}

Status write_contracts(Stage& stage) {
  Json contracts = text::JsonArray{};
  stage.programs = {{.name = "old", .symbols = {}},
                    {.name = "new", .symbols = {}},
                    {.name = "refresh", .symbols = {"rtt://ui/hook/refresh@1.0.0"}, .asks = true},
                    {.name = "watch", .symbols = {"rtt://ui/hook/watch@1.0.0"}, .asks = true}};
  for (const std::size_t asker : {2U, 3U})
    contracts.push(contract(stage.programs[asker].symbols[0], "hook", "consumer"));
  for (int i = 0; i < kPorts; ++i) {
    const std::string port = fmt::format("rtt://core/api/m{}", i);
    stage.ports.push_back(port);
    for (const std::size_t side : {0U, 1U}) {
      const std::string variant = stage.programs[side].name;
      const std::string saddr = fmt::format("{}@{}.0.0#{}", port, side + 1, variant);
      stage.programs[side].symbols.push_back(saddr);
      contracts.push(contract(saddr, "api", "provider"));
    }
  }
  // What the driver does is the world's matter (host_process.h).
  if (stage.cast == Cast::kWithDriverHost) {
    contracts.push(contract(
        stage.ports.front() + "@3.0.0#host", "api", "provider",
        Json::object({{"params", Json::object({{"url", "http://127.0.0.1:1/"}})}, {"use", "http"}})));
  }
  RTT_TRY(os::make_directories(stage.workspace.dot("manifests")));
  RTT_TRY(write(stage.workspace, "manifests/world.api.json",
                Json::object({{"contracts", std::move(contracts)}})));
  return write(stage.workspace, "policy.json",
               Json::object({{"allow", Json::array({Json::object(
                                           {{"from", "rtt://ui/hook/*"}, {"to", "rtt://core/api/*"}})})}}));
}

// Every asker is to be answered by this variant of each port, by the old one where it has no such.
Result<panel::Planned> planned_for(const Stage& stage, std::string_view variant,
                                   const crypto::SecretKey& key) {
  Json routes = text::JsonArray{};
  for (const std::string& port : stage.ports) {
    const std::string_view there = variant == "host" && port != stage.ports.front() ? "old" : variant;
    for (const char* asker : {"rtt://ui/hook/refresh", "rtt://ui/hook/watch"})
      routes.push(Json::object({{"from", asker}, {"to", fmt::format("{}#{}", port, there)}}));
  }
  RTT_TRY(write(stage.workspace, "routes.json", Json::object({{"routes", std::move(routes)}})));
  RTT_TRY_SET(const auto items, registry::items_to_sign(stage.workspace, {}));
  RTT_TRY(registry::sign_items(stage.workspace, items, key));
  RTT_TRY_SET(panel::Planned planned,
              panel::make_plan(stage.workspace, registry::LoadOptions{}, panel::QuickConnects::kKeep));
  if (!planned.outcome.conflicts.empty())
    return fail(Code::kInternal,
                "the stage cannot be planned: " + planned.outcome.conflicts.front().constraint);
  return planned;
}

std::vector<fs::path> files_of(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  return files;
}

// Each asker has one provider of a port in each.
std::vector<model::Graph> whole_graphs(const model::Graph& everything, Cast cast) {
  const auto of = [&](auto keep) {
    model::Graph graph;
    std::ranges::copy_if(everything.routes, std::back_inserter(graph.routes), keep);
    return graph;
  };
  const auto named = [](const model::Saddr& saddr, std::string_view word) {
    return model::identity(saddr).find(word) != std::string::npos;
  };
  std::vector<model::Graph> graphs{
      model::Graph{}, of([&](const model::Route& r) { return named(r.to, "#old"); }),
      of([&](const model::Route& r) { return named(r.to, "#new"); }), of([&](const model::Route& r) {
        return named(r.from, "refresh") ? named(r.to, "#old") : named(r.to, "#new");
      }),
      of([&](const model::Route& r) {
        return named(r.from, "refresh") && named(r.to, named(r.to, "m0") ? "#new" : "#old");
      })};
  if (cast == Cast::kPrograms) return graphs;
  graphs.push_back(
      of([&](const model::Route& r) { return named(r.to, named(r.to, "m0") ? "#host" : "#old"); }));
  graphs.push_back(of([&](const model::Route& r) {
    return named(r.to, named(r.to, "m0") && named(r.from, "watch") ? "#host" : "#new");
  }));
  return graphs;
}

}  // namespace

Result<Stage> Stage::make(Cast cast) {
  RTT_TRY_SET(auto folder, os::TempDir::create(os::is_directory("/dev/shm") ? "/dev/shm" : "/tmp"));
  Stage stage{.folder = std::move(folder),
              .workspace = {},
              .graphs = {},
              .roots = {},
              .plans = {},
              .programs = {},
              .ports = {},
              .cast = cast};
  Nature nature(0);  // the same keys and the same hashes in every process
  nature.rule();
  stage.workspace = {.root = stage.folder / "w", .user_dir = stage.folder / "user"};
  RTT_TRY(os::make_directories(stage.workspace.root));
  RTT_TRY(registry::create_workspace(stage.workspace));
  RTT_TRY(registry::create_own_key(stage.workspace.user_dir, "world"));
  RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(stage.workspace.user_dir));
  RTT_TRY(registry::publish_key(stage.workspace, key.public_key(), "world"));
  RTT_TRY(write_contracts(stage));
  RTT_TRY_SET(const panel::Planned old, planned_for(stage, "old", key));
  std::vector<model::Route> served;
  if (cast == Cast::kWithDriverHost) {
    RTT_TRY_SET(const panel::Planned all, planned_for(stage, "host", key));
    std::ranges::copy_if(all.outcome.plan.routes_add, std::back_inserter(served),
                         [](const auto& route) { return model::identity(route.to).ends_with("#host"); });
  }
  RTT_TRY_SET(const panel::Planned planned, planned_for(stage, "new", key));
  RTT_TRY_SET(model::Graph everything, model::apply_to(model::Graph{}, planned.outcome.plan));
  std::uint32_t last_id = 0;
  for (const model::Route& route : old.outcome.plan.routes_add) everything.routes.push_back(route);
  for (const model::Route& route : served) everything.routes.push_back(route);
  std::ranges::sort(everything.routes,
                    [](const auto& a, const auto& b) { return model::route_order(a, b) < 0; });
  for (model::Route& route : everything.routes) route.id = {++last_id};
  stage.graphs = whole_graphs(everything, cast);
  for (const model::Graph& graph : stage.graphs) stage.roots.push_back(model::graph_root(graph));
  for (std::size_t from = 0; from < stage.graphs.size(); ++from) {
    for (std::size_t to = 0; to < stage.graphs.size(); ++to) {
      if (from == to) continue;
      model::Plan plan =
          plan::plan_between(stage.graphs[from], stage.graphs[to], planned.outcome.plan.inputs);
      plan.views_add.clear();
      RTT_TRY(panel::store_plan(stage.workspace, plan, key, panel::MakeLatest::kNo));
      stage.plans.push_back({.id = model::plan_id(plan),
                             .from = from,
                             .to = to,
                             .changes = plan.routes_add.size() + plan.routes_del.size()});
    }
  }
  for (const fs::path& path : files_of(stage.folder.path())) {
    stage.pristine[path] = fs::last_write_time(path);
  }
  return stage;
}

// What one run leaves may not reach the next: caches and plans that lie there already would be fewer moments
// of the disk.
Status Stage::sweep() const {
  for (const std::string& path : {workspace.wal(), workspace.sockets(), folder / "doors"})
    RTT_TRY(os::remove_tree(path));
  std::size_t met = 0;
  for (const fs::path& path : files_of(folder.path())) {
    const auto was = pristine.find(path);
    if (was == pristine.end()) {
      RTT_TRY(os::remove_file(path));
    } else if (++met; fs::last_write_time(path) != was->second) {
      return fail(Code::kInternal, "the run changed a file of the stage: " + path.string());
    }
  }
  if (met != pristine.size()) return fail(Code::kInternal, "the run took files of the stage away");
  return {};
}

}  // namespace rtt::sim
