// SPDX-License-Identifier: Apache-2.0
// MCP import as a step of a workspace: which servers, what it would do, doing it. Shared by `mcp import` and
// `up`.
//
// Doing it starts each server once, stores secrets apart (never in a manifest), writes one manifest a server,
// adds one visible allow rule to the policy, and signs exactly these files.
//
// Thread: one, blocking.   Fails: kNameClash, kNoWorkspace, kIo; a server that fails is a row, not an error.
// Limits: kMcpServersMax.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mcp/pins/import.h"
#include "panel/client_files.h"
#include "registry/workspace.h"

namespace rtt::panel {

struct ImportRequest {
  std::string directory;           // the caller's, for relative FILEs
  std::vector<std::string> files;  // empty: the files of known clients, in the place that `scope` names
  ClientScope scope = ClientScope::kProject;
  std::vector<std::string> only, plain, marked;
  std::string ca_file{};
  bool plain_http = false;
  const registry::Snapshot* snapshot = nullptr;  // of now, where there is one; else it is loaded
};
struct ImportPlan {
  std::vector<mcp::ConfigServer> servers;
  std::vector<std::string> plain, marked;     // of docs/formats/secrets.md
  ClientScope scope = ClientScope::kProject;  // kUser: into the user's own folder
  std::string ca_file{};                      // of servers over https, absolute
  bool plain_http = false;
};
// The user's own folder as a workspace, made and signed if it is none yet.
Result<registry::Workspace> user_workspace();
Result<ImportPlan> plan_import(const registry::Workspace& workspace, const ImportRequest& request);
// Fails kBadArgument naming a mark (`--secret-arg`) that fits no argument of any of the servers.
Status marks_fit(const ImportPlan& plan);
// Servers whose manifest is absent, RTT's own door left out: what `up` would still import.
Result<ImportPlan> without_imported(const registry::Workspace& workspace, ImportPlan plan);
// One line a server: its command and every file that names it, with every literal value of env, headers and
// URLs left out.
std::vector<std::string> describe_import(const ImportPlan& plan);
// {servers:[…],manifests:[…],secrets:[…],rules:[…]}
Result<text::Json> run_import(const registry::Workspace& workspace, const ImportPlan& plan,
                              const std::function<void(text::Json)>& part);

}  // namespace rtt::panel
