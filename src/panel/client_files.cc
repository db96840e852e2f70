// SPDX-License-Identifier: Apache-2.0
#include "panel/client_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "mcp/configs/client_entry.h"
#include "model/limits.h"
#include "os/file.h"
#include "registry/snapshot.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

std::string absolute(const Workspace& workspace, const mcp::ClientPlace& place) {
  const std::string path(place.path);
  switch (place.base) {
    case mcp::Base::kProject:
      return workspace.path(path);
    case mcp::Base::kConfig:
      return os::environment("XDG_CONFIG_HOME", os::home_directory() + "/.config") + "/" + path;
    case mcp::Base::kHome:
      break;
  }
  if (!place.home_variable.empty()) {
    const std::string given = os::environment(std::string(place.home_variable).c_str());
    if (!given.empty())
      return given + "/" + path.substr(path.find('/') == std::string::npos ? 0 : path.find('/') + 1);
  }
  return os::home_directory() + "/" + path;
}

void add_names(const text::JsoncText& in, const text::KeyPath& path, std::set<std::string>& into) {
  const auto at = in.find(path);
  if (!at || !*at) return;
  const auto names = in.value(**at);
  if (!names || !names->is_array()) return;
  for (const Json& name : names->as_array()) {
    if (name.is_string()) into.insert(name.as_string());
  }
}

std::vector<std::string> claude_settings(const Workspace& workspace) {
  const std::string home = os::home_directory();
  return {workspace.path(".claude/settings.json"), workspace.path(".claude/settings.local.json"),
          home + "/.claude/settings.json", home + "/.claude.json"};
}

// Servers of `.mcp.json` that Claude Code was told to leave alone. A settings file that cannot be read
// switches nothing off: the import shows each command and asks anyway.
std::set<std::string> refused_by_claude(const Workspace& workspace) {
  std::set<std::string> out;
  for (const std::string& path : claude_settings(workspace)) {
    auto text = os::read_file(path, limits::kClientConfigBytesMax);
    if (!text) continue;
    const auto read = text::JsoncText::read(
        *std::move(text), {.source_name = path, .bytes_max = limits::kClientConfigBytesMax});
    if (!read) continue;
    add_names(*read, {"disabledMcpjsonServers"}, out);
    add_names(*read, {"projects", workspace.root, "disabledMcpjsonServers"}, out);
  }
  return out;
}

void switch_off(mcp::ConfigServer& server) {
  server.enabled = false;
  if (server.why) return;
  server.why =
      Error{.code = Code::kServerStart,
            .message = fmt::format("server '{}' is switched off in Claude Code's settings", server.name),
            .where = server.file,
            .hint = "rtt mcp import --only " + server.name};
}

}  // namespace

std::string_view to_string(ClientScope scope) { return scope == ClientScope::kUser ? "user" : "project"; }

std::string shown_path(const Workspace& workspace, const std::string& path) {
  const std::string home = os::home_directory();
  if (path.starts_with(workspace.root + "/")) return path.substr(workspace.root.size() + 1);
  if (!home.empty() && path.starts_with(home + "/")) return "~" + path.substr(home.size());
  return path;
}

std::vector<ClientFile> client_files(const Workspace& workspace, const mcp::Client& client,
                                     ClientScope scope) {
  std::vector<ClientFile> out;
  for (const mcp::ClientPlace& place : scope == ClientScope::kUser ? client.user : client.project) {
    if (place.path.empty()) continue;
    ClientFile file{.client = &client, .scope = scope, .path = absolute(workspace, place), .shown = {}};
    file.shown = shown_path(workspace, file.path);
    out.push_back(std::move(file));
  }
  return out;
}

bool is_used_here(const Workspace& workspace, const mcp::Client& client) {
  for (const ClientScope scope : {ClientScope::kUser, ClientScope::kProject}) {
    for (const ClientFile& file : client_files(workspace, client, scope)) {
      if (os::exists(file.path)) return true;
      const std::string folder = file.path.substr(0, file.path.rfind('/'));
      const bool shared = folder == os::home_directory() || folder == workspace.root;
      if (scope == ClientScope::kUser && !shared && os::is_directory(folder)) return true;
    }
  }
  return client.name == "claude" && os::is_directory(os::home_directory() + "/.claude");
}

Result<std::vector<mcp::ConfigServer>> servers_of_clients(const Workspace& workspace, ClientScope scope,
                                                          const registry::Snapshot* snapshot) {
  std::vector<mcp::ConfigServer> out;
  for (const mcp::Client& client : mcp::clients()) {
    for (const ClientFile& file : client_files(workspace, client, scope)) {
      if (!os::exists(file.path)) continue;
      auto text = os::read_file(file.path, limits::kClientConfigBytesMax);
      if (!text) return std::unexpected(std::move(text).error().hinting("rtt mcp import FILE"));
      auto servers =
          mcp::read_client_config(*text, mcp::ReadOptions{.file = file.shown,
                                                          .project = workspace.root,
                                                          .absent = mcp::ReadOptions::Absent::kEmpty});
      if (!servers)
        return std::unexpected(std::move(servers).error().hinting("mend it, or name the FILE to read"));
      for (auto& server : *servers) out.push_back(std::move(server));
    }
  }
  if (scope == ClientScope::kUser) return out;
  // `.mcp.json` counts in every scan root, not only at the top.
  registry::Snapshot loaded;
  if (snapshot == nullptr) {
    RTT_TRY_SET(loaded, registry::load_snapshot(
                            workspace, {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly}));
    snapshot = &loaded;
  }
  for (const auto& found : snapshot->servers) {
    if (found.file == ".mcp.json") continue;
    mcp::ReadEntry read = mcp::read_entry(found.entry, {.name = found.name});
    out.push_back({.name = found.name,
                   .file = found.file,
                   .entry = std::move(read.entry),
                   .why = std::move(read.why),
                   .enabled = read.enabled});
  }
  const std::set<std::string> refused = refused_by_claude(workspace);
  for (auto& server : out) {
    if (server.file.ends_with(".mcp.json") && refused.contains(server.name)) switch_off(server);
  }
  return out;
}

std::vector<std::string> files_of_project_servers(const Workspace& workspace) {
  std::vector<std::string> paths = claude_settings(workspace);
  for (const mcp::Client& client : mcp::clients()) {
    for (const ClientFile& file : client_files(workspace, client, ClientScope::kProject))
      paths.push_back(file.path);
  }
  return paths;
}

}  // namespace rtt::panel
