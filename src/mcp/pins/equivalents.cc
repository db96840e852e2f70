// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/equivalents.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "mcp/pins/pin.h"
#include "model/limits.h"

namespace rtt::mcp {
namespace {

constexpr const char* kFile = ".rtt/panel.yaml";

class Merging {
 public:
  Merging(std::span<const PinnedServer* const> servers, std::span<const model::Equivalent> wanted)
      : servers_(servers) {
    for (const model::Equivalent& one : wanted) merge(one);
  }
  Equivalents take() { return std::move(out_); }

 private:
  void merge(const model::Equivalent& wanted) {
    std::vector<const PinnedServer*> members;
    for (const std::string& name : wanted.servers) {
      const auto named = [&](const PinnedServer* server) {
        return server->config.name == name || server->ns() == name;
      };
      const auto at = std::ranges::find_if(servers_, named);
      if (at == servers_.end()) {
        problem(fmt::format("server '{}' is not accepted here", name), "rtt mcp ls");
      } else if (std::ranges::find(members, *at) == members.end()) {
        members.push_back(*at);
      }
    }
    if (members.size() < 2) return;
    if (!wanted.tools.empty()) {
      for (const std::string& key : wanted.tools) merge_tool(key, members, Lacking::kTold);
      return;
    }
    for (const PinnedItem& item : members.front()->items) {
      if (item.kind == ItemKind::kTool) merge_tool(std::string(item.key()), members, Lacking::kFine);
    }
  }

  enum class Lacking : std::uint8_t { kTold, kFine };
  void merge_tool(const std::string& key, const std::vector<const PinnedServer*>& members, Lacking lacking) {
    Equivalents::Tool tool{.key = key, .providers = {}};
    const PinnedItem* first = nullptr;
    for (const PinnedServer* const server : members) {
      const PinnedItem* const item = server->find(ItemKind::kTool, key);
      if (item == nullptr) {
        if (lacking == Lacking::kTold)
          problem(fmt::format("server '{}' has no tool '{}'", server->config.name, key), "rtt mcp ls");
        continue;
      }
      if (out_.find(server->ns(), key) != nullptr) {
        if (lacking == Lacking::kTold)
          problem(fmt::format("tool '{}' of '{}' is in an earlier entry already", key, server->config.name),
                  {});
        continue;
      }
      if (first == nullptr) {
        first = item;
      } else if (const auto parts = difference(*first, *item)) {
        problem(fmt::format("tool '{}' of '{}' is not that of '{}', so both stay: {}", key,
                            server->config.name, tool.providers.front()->config.name, *parts),
                "name other tools or servers in mcp.equivalents");
        continue;
      }
      tool.providers.push_back(server);
    }
    if (tool.providers.size() > 1) out_.tools.push_back(std::move(tool));
  }

  static std::optional<std::string> difference(const PinnedItem& one, const PinnedItem& other) {
    const PinVerdict verdict = compare_definition(ItemKind::kTool, one.definition, other.definition);
    if (verdict.state != PinState::kContractDrift) return std::nullopt;
    return verdict.changes.empty() ? std::string("their contracts differ") : explain(verdict.changes.front());
  }

  void problem(std::string message, std::string hint) {
    if (out_.problems.size() >= limits::kProblemsMax) return;
    out_.problems.push_back({.severity = model::Severity::kWarning,
                             .file = kFile,
                             .code = Code::kSchemaMismatch,
                             .message = "mcp.equivalents: " + std::move(message),
                             .hint = std::move(hint)});
  }

  std::span<const PinnedServer* const> servers_;
  Equivalents out_;
};

}  // namespace

const Equivalents::Tool* Equivalents::find(std::string_view ns, std::string_view key) const {
  for (const Tool& tool : tools) {
    const auto provides = [&](const PinnedServer* server) { return server->ns() == ns; };
    if (tool.key == key && std::ranges::any_of(tool.providers, provides)) return &tool;
  }
  return nullptr;
}

Equivalents equivalents_of(std::span<const PinnedServer* const> servers,
                           std::span<const model::Equivalent> wanted) {
  return Merging(servers, wanted).take();
}

std::vector<model::Problem> equivalent_problems(std::span<const PinnedServer> servers,
                                                std::span<const model::Equivalent> wanted) {
  std::vector<const PinnedServer*> all;
  for (const PinnedServer& server : servers) all.push_back(&server);
  return equivalents_of(all, wanted).problems;
}

}  // namespace rtt::mcp
