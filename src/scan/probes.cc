// SPDX-License-Identifier: Apache-2.0
#include "scan/probes.h"

#include <array>

namespace rtt::scan {
namespace {

constexpr std::array kProbes{
    Probe{"manifest", Yields::kSymbols, wants_manifest, read_manifest_file},
    Probe{"agent", Yields::kSymbols, wants_agent_json, read_agent_json},
    Probe{"agent", Yields::kSymbols, wants_agent_markdown, read_agent_markdown},
    Probe{"skill", Yields::kSymbols, wants_skill_json, read_skill_json},
    Probe{"skill", Yields::kSymbols, wants_skill_markdown, read_skill_markdown},
    Probe{"mcp_config", Yields::kServers, wants_mcp_config, read_mcp_config},
};

}  // namespace

std::span<const Probe> probes() { return kProbes; }

const Probe* probe_for(const Candidate& candidate) {
  // Every candidate ends in .json or .md, so most names are decided by their last bytes.
  if (!candidate.name.ends_with(".json") && !candidate.name.ends_with(".md")) return nullptr;
  for (const Probe& probe : kProbes) {
    if (probe.wants(candidate)) return &probe;
  }
  return nullptr;
}

}  // namespace rtt::scan
