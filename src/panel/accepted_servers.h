// SPDX-License-Identifier: Apache-2.0
// Accepted servers: the MCP servers in force that a person names, for the verbs about them.
//
// Thread: any (pure).   Fails: kNotFound with the nearest name.   Limits: kMcpServersMax.
#pragma once

#include <string>
#include <vector>

#include "mcp/pins/contracts.h"
#include "registry/snapshot.h"

namespace rtt::panel {

// By configured name or namespace; all of them when none is named.
Result<std::vector<mcp::PinnedServer>> named_servers(const registry::Snapshot& snapshot,
                                                     const std::vector<std::string>& names);

}  // namespace rtt::panel
