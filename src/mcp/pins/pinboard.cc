// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/pinboard.h"

#include "registry/snapshot.h"

namespace rtt::mcp {

std::shared_ptr<const Pinboard> read_pinboard(const registry::Workspace& workspace) {
  auto board = std::make_shared<Pinboard>();
  board->policy = model::empty_policy();
  const auto say = [&board](const Error& why) {
    board->trouble = why.message;
    if (!why.where.empty()) board->trouble += " (" + why.where + ")";
    if (!why.hint.empty()) board->trouble += ". Run: " + why.hint;
  };
  auto snapshot = registry::load_snapshot(workspace, {.store = registry::LoadOptions::Store::kReadOnly});
  if (!snapshot) {
    say(snapshot.error());
    return board;
  }
  const std::vector<model::Contract> contracts = snapshot->in_force();
  auto servers = pinned_servers(contracts);
  if (!servers) {
    say(servers.error());
    return board;
  }
  board->servers = *std::move(servers);
  board->policy = std::move(snapshot->policy);
  board->mcp = std::move(snapshot->panel.mcp);
  return board;
}

}  // namespace rtt::mcp
