// SPDX-License-Identifier: Apache-2.0
#include "panel/ejected_views.h"

#include <fmt/format.h>

#include <algorithm>

#include "mcp/backends/launch.h"
#include "mcp/configs/client_edit.h"
#include "mcp/configs/client_entry.h"
#include "mcp/pins/contracts.h"
#include "os/file.h"
#include "panel/shown_views.h"
#include "views/tree_folder.h"

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

// The servers that are shown there, each started by its manifest; what else the client is told of one stays.
Result<std::vector<views::Item>> native_servers(const views::TreeFile& file, const views::Provider& forms,
                                                const std::vector<views::Item>& known, Ejection& out) {
  const mcp::ClientForm form = forms.servers.dialect.form;
  RTT_TRY_SET(const mcp::ClientText text,
              mcp::ClientText::read(file.bytes, {.form = form, .path = {std::string(mcp::section_key(form))}},
                                    file.path));
  std::vector<views::Item> servers;
  for (const mcp::EntryText& entry : text.entries()) {
    const auto at = std::ranges::find(known, entry.name, &views::Item::name);
    if (at == known.end()) {
      out.losses.push_back({.provider = std::string(forms.name),
                            .kind = views::ItemKind::kServer,
                            .item = entry.name,
                            .pointer = {},
                            .why = "there is no manifest of it"});
      continue;
    }
    Json own = text::JsonObject{};
    for (const auto& [key, value] : entry.native.as_object()) {
      if (!mcp::leads_elsewhere(key)) own.set(key, value);
    }
    servers.push_back(*at);
    servers.back().object.set("native", Json::object({{std::string(forms.name), std::move(own)}}));
  }
  return servers;
}

Result<views::Tree> standing_alone(const views::Tree& tree, const views::Provider& forms,
                                   const std::vector<views::Item>& known, Ejection& out) {
  const views::TreeFile* const file =
      forms.servers.path.empty() ? nullptr : tree.find(std::string(forms.servers.path));
  if (file == nullptr) return tree;
  RTT_TRY_SET(const std::vector<views::Item> servers, native_servers(*file, forms, known, out));
  views::Encoded native = views::with_servers(forms, tree, servers);
  std::ranges::move(native.losses, std::back_inserter(out.losses));
  return views::Tree::of(std::move(native.files));
}

Result<views::Project> project_of(const Workspace& workspace) {
  return views::Project::open(workspace.root, tree_store(workspace));
}

// What is shown now, as clients find it; `left` says to whom, and of which somebody wrote into it.
Result<views::Trees> trees_found(const Workspace& workspace, std::vector<Ejected>& left) {
  const views::TreeStore store = tree_store(workspace);
  ViewHomes homes(workspace, ViewHomes::For::kFind);
  views::Trees trees;
  for (const auto& member : store.shown().set) {
    auto tree = homes.shown(member);
    const bool edited = !tree && tree.error().code == Code::kTampered && store.has(member.root);
    if (edited) tree = views::read_folder(store.path_of(member.root));
    if (!tree) return std::unexpected(std::move(tree).error());
    left.push_back({.provider = member.provider, .kept = {}, .edited = edited});
    trees.emplace(member.provider, *std::move(tree));
  }
  return trees;
}

// What is left of these trees, and what is in the way of it.
void count(const std::vector<views::Project::Part>& parts, Ejection& out) {
  for (const views::Project::Part& part : parts) {
    const auto one = std::ranges::find(out.left, part.provider, &Ejected::provider);
    if (one == out.left.end()) continue;
    const views::Provider* const forms = out.known.find(part.provider);
    one->kept = part.placement.kept;
    for (views::Kept& kept : one->kept) {
      const bool ours = std::ranges::find(part.drift, kept.path, &views::Drift::path) != part.drift.end();
      if (!ours) continue;
      kept.why = "it was changed there";
      if (forms != nullptr && kept.path == forms->servers.path)
        kept.why += ", and what it says of servers may start RTT still";
    }
    const std::size_t all = out.trees.at(part.provider).files().size();
    one->files = all - std::min(all, one->kept.size());
  }
}

}  // namespace

Result<Ejection> plan_ejection(const Workspace& workspace) {
  Ejection out;
  if (!os::exists(tree_store(workspace).folder())) return out;
  RTT_TRY_SET(views::Project project, project_of(workspace));
  if (project.ejected() || project.placed().empty()) return out;
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(workspace, {.store = registry::LoadOptions::Store::kReadOnly}));
  std::vector<model::Problem> told;
  out.known = known_providers(snapshot, told);
  const std::vector<model::Contract> contracts = snapshot.in_force();
  RTT_TRY_SET(const auto pinned, mcp::pinned_servers(contracts));
  const mcp::PathBases bases = mcp::path_bases(workspace);
  std::vector<views::Item> servers;
  for (const mcp::PinnedServer& server : pinned) servers.push_back(native_server(server, bases));
  RTT_TRY_SET(out.trees, trees_found(workspace, out.left));
  for (auto& [provider, tree] : out.trees) {
    const views::Provider* const forms = out.known.find(provider);
    if (forms == nullptr) continue;
    RTT_TRY_SET(tree, standing_alone(tree, *forms, servers, out));
  }
  RTT_TRY_SET(const auto parts, project.look(out.trees, views::Wish::kCopies));
  count(parts, out);
  for (const auto& [provider, places] : project.placed()) {
    const auto one = std::ranges::find(out.left, provider, &Ejected::provider);
    for (const views::Place& place : places) {
      if (one == out.left.end() ||
          std::ranges::find(one->kept, place.path, &views::Kept::path) == one->kept.end())
        out.places.push_back(place.path);
    }
  }
  std::ranges::sort(out.places);
  return out;
}

Status carry_out(const Workspace& workspace, Ejection& ejection) {
  RTT_TRY_SET(views::Project project, project_of(workspace));
  RTT_TRY_SET(const auto parts, project.eject(ejection.trees));
  count(parts, ejection);
  return {};
}

Result<Followed> follow_again(const Workspace& workspace) {
  if (!os::exists(tree_store(workspace).folder())) return Followed::kAsBefore;
  RTT_TRY_SET(views::Project project, project_of(workspace));
  if (!project.ejected()) return Followed::kAsBefore;
  RTT_TRY(project.take_up());
  std::vector<Ejected> left;
  RTT_TRY_SET(const views::Trees trees, trees_found(workspace, left));
  RTT_TRY_SET(const auto parts,
              project.refresh(trees, placing_of(tree_store(workspace).shown().how.mechanism)));
  static_cast<void>(parts);
  return Followed::kAgain;
}

}  // namespace rtt::panel
