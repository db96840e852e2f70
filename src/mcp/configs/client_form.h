// SPDX-License-Identifier: Apache-2.0
// AI clients: where each keeps its MCP servers and in which form.
//
// A table, so that a client more is a line. Places are the clients' own documented ones (docs/formats/
// client-config.md); nothing is looked for anywhere else.
//
// Thread: any (constants).   Fails: never.   Limits: the table.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rtt::mcp {

// How servers are written down.
enum class ClientForm : std::uint8_t {
  kMcpServers,      // {"mcpServers":{NAME:{"command","args","env"}}}
  kServers,         // {"servers":{NAME:{"type":"stdio",…}},"inputs":[…]}
  kOpenCode,        // {"mcp":{NAME:{"type":"local","command":[…],"environment"}}}
  kContextServers,  // {"context_servers":{NAME:{"command","args","env"}}}
  kCodexToml,       // [mcp_servers.NAME]
  kVibeToml,        // [[mcp_servers]] name = NAME
};
[[nodiscard]] bool is_toml(ClientForm form);
std::string_view section_key(ClientForm form);  // the key that all servers are under

// What happens when the user's and the project's file name the same server.
enum class Overlap : std::uint8_t {
  kProjectWins,  // the project's entry is the one that counts
  kBoth,         // both are listed
  kProjectOnly,  // a project's file hides the user's whole file
};

// Where a path begins.
enum class Base : std::uint8_t { kHome, kConfig, kProject };  // ~, $XDG_CONFIG_HOME, the workspace
struct ClientPlace {
  Base base = Base::kHome;
  std::string_view path;             // below it
  std::string_view home_variable{};  // an environment variable that names the path's first folder instead
};

struct Client {
  std::string_view name;     // as `--as` and `rtt mcp connect` take it
  std::string_view product;  // as people call it
  ClientForm form = ClientForm::kMcpServers;
  Overlap overlap = Overlap::kProjectWins;
  std::array<ClientPlace, 2> user{}, project{};  // the first is where a new file goes; no path = no place
};
std::span<const Client> clients();  // sorted by name
const Client* find_client(std::string_view name);

// The form a file's place tells, by the end of its path; nothing when any form may be there.
std::optional<ClientForm> form_of_place(std::string_view path);
// Files whose text writes variables as `$NAME` too.
[[nodiscard]] bool expands_bare_variables(std::string_view path);

}  // namespace rtt::mcp
