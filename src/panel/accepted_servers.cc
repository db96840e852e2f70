// SPDX-License-Identifier: Apache-2.0
#include "panel/accepted_servers.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/saddr.h"

namespace rtt::panel {

Result<std::vector<mcp::PinnedServer>> named_servers(const registry::Snapshot& snapshot,
                                                     const std::vector<std::string>& names) {
  const auto contracts = snapshot.in_force();
  RTT_TRY_SET(auto servers, mcp::pinned_servers(contracts));
  if (servers.empty()) RTT_TRY(snapshot.signers_known());
  if (names.empty()) return servers;
  std::vector<mcp::PinnedServer> chosen;
  std::vector<std::string> known;
  for (const auto& server : servers) known.push_back(server.config.name);
  for (const std::string& name : names) {
    const auto at = std::ranges::find_if(
        servers, [&](const auto& server) { return server.config.name == name || server.ns() == name; });
    if (at == servers.end()) {
      const auto near = model::nearest(name, known);
      return fail(Code::kNotFound, fmt::format("no MCP server `{}` in this workspace", name), {},
                  near ? "did you mean " + *near + "?" : "rtt mcp ls");
    }
    chosen.push_back(*at);
  }
  return chosen;
}

}  // namespace rtt::panel
