// SPDX-License-Identifier: Apache-2.0
#include "panel/ejected_views.h"

#include <fmt/format.h>

#include <algorithm>

#include "mcp/backends/launch.h"
#include "mcp/pins/contracts.h"
#include "os/file.h"
#include "panel/shown_views.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

// A value of a manifest as an item says it.
Json said(const Json& value, const mcp::PathBases& bases) {
  return mcp::native_text(value, bases, [](std::string_view word) { return fmt::format("${{{}}}", word); });
}

Json each_said(const Json& members, const mcp::PathBases& bases) {
  Json out = text::JsonObject{};
  if (!members.is_object()) return out;
  for (const auto& [key, value] : members.as_object()) out.set(key, said(value, bases));
  return out;
}

views::Item native_server(const mcp::PinnedServer& server, const mcp::PathBases& bases) {
  const mcp::ServerConfig& config = server.config;
  Json object = Json::object({{"type", config.transport}});
  if (config.transport == "stdio") {
    object.set("command", said(config.command, bases));
    Json args = text::JsonArray{};
    if (config.args.is_array()) {
      for (const Json& arg : config.args.as_array()) args.push(said(arg, bases));
    }
    object.set("args", std::move(args));
    object.set("env", each_said(config.env, bases));
    if (!config.directory.empty()) object.set("cwd", said(Json(config.directory), bases));
  } else {
    object.set("url", said(config.url, bases));
    object.set("headers", each_said(config.headers, bases));
  }
  return {.kind = views::ItemKind::kServer, .name = server.ns(), .object = std::move(object)};
}

Result<views::Tree> standing_alone(const views::Tree& tree, const views::Provider& forms,
                                   const std::vector<views::Item>& servers, Ejection& out) {
  std::vector<views::TreeFile> files;
  bool had = false;
  for (const views::TreeFile& file : tree.files()) {
    if (file.path == forms.servers.path) {
      had = true;
    } else {
      files.push_back(file);
    }
  }
  if (!had) return tree;
  views::Encoded native = views::encode(forms, servers);
  std::ranges::move(native.losses, std::back_inserter(out.losses));
  for (views::TreeFile& file : native.files) {
    if (file.path == forms.servers.path) files.push_back(std::move(file));
  }
  return views::Tree::of(std::move(files));
}

Result<views::Project> project_of(const Workspace& workspace) {
  return views::Project::open(workspace.root, tree_store(workspace));
}

}  // namespace

Result<Ejection> plan_ejection(const Workspace& workspace) {
  Ejection out;
  if (!os::exists(tree_store(workspace).folder())) return out;
  RTT_TRY_SET(const views::Project project, project_of(workspace));
  if (project.ejected() || project.placed().empty()) return out;
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(workspace, {.store = registry::LoadOptions::Store::kReadOnly}));
  std::vector<model::Problem> told;
  const views::ProviderTable known = known_providers(snapshot, told);
  const std::vector<model::Contract> contracts = snapshot.in_force();
  RTT_TRY_SET(const auto pinned, mcp::pinned_servers(contracts));
  const mcp::PathBases bases = mcp::path_bases(workspace);
  std::vector<views::Item> servers;
  for (const mcp::PinnedServer& server : pinned) servers.push_back(native_server(server, bases));
  RTT_TRY_SET(out.trees, shown_trees(workspace));
  for (auto& [provider, tree] : out.trees) {
    const views::Provider* const forms = known.find(provider);
    if (forms == nullptr) continue;
    RTT_TRY_SET(tree, standing_alone(tree, *forms, servers, out));
  }
  for (const auto& [provider, places] : project.placed()) {
    for (const views::Place& place : places) out.places.push_back(place.path);
  }
  std::ranges::sort(out.places);
  return out;
}

Status carry_out(const Workspace& workspace, const Ejection& ejection) {
  RTT_TRY_SET(views::Project project, project_of(workspace));
  RTT_TRY_SET(const auto parts, project.eject(ejection.trees));
  static_cast<void>(parts);
  return {};
}

Result<Followed> follow_again(const Workspace& workspace) {
  if (!os::exists(tree_store(workspace).folder())) return Followed::kAsBefore;
  RTT_TRY_SET(views::Project project, project_of(workspace));
  if (!project.ejected()) return Followed::kAsBefore;
  RTT_TRY(project.take_up());
  RTT_TRY_SET(const views::Trees trees, shown_trees(workspace));
  RTT_TRY_SET(const auto parts,
              project.refresh(trees, placing_of(tree_store(workspace).shown().how.mechanism)));
  static_cast<void>(parts);
  return Followed::kAgain;
}

}  // namespace rtt::panel
