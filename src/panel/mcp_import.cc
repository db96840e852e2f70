// SPDX-License-Identifier: Apache-2.0
#include "panel/mcp_import.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"
#include "model/policy.h"
#include "os/file.h"
#include "panel/acceptance.h"
#include "panel/accepted_files.h"
#include "panel/accepted_servers.h"
#include "panel/client_rules.h"
#include "registry/identity.h"
#include "registry/secret_split.h"
#include "registry/secrets.h"
#include "registry/snapshot.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

// The same offer as the one in the file? Then nothing is written and nothing needs signing.
bool manifest_unchanged(const Workspace& workspace, const mcp::Imported& imported) {
  const auto text = os::read_file(workspace.path(imported.path), limits::kManifestBytesMax);
  if (!text) return false;
  const auto present = text::parse_json(*text);
  return present && text::canonical_json(*present) == text::canonical_json(imported.manifest);
}

// In force means signed: what somebody wrote into a manifest and did not sign is not kept.
Result<std::vector<mcp::ServerConfig>> accepted_configs(const Workspace& workspace) {
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(workspace,
                                      {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly}));
  RTT_TRY_SET(const auto servers, named_servers(snapshot, {}));
  std::vector<mcp::ServerConfig> out;
  for (const mcp::PinnedServer& server : servers) out.push_back(server.config);
  return out;
}

Json row_of(const mcp::Imported& imported, std::string_view state, const ImportPlan& plan) {
  Json row = mcp::summary(imported);
  row.set("state", state);
  const auto server = std::ranges::find(plan.servers, imported.name, &mcp::ConfigServer::name);
  Json sources = text::JsonArray{};
  for (const std::string& source : server->sources) sources.push(source);
  row.set("sources", std::move(sources));
  return row;
}

// Secrets and files together: where the files cannot be, the secrets of before are.
Result<apply::AcceptedChanges> accept_with(const Workspace& workspace, const registry::SecretStore& store,
                                           const registry::SecretStore::Values& secrets,
                                           const std::vector<Wanted>& wanted) {
  std::vector<std::pair<std::string, std::optional<std::string>>> before;
  const auto go = [&]() -> Result<apply::AcceptedChanges> {
    for (const auto& [name, value] : secrets) {
      auto old = store.get(name);
      if (!old && old.error().code != Code::kSecretMissing) return std::unexpected(std::move(old).error());
      before.emplace_back(name, old ? std::optional(*std::move(old)) : std::nullopt);
      RTT_TRY(store.put(name, value));
    }
    return accept(workspace, apply::Verb::kMcpImport, wanted);
  };
  auto done = go();
  if (done) return done;
  for (const auto& [name, old] : before) {
    const Status back = old ? store.put(name, *old) : store.erase(name);
    if (!back) done.error().causes.push_back(back.error().message);
  }
  return done;
}

// An address or argument with its secrets struck out.
std::string shown_value(const Json& value) {
  if (value.is_string()) return value.as_string();
  std::string line;
  const Json* const parts = value.find("concat");
  for (const Json& part : parts && parts->is_array() ? parts->as_array() : text::JsonArray{})
    line += part.is_string() ? part.as_string() : "<secret>";
  return line.empty() ? "<secret>" : line;
}

// As `--plain` takes it: an option without its dashes, an argument by its place.
std::string plain_name(std::string_view argument) {
  argument.remove_prefix(std::min(argument.find_first_not_of('-'), argument.size()));
  return std::string(argument.substr(argument.find(' ') + 1));
}

}  // namespace

Result<Workspace> user_workspace() {
  const std::string folder = registry::user_directory();
  RTT_TRY(os::make_directories(folder, 0700));
  RTT_TRY_SET(std::string root, os::real_path(folder));
  Workspace workspace{.root = std::move(root), .user_dir = folder};
  if (os::is_directory(workspace.dot(""))) return workspace;
  if (!registry::has_own_key(workspace.user_dir))
    RTT_TRY(registry::create_own_key(workspace.user_dir, "rtt"));
  RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
  RTT_TRY(registry::create_workspace(workspace));
  RTT_TRY(registry::publish_key(workspace, key.public_key(), "rtt"));
  RTT_TRY_SET(const auto items, registry::items_to_sign(workspace, {}));
  RTT_TRY(registry::sign_items(workspace, items, key));
  return workspace;
}

