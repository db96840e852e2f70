// SPDX-License-Identifier: Apache-2.0
#include "mcp/configs/client_form.h"

#include <algorithm>

namespace rtt::mcp {
namespace {

using enum ClientForm;

constexpr auto kClients = std::to_array<Client>({
    // Its file is the user's, but the section a project has in it is what `connect` writes: local scope.
    {.name = "claude",
     .product = "Claude Code",
     .form = kMcpServers,
     .user = {ClientPlace{Base::kHome, ".claude.json", "CLAUDE_CONFIG_DIR"}},
     .project = {ClientPlace{Base::kProject, ".mcp.json"}}},
    {.name = "claude-desktop",
     .product = "Claude Desktop",
     .form = kMcpServers,
     .user = {ClientPlace{Base::kConfig, "Claude/claude_desktop_config.json"}},
     .project = {}},
    {.name = "codex",
     .product = "Codex",
     .form = kCodexToml,
     .user = {ClientPlace{Base::kHome, ".codex/config.toml", "CODEX_HOME"}},
     .project = {ClientPlace{Base::kProject, ".codex/config.toml"}}},
    {.name = "cursor",
     .product = "Cursor",
     .form = kMcpServers,
     .user = {ClientPlace{Base::kHome, ".cursor/mcp.json"}},
     .project = {ClientPlace{Base::kProject, ".cursor/mcp.json"}}},
    {.name = "gemini",
     .product = "Gemini CLI",
     .form = kMcpServers,
     .user = {ClientPlace{Base::kHome, ".gemini/settings.json"}},
     .project = {ClientPlace{Base::kProject, ".gemini/settings.json"}}},
    {.name = "mcp-hub",
     .product = "MCP Hub",
     .form = kMcpServers,
     .user = {ClientPlace{Base::kConfig, "mcphub/servers.json"}},
     .project = {}},
    {.name = "opencode",
     .product = "OpenCode",
     .form = kOpenCode,
     .user = {ClientPlace{Base::kConfig, "opencode/opencode.json"},
              ClientPlace{Base::kConfig, "opencode/opencode.jsonc"}},
     .project = {ClientPlace{Base::kProject, "opencode.json"},
                 ClientPlace{Base::kProject, "opencode.jsonc"}}},
    {.name = "qwen",
     .product = "Qwen Code",
     .form = kMcpServers,
     .user = {ClientPlace{Base::kHome, ".qwen/settings.json"}},
     .project = {ClientPlace{Base::kProject, ".qwen/settings.json"}}},
    {.name = "vibe",
     .product = "Mistral Vibe",
     .form = kVibeToml,
     .overlap = Overlap::kProjectOnly,
     .user = {ClientPlace{Base::kHome, ".vibe/config.toml", "VIBE_HOME"}},
     .project = {ClientPlace{Base::kProject, ".vibe/config.toml"}}},
    {.name = "vscode",
     .product = "VS Code",
     .form = kServers,
     .overlap = Overlap::kBoth,
     .user = {ClientPlace{Base::kConfig, "Code/User/mcp.json"}},
     .project = {ClientPlace{Base::kProject, ".vscode/mcp.json"}}},
    {.name = "zed",
     .product = "Zed",
     .form = kContextServers,
     .user = {ClientPlace{Base::kConfig, "zed/settings.json"}},
     .project = {ClientPlace{Base::kProject, ".zed/settings.json"}}},
});

bool lies_at(std::string_view path, std::string_view end) {
  return path.ends_with(end) && (path.size() == end.size() || path[path.size() - end.size() - 1] == '/');
}

}  // namespace

bool is_toml(ClientForm form) { return form == ClientForm::kCodexToml || form == ClientForm::kVibeToml; }

std::string_view section_key(ClientForm form) {
  switch (form) {
    case kMcpServers:
      return "mcpServers";
    case kServers:
      return "servers";
    case kOpenCode:
      return "mcp";
    case kContextServers:
      return "context_servers";
    case kCodexToml:
    case kVibeToml:
      return "mcp_servers";
  }
  return {};
}

std::span<const Client> clients() { return kClients; }

const Client* find_client(std::string_view name) {
  const auto at = std::ranges::find(clients(), name, &Client::name);
  return at == clients().end() ? nullptr : &*at;
}

std::optional<ClientForm> form_of_place(std::string_view path) {
  for (const Client& client : clients()) {
    for (const auto* places : {&client.user, &client.project}) {
      for (const ClientPlace& place : *places) {
        if (!place.path.empty() && lies_at(path, place.path)) return client.form;
      }
    }
  }
  return std::nullopt;
}

bool expands_bare_variables(std::string_view path) {
  return lies_at(path, ".gemini/settings.json") || lies_at(path, ".qwen/settings.json");
}

}  // namespace rtt::mcp
