// SPDX-License-Identifier: Apache-2.0
// Connect: what to add to an AI client's own configuration so that it uses this workspace's servers through
// RTT.
//
// One entry a server under its old name, so that tool names, permission rules and hooks of the client keep
// working. Printed, never written here.
//
// Thread: one.   Fails: kNotFound (no such client, with the nearest), as the snapshot.   Limits:
// kMcpServersMax.
#pragma once

#include <string>

#include "registry/workspace.h"
#include "text/json.h"

namespace rtt::panel {

// {client,file,add:[line],written:false}
Result<text::Json> connect_lines(const registry::Workspace& workspace, const std::string& client);

}  // namespace rtt::panel