Result<ImportPlan> plan_import(const Workspace& workspace, const ImportRequest& request) {
  ImportPlan plan{.servers = {},
                  .plain = request.plain,
                  .marked = request.marked,
                  .scope = request.scope,
                  .ca_file = request.ca_file,
                  .plain_http = request.plain_http};
  std::vector<mcp::ConfigServer> found;
  if (request.files.empty()) {
    RTT_TRY_SET(found, servers_of_clients(workspace, request.scope, request.snapshot));
  }
  for (const std::string& file : request.files) {
    const std::string path = file.starts_with('/') ? file : request.directory + "/" + file;
    auto read = os::read_file(path, limits::kClientConfigBytesMax);
    if (!read) return std::unexpected(std::move(read).error().hinting("rtt scan"));
    RTT_TRY_SET(auto servers,
                mcp::read_client_config(*read, mcp::ReadOptions{.file = file, .project = workspace.root}));
    for (auto& server : servers) found.push_back(std::move(server));
  }
  std::vector<std::string> known;
  for (const auto& server : found) known.push_back(server.name);
  for (const std::string& name : request.only) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const auto near = model::nearest(name, known);
    return fail(Code::kNotFound, fmt::format("no server `{}` in the files read", name), {},
                near ? "did you mean " + *near + "?" : "rtt scan");
  }
  if (!request.only.empty()) {
    std::erase_if(found, [&](const mcp::ConfigServer& server) {
      return std::ranges::find(request.only, server.name) == request.only.end();
    });
  }
  // RTT's own entry in one client's file says nothing about the server of that name in another's.
  std::vector<std::string> direct;
  for (const auto& server : found) {
    if (!mcp::is_own_door(server.entry)) direct.push_back(server.name);
  }
  std::erase_if(found, [&](const mcp::ConfigServer& server) {
    return mcp::is_own_door(server.entry) && std::ranges::find(direct, server.name) != direct.end();
  });
  if (!request.only.empty()) {
    for (auto& server : found) {
      const bool whole = server.entry.find("command") != nullptr || server.entry.find("url") != nullptr;
      if (!server.enabled && whole) server.why.reset();  // named: wanted all the same
    }
  }
  RTT_TRY_SET(plan.servers, mcp::merge_servers(std::move(found)));
  RTT_TRY(marks_fit(plan));
  return plan;
}

Status marks_fit(const ImportPlan& plan) {
  for (const std::string& mark : plan.marked) {
    const bool fits = std::ranges::any_of(plan.servers, [&](const mcp::ConfigServer& server) {
      const auto split = registry::split_secrets(server.entry, {.ns = "x", .plain = {}, .marked = {mark}});
      return split && split->unmet.empty();
    });
    if (!fits)
      return fail(Code::kBadArgument, fmt::format("--secret-arg {} is no argument of these servers", mark),
                  {}, "--secret-arg 3, --secret-arg=--api-key or --secret-arg url");
  }
  return {};
}

Result<ImportPlan> without_imported(const Workspace& workspace, ImportPlan plan) {
  std::vector<mcp::ConfigServer> left;
  for (auto& server : plan.servers) {
    if (mcp::is_own_door(server.entry) || server.why) continue;
    RTT_TRY_SET(const std::string ns, mcp::namespace_of(server.name));
    if (!os::exists(workspace.path(mcp::manifest_path(ns)))) left.push_back(std::move(server));
  }
  plan.servers = std::move(left);
  return plan;
}

