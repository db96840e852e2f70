// SPDX-License-Identifier: Apache-2.0
// Pinboard: the accepted servers and the policy of a workspace, as the gateway last read them.
//
// The servers of the user's own folder (`rtt mcp import --user`) are in every workspace of the user, unless
// one of the workspace's own has the namespace. Of the user's policy those rules come along that name such a
// server's namespace; a deny rule of the workspace is still stronger.
//
// A workspace that cannot be read gives an empty board with the reason, so that clients are told instead of
// dropped.
//
// Owns: its values (share as const).   Thread: the loop's.   Fails: never.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mcp/pins/contracts.h"
#include "mcp/pins/tool_guard.h"
#include "model/mcp_settings.h"
#include "model/policy.h"
#include "os/dir.h"
#include "registry/workspace.h"

namespace rtt::mcp {

struct Pinboard {
  std::vector<PinnedServer> servers;  // sorted by namespace
  model::Policy policy;
  model::McpSettings mcp;
  Guards guards;
  std::string trouble;  // why the workspace cannot be served; empty if it can
};
// Tells whether a board may have changed since: what is read of a workspace and of the user's own, as it lies
// there. Folders are in it, for a command writes a manifest, its signatures and the index one after another.
struct PinboardStamp {
  std::vector<std::optional<os::FileStamp>> parts;
  friend bool operator==(const PinboardStamp&, const PinboardStamp&) = default;
};
PinboardStamp stamp_of(const registry::Workspace& workspace);
// Fails: kNoWorkspace, kIo, kBadConfig, kLimit.
Result<std::shared_ptr<Pinboard>> load_pinboard(const registry::Workspace& workspace);
// The same, with the failure in `trouble`.
std::shared_ptr<const Pinboard> read_pinboard(const registry::Workspace& workspace);
// RTT's own tools (own_tools.h), which no manifest names.
void add_own_server(std::vector<PinnedServer>& servers, const registry::Workspace& workspace);

}  // namespace rtt::mcp
