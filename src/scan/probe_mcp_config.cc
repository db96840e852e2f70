// SPDX-License-Identifier: Apache-2.0
// `.mcp.json`: MCP servers as AI clients configure them. Its values may be secrets, so no message of this
// file quotes anything but key names and positions.
#include "scan/probes.h"

namespace rtt::scan {
namespace {

model::Problem problem_at(std::string_view text, std::string_view file, std::string_view pointer,
                          std::string message) {
  model::Problem problem{.file = std::string(file),
                         .code = Code::kBadShape,
                         .message = std::move(message),
                         .hint = R"(write {"mcpServers":{"NAME":{"command":"…","args":[…]}}})"};
  if (const auto position = text::locate(text, pointer)) {
    problem.line = position->line;
    problem.column = position->column;
  }
  return problem;
}

}  // namespace

bool wants_mcp_config(const Candidate& candidate) { return candidate.name == ".mcp.json"; }

ProbeOutcome read_mcp_config(std::string_view text, std::string_view file, model::Strictness) {
  ProbeOutcome outcome;
  const auto document = text::parse_json(text, {.source_name = file});
  if (!document) {
    model::Problem problem = model::problem_from(document.error(), file);
    problem.message = "not usable as an MCP configuration: " + std::string(code_info(problem.code).title);
    outcome.problems.push_back(std::move(problem));
    return outcome;
  }
  if (!document->is_object()) {
    outcome.problems.push_back(problem_at(text, file, "", "an MCP configuration is an object"));
    return outcome;
  }
  const text::Json* servers = document->find("mcpServers");
  if (servers == nullptr || !servers->is_object()) {
    outcome.problems.push_back(
        problem_at(text, file, servers == nullptr ? "" : "/mcpServers", "`mcpServers` must be an object"));
    return outcome;
  }
  for (const auto& [name, entry] : servers->as_object()) {
    if (!entry.is_object()) {
      outcome.problems.push_back(problem_at(text, file, "/mcpServers/" + text::escape_pointer(name),
                                            "server `" + name + "` must be an object"));
      continue;
    }
    outcome.servers.push_back({.name = name, .file = std::string(file), .entry = entry});
  }
  return outcome;
}

}  // namespace rtt::scan