std::vector<std::string> describe_import(const ImportPlan& plan) {
  std::vector<std::string> lines;
  for (const auto& server : plan.servers) {
    if (mcp::is_own_door(server.entry)) {
      lines.push_back(fmt::format("leave {} ({}) out: it is rtt itself", server.name, server.file));
      continue;
    }
    const std::string places = fmt::format("{}", fmt::join(server.sources, ", "));
    if (server.why) {
      lines.push_back(fmt::format("leave {} ({}) out: {}", server.name, places, server.why->message));
      continue;
    }
    const auto split = registry::split_secrets(
        server.entry,
        {.ns = mcp::namespace_of(server.name).value_or("x"), .plain = plan.plain, .marked = plan.marked});
    const Json& entry = split ? split->entry : Json();
    const Json* const url = entry.find("command") ? nullptr : entry.find("url");
    std::string line = url ? fmt::format("ask {} ({}): {}", server.name, places, shown_value(*url))
                           : fmt::format("start {} ({}): {}", server.name, places,
                                         entry.string_or("command", "(no command)"));
    if (const Json* args = entry.find("args"); args != nullptr && args->is_array()) {
      for (const Json& arg : args->as_array()) line += " " + shown_value(arg);
    }
    lines.push_back(std::move(line));
    if (!split) continue;
    for (const auto& [name, value] : split->secrets)
      lines.push_back(fmt::format("    move {} to your secret store", name));
    for (const std::string& argument : split->guessed)
      lines.push_back(fmt::format("    {} looks like a secret; --plain {} keeps it in the manifest", argument,
                                  plain_name(argument)));
  }
  const bool user = plan.scope == ClientScope::kUser;
  if (!lines.empty() && user)
    lines.emplace_back("keep them in your own folder, for all your workspaces, each running once (shared)");
  if (!lines.empty()) {
    lines.push_back(std::string("allow AI clients (rtt://client/agent/*) to reach them, in ") +
                    (user ? "its" : ".rtt/") + (user ? " policy" : "policy.json"));
  }
  return lines;
}

Result<Json> run_import(const Workspace& workspace, const ImportPlan& plan,
                        const std::function<void(Json)>& part) {
  if (!plan.servers.empty()) RTT_TRY(policy_is_signed(workspace));
  RTT_TRY_SET(std::vector<mcp::ServerConfig> accepted, accepted_configs(workspace));
  for (const auto& server : plan.servers) part(Json::object({{"progress", "starting " + server.name}}));
  RTT_TRY_SET(auto imported,
              mcp::import_servers(plan.servers, {.workspace = workspace,
                                                 .plain = plan.plain,
                                                 .marked = plan.marked,
                                                 .ca_file = plan.ca_file,
                                                 .plain_http = plan.plain_http,
                                                 .accepted = std::move(accepted),
                                                 .scope = plan.scope == ClientScope::kUser
                                                              ? mcp::ImportOptions::Scope::kUser
                                                              : mcp::ImportOptions::Scope::kWorkspace}));
  Json rows = text::JsonArray{}, manifests = text::JsonArray{}, secret_names = text::JsonArray{};
  registry::SecretStore::Values secrets;
  std::vector<Wanted> wanted;
  bool failed = false;
  for (mcp::Imported& one : imported) {
    if (one.state != mcp::ImportState::kListed) {
      failed = failed || one.state == mcp::ImportState::kFailed;
      rows.push(row_of(one, one.state == mcp::ImportState::kFailed ? "failed" : "skipped", plan));
      continue;
    }
    const bool same = manifest_unchanged(workspace, one);
    rows.push(row_of(one, same ? "unchanged" : "imported", plan));
    for (auto& secret : one.secrets) {
      secret_names.push(secret.first);
      secrets.push_back(std::move(secret));
    }
    if (!same) manifests.push(one.path);
    RTT_TRY_SET(std::string text, text_to_accept(workspace, one.path, one.manifest));
    // Also an unchanged one: it may lack a signature.
    wanted.push_back({.path = one.path,
                      .text = std::move(text),
                      .code = mcp::code_record_of(one),
                      .clients = Wanted::Clients::kAllowed});
  }
  RTT_TRY_SET(const auto changes,
              accept_with(workspace, registry::SecretStore(workspace.user_dir), secrets, wanted));
  for (const mcp::Imported& one : imported) {
    if (one.state == mcp::ImportState::kListed) RTT_TRY(mcp::keep_code(workspace, one));
  }
  Json rule_lines = text::JsonArray{};
  for (const apply::AcceptedChange& change : changes) {
    if (!change.before.clients && change.after.clients)
      rule_lines.push(client_rule_line(namespace_in(change.path)));
  }
  Json body = Json::object({{"manifests", std::move(manifests)},
                            {"rules", std::move(rule_lines)},
                            {"secrets", std::move(secret_names)},
                            {"servers", std::move(rows)}});
  if (failed) body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
  return body;
}

}  // namespace rtt::panel
