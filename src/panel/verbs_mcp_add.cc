// SPDX-License-Identifier: Apache-2.0
// `mcp add`: a server that no client's file names, taken as an import takes those. `mcp rm`: its manifest and
// what an import wrote beside it, gone.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "model/limits.h"
#include "os/file.h"
#include "panel/acceptance.h"
#include "panel/accepted_files.h"
#include "panel/accepted_servers.h"
#include "panel/client_rules.h"
#include "panel/mcp_import.h"
#include "panel/workbench.h"
#include "registry/snapshot.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

constexpr const char* kHelp = "rtt mcp add --help";

bool is_url(const std::string& word) { return word.starts_with("http://") || word.starts_with("https://"); }

// `NAME=VALUE`, or `NAME`: its value here, so that a secret need not stand on a command line.
Result<Json> environment_of(const std::vector<std::string>& settings) {
  Json env = text::JsonObject{};
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    const std::string name = setting.substr(0, equals);
    if (name.empty())
      return fail(Code::kBadArgument, fmt::format("--env `{}` names no variable", setting), {}, kHelp);
    if (equals != std::string::npos) {
      env.set(name, setting.substr(equals + 1));
      continue;
    }
    const char* const here = std::getenv(name.c_str());
    if (here == nullptr) {
      return fail(Code::kBadArgument, fmt::format("--env {}: it is not set here", name), {},
                  fmt::format("--env {}=VALUE", name));
    }
    env.set(name, here);
  }
  return env;
}

Result<Json> headers_of(const std::vector<std::string>& lines) {
  Json headers = text::JsonObject{};
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(':');
    const std::size_t value = colon == std::string::npos ? colon : line.find_first_not_of(' ', colon + 1);
    if (colon == 0 || value == std::string::npos)
      return fail(Code::kBadArgument, "a --header is written 'Name: value'", {}, kHelp);
    headers.set(line.substr(0, colon), line.substr(value));
  }
  return headers;
}

// A path as typed, from the caller's directory.
std::string from_here(const Turn& turn, const std::string& path) {
  if (path.empty()) return path;
  return std::filesystem::path(turn.ask.directory + "/").append(path).lexically_normal().string();
}

// What a client's file would say of it.
Result<Json> entry_of(const Turn& turn) {
  const std::vector<std::string> words = turn.list("words");
  Json entry = text::JsonObject{};
  if (is_url(words[0])) {
    if (words.size() > 1 || !turn.list("env").empty() || !turn.text("cwd").empty())
      return fail(Code::kBadArgument, "a server at a URL takes no arguments, --env or --cwd", {}, kHelp);
    entry.set("type", "http");
    entry.set("url", words[0]);
    RTT_TRY_SET(Json headers, headers_of(turn.list("header")));
    if (!headers.as_object().empty()) entry.set("headers", std::move(headers));
    return entry;
  }
  if (!turn.list("header").empty())
    return fail(Code::kBadArgument, "--header belongs to a server at a URL", {}, kHelp);
  Json args = text::JsonArray{};
  for (std::size_t i = 1; i < words.size(); ++i) args.push(words[i]);
  entry.set("command", words[0]);
  entry.set("args", std::move(args));
  RTT_TRY_SET(Json env, environment_of(turn.list("env")));
  if (!env.as_object().empty()) entry.set("env", std::move(env));
  if (const std::string directory = turn.text("cwd"); !directory.empty()) {
    entry.set("cwd", from_here(turn, directory));
  }
  return entry;
}

// Servers by name, also those whose manifest is in nobody's force: it is the file that goes.
Result<std::vector<std::string>> manifests_named(const Workspace& workspace,
                                                 const std::vector<std::string>& names) {
  std::vector<std::string> out, others;
  for (const std::string& name : names) {
    auto ns = mcp::namespace_of(name);
    if (ns && os::exists(workspace.path(mcp::manifest_path(*ns)))) {
      if (std::ranges::find(out, *ns) == out.end()) out.push_back(*std::move(ns));
    } else {
      others.push_back(name);
    }
  }
  if (others.empty()) return out;
  RTT_TRY_SET(const auto snapshot, registry::load_snapshot(workspace, {}));
  RTT_TRY_SET(const auto servers, named_servers(snapshot, others));
  for (const mcp::PinnedServer& server : servers) out.push_back(server.ns());
  return out;
}

}  // namespace

Result<Json> verb_mcp_add(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  const std::string name = turn.text("name");
  RTT_TRY_SET(const std::string ns, mcp::namespace_of(name));
  if (os::exists(workspace.path(mcp::manifest_path(ns)))) {
    return fail(Code::kNameClash, fmt::format("there is a server `{}` already", name), mcp::manifest_path(ns),
                fmt::format("rtt mcp rm {}", name));
  }
  mcp::ConfigServer server{.name = name, .file = "the command line", .entry = {}};
  RTT_TRY_SET(server.entry, entry_of(turn));
  server.sources = {server.file};
  const ImportPlan plan{.servers = {std::move(server)},
                        .plain = turn.list("plain"),
                        .marked = turn.list("secret_arg"),
                        .ca_file = from_here(turn, turn.text("ca_file")),
                        .plain_http = turn.set("plain_http")};
  RTT_TRY(marks_fit(plan));
  if (turn.consent() == Turn::Consent::kShow)
    return asking("Start or ask this server once, and take what it offers?", describe_import(plan));
  return run_import(workspace, plan, turn.part);
}

Result<Json> verb_mcp_rm(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const auto namespaces, manifests_named(workspace, turn.list("names")));
  std::vector<std::string> will, paths;
  for (const std::string& ns : namespaces) {
    paths.push_back(mcp::manifest_path(ns));
    will.push_back(fmt::format("delete {}", paths.back()));
    will.push_back(fmt::format("    routes to rtt://{}/… end with the next plan", ns));
  }
  if (turn.consent() == Turn::Consent::kShow) {
    will.emplace_back("take the rules that let AI clients reach it out of .rtt/policy.json");
    return asking("Remove this from the workspace?", will);
  }
  RTT_TRY(policy_is_signed(workspace));
  Json removed = text::JsonArray{}, rules = text::JsonArray{};
  std::vector<Wanted> gone;
  for (const std::string& path : paths)
    gone.push_back({.path = path, .text = {}, .clients = Wanted::Clients::kWithdrawn});
  RTT_TRY_SET(const auto changes, accept(workspace, apply::Verb::kMcpRm, gone));
  for (const std::string& path : paths) {  // one that was in nobody's force is no commit
    RTT_TRY(os::remove_file(workspace.path(path)));
    removed.push(path);
  }
  for (const apply::AcceptedChange& change : changes) {
    if (change.before.clients && !change.after.clients)
      rules.push(client_rule_line(namespace_in(change.path)));
  }
  return Json::object({{"manifests", std::move(removed)}, {"rules", std::move(rules)}});
}

}  // namespace rtt::panel
