// SPDX-License-Identifier: Apache-2.0
// ServerConfig: how an MCP server is started or reached, in the portable form that is signed.
//
// It comes from an entry of a client's file or from an accepted connector. Paths are written as
// ${workspace}/… and ${home}/…, secrets as {"secret":NAME}.
//
// Thread: any (pure).   Fails: kBadShape naming the member.   Limits: those of the manifest.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "model/contract.h"

namespace rtt::mcp {

// Who shares a running server: nobody (each AI client has its own, as when it starts it itself), all of the
// workspace, or all workspaces of the user.
enum class Instances : std::uint8_t { kSession, kWorkspace, kShared };
std::string_view to_string(Instances instances);  // session workspace shared
// What becomes of changed words, and of a server that describes itself otherwise: the accepted ones are
// served and calls pass, or they are refused like any other change.
enum class Drift : std::uint8_t { kHold, kRefuse };
std::string_view to_string(Drift drift);  // hold refuse

// How a server is started or reached, in portable form.
struct ServerConfig {
  std::string name;                 // as configured
  std::string transport = "stdio";  // or "http"
  text::Json command;               // a string
  text::Json args;                  // array of strings or {"secret":NAME}
  text::Json env;                   // object of strings or {"secret":NAME}
  std::string directory;            // `cwd`; empty = the workspace
  // Of a server over HTTP, instead of the four above:
  text::Json url{};         // a string, or with {"secret":NAME} in {"concat":[…]}
  text::Json headers{};     // object of strings or {"secret":NAME}
  std::string ca_file{};    // certificates trusted instead of the system's; empty = the system's
  bool plain_http = false;  // http:// to another machine is meant
  Instances instances = Instances::kSession;
  text::Json sandbox;  // {"network":"none","read":[…],"write":[…]}, portable paths; null: none
  Drift drift = Drift::kHold;
  friend bool operator==(const ServerConfig&, const ServerConfig&) = default;
};
struct PathBases {
  std::string workspace, home;  // absolute, no trailing slash; empty = none
};
std::string portable_text(std::string_view text, const PathBases& bases);
// The other way: a value (a string, or one with {"secret":NAME}, {"env":NAME}, {"concat":[…]}) as a client's
// own file says it, with these folders for their marks. `variable`: how that client names an environment
// variable in a value.
std::string native_text(const text::Json& value, const PathBases& bases,
                        const std::function<std::string(std::string_view name)>& variable);

// `entry` is one server's object of a client configuration whose secrets are already references.
Result<ServerConfig> config_from_entry(std::string_view name, const text::Json& entry,
                                       const PathBases& bases);
Result<ServerConfig> config_from_connector(const model::Contract& connector);

}  // namespace rtt::mcp
