// SPDX-License-Identifier: Apache-2.0
// MCP rows: the answers of `mcp ls` and `mcp logs`, made the same way with and without a gateway to ask.
//
// Thread: any.   Fails: never.   Limits: the caller's.
#pragma once

#include <vector>

#include "mcp/pins/pinboard.h"
#include "model/problem.h"
#include "registry/snapshot.h"
#include "registry/workspace.h"
#include "text/json.h"

namespace rtt::panel {

// Warnings: what `mcp.equivalents` of panel.yaml wants to be one tool and is not.
std::vector<model::Problem> mcp_warnings(const registry::Snapshot& snapshot);
// {servers,warnings,trouble?} and, if a client is named,
// {view:{client,tools:[{name,server,address}],hidden:[{name,address,rule}]}}. A server is
// {name,namespace,scope,state,tools,instances,p99_ns,clients}, overlaid with what `live` says, those of the
// user's own folder included. One that is not running and whose login has run out or was ended is in the
// state `needs login`.
text::Json mcp_listing(const registry::Workspace& workspace, const mcp::Pinboard& board,
                       const text::Json& live, std::string_view client);
// {name,lines,dropped} from the gateway's {name,text,dropped?}, at most the last `lines_max`.
text::Json log_lines(const text::Json& log, std::int64_t lines_max);

}  // namespace rtt::panel
