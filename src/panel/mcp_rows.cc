// SPDX-License-Identifier: Apache-2.0
#include "panel/mcp_rows.h"

#include <algorithm>
#include <deque>
#include <set>

#include "mcp/auth/login_store.h"
#include "mcp/backends/launch.h"
#include "mcp/clients/catalog.h"
#include "mcp/own/own_tools.h"
#include "mcp/pins/contracts.h"
#include "mcp/pins/equivalents.h"
#include "os/clock.h"

namespace rtt::panel {

using text::Json;

namespace {

bool needs_login(const registry::Workspace& workspace, const mcp::ServerConfig& config) {
  if (config.transport != "http") return false;
  const auto endpoint = mcp::resolve_endpoint(config, workspace);
  if (!endpoint) return false;
  const auto login = mcp::LoginStore(workspace.user_dir).login(mcp::resource_of(endpoint->url));
  if (!login || !*login) return false;
  const mcp::Login& last = **login;
  const bool over = last.ends_unix_ms != 0 && last.ends_unix_ms <= os::wall_now().us / 1000;
  return last.access_token.empty() || (over && last.refresh_token.empty());
}

Json mcp_rows(const registry::Workspace& workspace, const mcp::Pinboard& board, const Json& live) {
  Json rows = text::JsonArray{};
  for (const mcp::PinnedServer& server : board.servers) {
    if (server.ns() == mcp::kOwnNamespace) continue;
    const bool inherited = !server.root.empty();
    std::set<std::string_view> tools;  // a name counts once, for whatever clients
    for (const mcp::PinnedItem& item : server.items) {
      if (item.kind == mcp::ItemKind::kTool) tools.insert(item.key());
    }
    Json row = Json::object({{"clients", 0},
                             {"instances", 0},
                             {"name", server.config.name},
                             {"namespace", server.ns()},
                             {"p99_ns", Json()},
                             {"scope", inherited ? "user" : "workspace"},
                             {"state", "stopped"},
                             {"tools", tools.size()}});
    for (const Json& one : live.is_array() ? live.as_array() : text::JsonArray{}) {
      if (one.string_or("namespace") != server.ns()) continue;
      for (const auto& [field, value] : one.as_object()) row.set(field, value);
    }
    const registry::Workspace home{.root = inherited ? server.root : workspace.root,
                                   .user_dir = workspace.user_dir};
    if (row.string_or("state") == "stopped" && needs_login(home, server.config))
      row.set("state", "needs login");
    rows.push(std::move(row));
  }
  return rows;
}

}  // namespace

std::vector<model::Problem> mcp_warnings(const registry::Snapshot& snapshot) {
  const auto contracts = snapshot.in_force();
  const auto servers = mcp::pinned_servers(contracts);
  if (!servers) return {};
  return mcp::equivalent_problems(*servers, snapshot.panel.mcp.equivalents);
}

Json mcp_listing(const registry::Workspace& workspace, const mcp::Pinboard& board, const Json& live,
                 std::string_view client) {
  Json warnings = text::JsonArray{};
  for (const model::Problem& warning : mcp::equivalent_problems(board.servers, board.mcp.equivalents))
    warnings.push(model::to_json(warning));
  Json out = Json::object({{"servers", mcp_rows(workspace, board, live)}, {"warnings", std::move(warnings)}});
  if (!board.trouble.empty()) out.set("trouble", board.trouble);
  if (client.empty()) return out;
  const mcp::Catalog catalog = mcp::build_catalog({.servers = board.servers,
                                                   .policy = &board.policy,
                                                   .client = std::string(client),
                                                   .names = board.mcp.names,
                                                   .equivalents = board.mcp.equivalents,
                                                   .trouble = board.trouble});
  Json tools = text::JsonArray{}, hidden = text::JsonArray{};
  for (const mcp::CatalogEntry& tool : catalog.tools)
    tools.push(Json::object({{"address", tool.address}, {"name", tool.exposed}, {"server", tool.ns}}));
  for (const mcp::HiddenEntry& tool : catalog.hidden_tools)
    hidden.push(Json::object({{"address", tool.address}, {"name", tool.exposed}, {"rule", tool.rule}}));
  Json view =
      Json::object({{"client", catalog.client}, {"hidden", std::move(hidden)}, {"tools", std::move(tools)}});
  if (!catalog.notice.empty()) view.set("notice", catalog.notice);
  out.set("view", std::move(view));
  return out;
}

Json log_lines(const Json& log, std::int64_t lines_max) {
  std::deque<std::string> lines;
  std::int64_t dropped = log.int_or("dropped", 0);
  std::string_view rest = log.string_or("text");
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (static_cast<std::int64_t>(lines.size()) > std::max<std::int64_t>(1, lines_max)) {
      lines.pop_front();
      ++dropped;
    }
  }
  Json list = text::JsonArray{};
  for (std::string& line : lines) list.push(std::move(line));
  return Json::object({{"dropped", dropped}, {"lines", std::move(list)}, {"name", log.string_or("name")}});
}

}  // namespace rtt::panel
