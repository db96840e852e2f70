// SPDX-License-Identifier: Apache-2.0
// Equivalents: tools that several servers provide alike, which panel.yaml makes one (`mcp.equivalents`).
//
// Alike means that what was accepted of them agrees in all but the words people read: name, schemas and
// annotations. Where it does not, the tools stay two, and the problem says where they part: a client that was
// shown one schema must not have its call land on another. The servers' order in the file is the order of
// preference.
//
// Thread: any (pure).   Fails: never; problems are values.   Limits: those of the settings.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/pins/contracts.h"
#include "model/mcp_settings.h"
#include "model/problem.h"

namespace rtt::mcp {

struct Equivalents {
  struct Tool {
    std::string key;
    std::vector<const PinnedServer*> providers;  // two or more, by preference
  };
  std::vector<Tool> tools;
  std::vector<model::Problem> problems;  // warnings: what was meant to be one and is not

  // Which of them this tool is one of, if any.
  [[nodiscard]] const Tool* find(std::string_view ns, std::string_view key) const;
};
// `servers` outlive the answer.
Equivalents equivalents_of(std::span<const PinnedServer* const> servers,
                           std::span<const model::Equivalent> wanted);
std::vector<model::Problem> equivalent_problems(std::span<const PinnedServer> servers,
                                                std::span<const model::Equivalent> wanted);

}  // namespace rtt::mcp
