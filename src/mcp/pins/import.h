// SPDX-License-Identifier: Apache-2.0
// Import: from an entry of a client's configuration (`.mcp.json`) to signed-to-be contracts.
//
// The server is started, asked for what it has, and stopped, once for each set of client capabilities that
// capability_probe.h wants to see: twice for almost every server, both at the same time. Nothing is written
// here: the caller shows the manifest, asks, stores the secrets, writes and signs. Literal secrets of the
// entry never appear in the manifest or in an error; they are handed back apart.
//
// Owns: the child while it lists.   Thread: the loop's.
// Fails: kServerStart, kServerProtocol, kBadShape (also hidden characters), kSecretMissing, kDeadline.
// Limits: kMcpServersMax servers, 24 of them at once, each twice; kServerStartMs a list.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mcp/backends/code_identity.h"
#include "mcp/configs/client_config.h"
#include "mcp/pins/capability_probe.h"
#include "mcp/pins/contracts.h"
#include "os/loop.h"
#include "registry/workspace.h"

namespace rtt::mcp {

// An entry that starts `rtt mcp serve`, as `rtt mcp connect` prints it: RTT as the client's server, never a
// server of RTT's. Imported, each call to it would ask itself.
bool is_own_door(const text::Json& entry);

enum class ImportState : std::uint8_t { kListed, kUnsupported, kFailed };
std::string_view to_string(ImportState state);  // listed unsupported failed

struct Imported {
  std::string name, ns;
  ImportState state = ImportState::kFailed;
  std::optional<Error> error;  // kUnsupported, kFailed
  ServerConfig config;
  ServerInfo info;
  Offer offer;
  CodeIdentity code;      // what its command runs here
  std::size_t lists = 0;  // under so many sets of client capabilities
  std::vector<std::string> warnings;
  text::Json manifest;                                       // kListed
  std::string path;                                          // manifest_path(ns)
  std::vector<std::pair<std::string, std::string>> secrets;  // (name, value) to put in the secret store
};
// {name,namespace,version,protocol,tools,resources,prompts,lists,warnings,state,error?}: the row of `mcp
// import`.
text::Json summary(const Imported& imported);

// Takes down, for this user, which code was accepted with it.
Status keep_code(const registry::Workspace& workspace, const Imported& imported);
std::optional<CodeRecord> code_record_of(const Imported& imported);  // nothing: it runs none here

struct ImportOptions {
  registry::Workspace workspace;
  std::vector<std::string> plain;   // env, header and argument names whose literal value stays (--plain)
  std::vector<std::string> marked;  // arguments that are secrets (--secret-arg): "3", "--api-key", "url"
  std::string ca_file{};            // of servers over https: certificates trusted instead of the system's
  bool plain_http = false;          // http:// to another machine is meant
  std::int64_t deadline_ms = 30'000;
  // As they are in force now: what no client's entry can say of a server (who shares it, drift, sandbox,
  // which certificates) stays as it is.
  std::vector<ServerConfig> accepted{};
  // For every workspace of the user: shared, and in the home folder where the entry names none.
  enum class Scope : std::uint8_t { kWorkspace, kUser } scope = Scope::kWorkspace;
};
// What an entry says, nothing started; `error` where it says nothing usable.
Imported read_server(const ConfigServer& server, const ImportOptions& options);

// Blocking, all servers at once on a loop of their own; results in the order given. Fails only as a whole:
// kNameClash, kLimit. A server that fails is an Imported with state failed.
Result<std::vector<Imported>> import_servers(const std::vector<ConfigServer>& servers,
                                             const ImportOptions& options);
Result<Imported> import_server(ConfigServer server, const ImportOptions& options);
// The same of servers already accepted, from their connector contracts: what they offer now.
Result<std::vector<Imported>> list_servers(std::vector<ServerConfig> configs, const ImportOptions& options);

}  // namespace rtt::mcp
