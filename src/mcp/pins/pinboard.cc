// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/pinboard.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "mcp/own/own_tools.h"
#include "os/file.h"
#include "os/process.h"
#include "registry/snapshot.h"

namespace rtt::mcp {
namespace {

void add_stamp(PinboardStamp& stamp, const std::string& root, const std::string& relative) {
  const auto found = os::stamp_beneath(root, relative);
  stamp.parts.push_back(found ? std::optional(*found) : std::nullopt);
}

void add_stamps(PinboardStamp& stamp, const std::string& root) {
  for (const char* part : {".rtt", ".rtt/manifests", ".rtt/registry/index.json"})
    add_stamp(stamp, root, part);
}

// The user's own folder as a workspace, unless it is the one served.
std::optional<registry::Workspace> user_workspace(const registry::Workspace& workspace) {
  auto root = os::real_path(workspace.user_dir);
  if (!root || *root == workspace.root || !os::is_directory(*root + "/.rtt")) return std::nullopt;
  return registry::Workspace{.root = *std::move(root), .user_dir = workspace.user_dir};
}

void add_user_servers(Pinboard& board, const registry::Workspace& user) {
  // A folder that cannot be read has no say in a workspace that can; `rtt -C` there tells what is wrong.
  const auto snapshot = registry::load_snapshot(user, {.store = registry::LoadOptions::Store::kReadOnly});
  if (!snapshot) return;
  const std::vector<model::Contract> contracts = snapshot->driven_by("mcp");
  auto servers = pinned_servers(contracts);
  if (!servers) return;
  const std::size_t own = board.servers.size();
  for (PinnedServer& server : *servers) {
    const auto same = [&](const PinnedServer& other) { return other.ns() == server.ns(); };
    if (std::any_of(board.servers.begin(), board.servers.begin() + static_cast<std::ptrdiff_t>(own), same))
      continue;
    server.root = user.root;
    board.servers.push_back(std::move(server));
  }
  const auto about = [&](const model::AccessRule& rule) {
    return std::any_of(board.servers.begin() + static_cast<std::ptrdiff_t>(own), board.servers.end(),
                       [&](const PinnedServer& server) { return rule.to.ns == server.ns(); });
  };
  std::ranges::copy_if(snapshot->policy.allow, std::back_inserter(board.policy.allow), about);
  std::ranges::copy_if(snapshot->policy.deny, std::back_inserter(board.policy.deny), about);
  std::ranges::sort(board.servers, {}, &PinnedServer::ns);
}

std::string in_words(const Error& why) {
  std::string out = why.message;
  if (!why.where.empty()) out += " (" + why.where + ")";
  if (!why.hint.empty()) out += ". Run: " + why.hint;
  return out;
}

}  // namespace

PinboardStamp stamp_of(const registry::Workspace& workspace) {
  PinboardStamp stamp;
  add_stamps(stamp, workspace.root);
  add_stamp(stamp, workspace.user_dir, "trust.json");
  if (const auto user = user_workspace(workspace)) add_stamps(stamp, user->root);
  return stamp;
}

Result<std::shared_ptr<Pinboard>> load_pinboard(const registry::Workspace& workspace) {
  auto board = std::make_shared<Pinboard>();
  RTT_TRY_SET(auto snapshot,
              registry::load_snapshot(workspace, {.store = registry::LoadOptions::Store::kReadOnly}));
  const std::vector<model::Contract> contracts = snapshot.driven_by("mcp");
  RTT_TRY_SET(board->servers, pinned_servers(contracts));
  if (const Status known = snapshot.signers_known(); !known && board->servers.empty())
    board->trouble = in_words(known.error());
  add_own_server(board->servers, workspace);
  board->policy = std::move(snapshot.policy);
  board->mcp = std::move(snapshot.panel.mcp);
  if (const auto user = user_workspace(workspace)) add_user_servers(*board, *user);
  for (const PinnedServer& server : board->servers) {
    for (const PinnedItem& item : server.items) {
      if (item.kind != ItemKind::kTool) continue;
      std::string address = to_string(item.saddr);
      auto guard = ToolGuard::make(limits_for(board->mcp, item.saddr), address, item.definition);
      if (guard) board->guards.set(std::move(address), std::move(guard));
    }
  }
  return board;
}

std::shared_ptr<const Pinboard> read_pinboard(const registry::Workspace& workspace) {
  auto board = load_pinboard(workspace);
  if (board) return *std::move(board);
  auto empty = std::make_shared<Pinboard>();
  empty->policy = model::empty_policy();
  empty->trouble = in_words(board.error());
  return empty;
}

void add_own_server(std::vector<PinnedServer>& servers, const registry::Workspace& workspace) {
  OwnLaunch launch{.executable = os::own_executable(), .root = workspace.root, .env = {}};
  for (const auto& [name, value] : os::own_environment()) {
    if (name == "XDG_CONFIG_HOME")
      launch.env.emplace_back(name, value);  // where this user's keys and trust are
  }
  PinnedServer own = own_server(launch);
  const auto at = std::ranges::lower_bound(servers, own.ns(), {}, &PinnedServer::ns);
  if (at != servers.end() && at->ns() == own.ns()) {
    *at = std::move(own);  // the name is RTT's: what policy says of it is said of RTT
  } else {
    servers.insert(at, std::move(own));
  }
}

}  // namespace rtt::mcp
