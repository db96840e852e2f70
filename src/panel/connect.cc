// SPDX-License-Identifier: Apache-2.0
#include "panel/connect.h"

#include <fmt/format.h>

#include <array>

#include "mcp/contracts.h"
#include "model/saddr.h"
#include "os/file.h"
#include "os/process.h"
#include "registry/snapshot.h"

namespace rtt::panel {
namespace {

using text::Json;

// How a client writes a local MCP server down.
enum class Form : std::uint8_t {
  kMcpServers,  // {"mcpServers":{NAME:{"command","args"}}}
  kServers,     // {"servers":{NAME:{"type":"stdio","command","args"}}}
  kOpenCode,    // {"mcp":{NAME:{"type":"local","command":[…]}}}
  kCodexToml,   // [mcp_servers.NAME]
  kVibeToml,    // [[mcp_servers]]
};
struct Client {
  std::string_view name, file;
  Form form;
};
constexpr auto kClients = std::to_array<Client>({
    {"claude", ".mcp.json (project) or ~/.claude.json (yours)", Form::kMcpServers},
    {"claude-desktop", "~/.config/Claude/claude_desktop_config.json", Form::kMcpServers},
    {"codex", "~/.codex/config.toml", Form::kCodexToml},
    {"cursor", "~/.cursor/mcp.json", Form::kMcpServers},
    {"gemini", "~/.gemini/settings.json", Form::kMcpServers},
    {"opencode", "~/.config/opencode/opencode.json", Form::kOpenCode},
    {"qwen", "~/.qwen/settings.json", Form::kMcpServers},
    {"vibe", "~/.vibe/config.toml", Form::kVibeToml},
    {"vscode", ".vscode/mcp.json", Form::kServers},
});

struct ServerEntry {
  std::string name;
  std::vector<std::string> command;  // program first
};

// The program as a client finds it: the bare name where PATH leads to this very file.
std::string program() {
  const std::string own = os::own_executable();
  const auto found = os::find_on_path("rtt", os::environment("PATH"));
  if (found) {
    if (const auto real = os::real_path(*found); real && *real == own) return "rtt";
  }
  return own;
}

Json strings(const std::vector<std::string>& items, std::size_t from) {
  Json list = text::JsonArray{};
  for (std::size_t i = from; i < items.size(); ++i) list.push(items[i]);
  return list;
}

std::string as_json(const std::vector<ServerEntry>& servers, Form form) {
  Json entries = text::JsonObject{};
  for (const ServerEntry& server : servers) {
    Json entry = form == Form::kOpenCode
                     ? Json::object({{"command", strings(server.command, 0)}, {"type", "local"}})
                     : Json::object({{"args", strings(server.command, 1)}, {"command", server.command[0]}});
    if (form == Form::kServers) entry.set("type", "stdio");
    entries.set(server.name, std::move(entry));
  }
  const char* key = form == Form::kOpenCode ? "mcp" : form == Form::kServers ? "servers" : "mcpServers";
  return text::to_pretty_json(Json::object({{key, std::move(entries)}}));
}

// JSON strings and arrays of them are TOML too (its basic strings use the same escapes).
std::string as_toml(const std::vector<ServerEntry>& servers, Form form) {
  std::string out;
  for (const ServerEntry& server : servers) {
    if (form == Form::kCodexToml) {
      out += fmt::format("[mcp_servers.{}]\n", text::to_json(Json(server.name)));
    } else {
      out += fmt::format("[[mcp_servers]]\nname = {}\ntransport = \"stdio\"\n",
                         text::to_json(Json(server.name)));
    }
    out += fmt::format("command = {}\nargs = {}\n\n", text::to_json(Json(server.command[0])),
                       text::to_json(strings(server.command, 1)));
  }
  return out;
}

}  // namespace

Result<Json> connect_lines(const registry::Workspace& workspace, const std::string& client) {
  const Client* known = nullptr;
  std::vector<std::string> names;
  for (const Client& one : kClients) {
    if (one.name == client) known = &one;
    names.emplace_back(one.name);
  }
  if (known == nullptr) {
    const auto near = model::nearest(client, names);
    return fail(Code::kNotFound,
                fmt::format("no client `{}` is known; known are {}", client, fmt::join(names, ", ")), {},
                near ? "rtt mcp connect " + *near : "rtt mcp connect claude");
  }
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(workspace,
                                      {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly}));
  const auto contracts = snapshot.in_force();
  RTT_TRY_SET(const auto pinned, mcp::pinned_servers(contracts));
  if (pinned.empty()) {
    return fail(Code::kNotFound, "this workspace has no MCP servers yet", workspace.root, "rtt mcp import");
  }
  std::vector<ServerEntry> servers;
  for (const auto& server : pinned) {
    servers.push_back(
        {server.config.name,
         {program(), "mcp", "serve", server.config.name, "--as", client, "-C", workspace.root}});
  }
  const bool toml = known->form == Form::kCodexToml || known->form == Form::kVibeToml;
  const std::string text = toml ? as_toml(servers, known->form) : as_json(servers, known->form);
  Json lines = text::JsonArray{};
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    lines.push(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return Json::object(
      {{"add", std::move(lines)}, {"client", client}, {"file", known->file}, {"written", false}});
}

}  // namespace rtt::panel
