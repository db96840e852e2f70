// SPDX-License-Identifier: Apache-2.0
// Start: finding a workspace's panel, starting it when none runs, being it, and ending everything it left.
//
// Thread: one, blocking.   Fails: kPanelDown (does not come up; the log's last line), kPanelProtocol.
// Limits: kDaemonStartMs to come up.
#pragma once

#include <memory>

#include "api/service.h"
#include "registry/workspace.h"

namespace rtt::panel {

// A connection to the panel that runs, or nothing.
std::unique_ptr<api::Service> running_panel(const registry::Workspace& workspace);
// The same, started first if need be. Two that start at once: one does, the other waits for it.
Result<std::unique_ptr<api::Service>> ensure_panel(const registry::Workspace& workspace);

// The daemon's life: until stopped, idle or signalled. Returns the exit status. `ready_fd` (or -1) gets one
// byte when the socket listens.
enum class Ground : std::uint8_t { kForeground, kBackground };
int panel_main(const registry::Workspace& workspace, Ground ground, int ready_fd);

// A driver host's life (`rtt driver-host --instance NAME`): "mcp" is the gateway.
// The servers that run once a user (mcp/shared/host.h); until nobody needs them.
int shared_host_main();
int driver_host_main(const registry::Workspace& workspace, const std::string& instance, int ready_fd);

struct Ended {
  std::string name;
  int pid = 0;
};
// Ends the panel and every driver host of the workspace, found by the locks they hold: works with no panel to
// ask.
Result<std::vector<Ended>> end_everything(const registry::Workspace& workspace);

}  // namespace rtt::panel
