// SPDX-License-Identifier: Apache-2.0
// Canonical agents and skills: `agents/**/*.agent.json`, `agents/**/*.md`, `skills/**/*.skill.json`,
// `skills/**/SKILL.md`. A README.md beside agents is text for people and no agent.
#include "scan/probes.h"

namespace rtt::scan {
namespace {

ProbeOutcome outcome_of(model::ReadOutcome read, std::string_view file, std::string_view probe) {
  ProbeOutcome outcome{.symbols = {}, .servers = {}, .problems = std::move(read.problems)};
  for (model::Contract& contract : read.contracts) {
    outcome.symbols.push_back({.contract = std::move(contract),
                               .file = std::string(file),
                               .pointer = {},
                               .probe = std::string(probe)});
  }
  return outcome;
}

}  // namespace

bool wants_agent_json(const Candidate& candidate) {
  return candidate.path.starts_with("agents/") && candidate.name.ends_with(".agent.json");
}
bool wants_agent_markdown(const Candidate& candidate) {
  return candidate.path.starts_with("agents/") && candidate.name.ends_with(".md") &&
         candidate.name != "README.md" && !candidate.name.starts_with('.');
}
bool wants_skill_json(const Candidate& candidate) {
  return candidate.path.starts_with("skills/") && candidate.name.ends_with(".skill.json");
}
bool wants_skill_markdown(const Candidate& candidate) {
  return candidate.path.starts_with("skills/") && candidate.name == "SKILL.md";
}

ProbeOutcome read_agent_json(std::string_view text, std::string_view file, model::Strictness strictness) {
  return outcome_of(model::read_manifest(text, file, strictness), file, "agent");
}
ProbeOutcome read_agent_markdown(std::string_view text, std::string_view file, model::Strictness strictness) {
  return outcome_of(model::read_markdown(text, file, model::SymbolType::kAgent, strictness), file, "agent");
}
ProbeOutcome read_skill_json(std::string_view text, std::string_view file, model::Strictness strictness) {
  return outcome_of(model::read_manifest(text, file, strictness), file, "skill");
}
ProbeOutcome read_skill_markdown(std::string_view text, std::string_view file, model::Strictness strictness) {
  return outcome_of(model::read_markdown(text, file, model::SymbolType::kSkill, strictness), file, "skill");
}

}  // namespace rtt::scan
