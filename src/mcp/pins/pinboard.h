// SPDX-License-Identifier: Apache-2.0
// Pinboard: the accepted servers and the policy of a workspace, as the gateway last read them.
//
// A workspace that cannot be read gives an empty board with the reason, so that clients are told instead of
// dropped.
//
// Owns: its values (share as const).   Thread: the loop's.   Fails: never.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mcp/pins/contracts.h"
#include "model/mcp_settings.h"
#include "model/policy.h"
#include "registry/workspace.h"

namespace rtt::mcp {

struct Pinboard {
  std::vector<PinnedServer> servers;  // sorted by namespace
  model::Policy policy;
  model::McpSettings mcp;
  std::string trouble;  // why the workspace cannot be served; empty if it can
};
std::shared_ptr<const Pinboard> read_pinboard(const registry::Workspace& workspace);

}  // namespace rtt::mcp
