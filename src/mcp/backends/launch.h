// SPDX-License-Identifier: Apache-2.0
// Launch: from a portable server configuration to the command, environment and folder of this machine, or to
// the address and headers of a server over HTTP.
//
// The child gets a short list of ordinary variables (PATH, HOME, locale, proxies…) and what its entry names,
// never our whole environment: a key exported in the shell of one AI client is no business of every server.
// ${workspace} and
// ${home} become folders, ${VAR} comes from the environment, {"secret":NAME} from this user's secret store.
// The environment is that of the AI client whose instance is started (surroundings.h), else this process's.
//
// Thread: any.   Fails: kSecretMissing, kBadShape, kIo.   Limits: none of its own.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mcp/pins/contracts.h"
#include "mcp/surroundings.h"
#include "os/process.h"
#include "registry/secrets.h"
#include "registry/workspace.h"
#include "web/url.h"

namespace rtt::mcp {

struct Launch {
  os::SpawnOptions options;
  std::string base;  // the folder whose relative paths the entry's are, and where its code is found
  std::vector<std::string>
      secrets;  // resolved values, so that they can be struck out of what the server prints
};
// `fresh` are secrets not yet in the store (an import under way): (name, value).
using SecretValues = registry::SecretStore::Values;
// Where the entry names no folder: the client's, if that is inside the workspace and no argument names what
// is found from the workspace's root; else that root. A relative command is found from the root in any case.
Result<Launch> resolve_launch(const ServerConfig& config, const registry::Workspace& workspace,
                              const SecretValues& fresh = {}, const Surroundings* client = nullptr);

// Where an HTTP server is, and what goes with every request to it.
struct Endpoint {
  web::Url url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string ca_file;
  std::vector<std::string> secrets;  // as of Launch
};
// Fails also kPermission: credentials and answers would cross a network in clear.
Result<Endpoint> resolve_endpoint(const ServerConfig& config, const registry::Workspace& workspace,
                                  const SecretValues& fresh = {}, const Surroundings* client = nullptr);

PathBases path_bases(const registry::Workspace& workspace);
// `text` with every secret of a length that cannot occur by chance replaced.
std::string without_secrets(std::string text, const std::vector<std::string>& secrets);

}  // namespace rtt::mcp
