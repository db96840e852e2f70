// SPDX-License-Identifier: Apache-2.0
// The probe table: which names are candidates, and how one candidate's text becomes symbols or servers.
//
// A probe is data plus two functions: `wants` looks at a path only (10,000 names cost a millisecond, 10,000
// opens cost seconds on a cold disk), `read` at one file's text. The first probe that wants a path gets it.
//
// Thread: any (no state).   Fails: problems are listed in the outcome.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scan/scan.h"

namespace rtt::scan {

struct ProbeOutcome {
  std::vector<FoundSymbol> symbols;
  std::vector<FoundServer> servers;
  std::vector<model::Problem> problems;
};

enum class Yields : std::uint8_t { kSymbols, kServers };

struct Candidate {
  std::string_view path;  // below the workspace root
  std::string_view name;  // its last part
};

struct Probe {
  std::string_view name;
  Yields yields;
  bool (*wants)(const Candidate& candidate);
  ProbeOutcome (*read)(std::string_view text, std::string_view file, model::Strictness strictness);
};

std::span<const Probe> probes();
// The probe for a path, or nullptr.
const Probe* probe_for(const Candidate& candidate);

// One per file, so that a new kind of source is a new file and a line in the table.
ProbeOutcome read_manifest_file(std::string_view text, std::string_view file, model::Strictness strictness);
ProbeOutcome read_agent_json(std::string_view text, std::string_view file, model::Strictness strictness);
ProbeOutcome read_agent_markdown(std::string_view text, std::string_view file, model::Strictness strictness);
ProbeOutcome read_skill_json(std::string_view text, std::string_view file, model::Strictness strictness);
ProbeOutcome read_skill_markdown(std::string_view text, std::string_view file, model::Strictness strictness);
ProbeOutcome read_mcp_config(std::string_view text, std::string_view file, model::Strictness strictness);
bool wants_manifest(const Candidate& candidate);
bool wants_agent_json(const Candidate& candidate);
bool wants_agent_markdown(const Candidate& candidate);
bool wants_skill_json(const Candidate& candidate);
bool wants_skill_markdown(const Candidate& candidate);
bool wants_mcp_config(const Candidate& candidate);

}  // namespace rtt::scan
