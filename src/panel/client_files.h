// SPDX-License-Identifier: Apache-2.0
// Client files: where on this machine AI clients keep their configuration, and the MCP servers named there.
//
// Only the places of the table in mcp/client_form.h are looked at. A client's own switch (Claude Code's
// lists of allowed and refused servers) is heeded: what is off there is listed as off.
//
// Thread: one.   Fails: as client_config.h, with the file in `where`; kIo.   Limits: kClientConfigBytesMax a
// file.
#pragma once

#include <string>
#include <vector>

#include "mcp/configs/client_config.h"
#include "registry/snapshot.h"

namespace rtt::panel {

enum class ClientScope : std::uint8_t { kUser, kProject };
std::string_view to_string(ClientScope scope);  // user project

struct ClientFile {
  const mcp::Client* client = nullptr;
  ClientScope scope = ClientScope::kUser;
  std::string path;   // absolute
  std::string shown;  // below the workspace, or ~/…
};
// Every place the client has in that scope.
std::vector<ClientFile> client_files(const registry::Workspace& workspace, const mcp::Client& client,
                                     ClientScope scope);
// Whether this user or this project has a file of the client, or a folder for it.
bool is_used_here(const registry::Workspace& workspace, const mcp::Client& client);

// Servers of every client's files in that scope, one item a file and name. `snapshot`: as ImportRequest.
Result<std::vector<mcp::ConfigServer>> servers_of_clients(const registry::Workspace& workspace,
                                                          ClientScope scope,
                                                          const registry::Snapshot* snapshot = nullptr);
// Every file that decides what servers_of_clients() says of the project, there or not; absolute.
std::vector<std::string> files_of_project_servers(const registry::Workspace& workspace);

// `~` for this user's home.
std::string shown_path(const registry::Workspace& workspace, const std::string& path);

}  // namespace rtt::panel
