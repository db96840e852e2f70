// SPDX-License-Identifier: Apache-2.0
// Sources: the items of a workspace, from what is in force of its files.
//
// Agents and skills are contracts; rules and commands are configuration files. An item is called what its
// body calls it. Of several versions of one agent the highest is shown, a prerelease only where there is no
// release; two different agents or skills of one name are a problem at both, and neither is shown.
//
// A skill brings what lies beside its SKILL.md, read beneath the workspace without following links. These
// files carry no signatures of their own: they are part of the item's digest, and so of the root that is
// signed for a view. What cannot be read whole leaves the skill out.
//
// MCP servers are shown as RTT's own entry for each, which names the client, so they are made for one client.
// They are called by their namespace, since that is what an agent's references to tools say.
//
// Owns: its bytes.   Thread: one.
// Fails: kLimit; as pinned_servers. What is wrong with one item is a problem, and that item is left out.
// Limits: kItemsMax; kItemFilesMax, kTreeDepthMax and kSkillBytesMax a skill.
#pragma once

#include <string>
#include <vector>

#include "mcp/pins/contracts.h"
#include "model/overlay.h"
#include "registry/snapshot.h"
#include "views/item.h"

namespace rtt::views {

inline constexpr std::size_t kSkillBytesMax = std::size_t{16} << 20;  // of all files beside SKILL.md

struct Sources {
  std::vector<Item> items;         // sorted by kind and name; no servers
  std::vector<std::string> files;  // beside items: where each is written
  std::vector<model::Overlay> overlays;
  Result<std::vector<mcp::PinnedServer>> servers{};  // one that is none is no reason to gather nothing
  std::vector<model::Problem> problems;
};
Result<Sources> gather_sources(const registry::Workspace& workspace, const registry::Snapshot& snapshot);

// How a client starts RTT for one server: PROGRAM mcp serve NAME --as CLIENT MORE…
struct Door {
  std::string program, client;
  std::vector<std::string> more{};
};
// Sorted by name.
std::vector<Item> server_items(const std::vector<mcp::PinnedServer>& servers, const Door& door);

}  // namespace rtt::views
