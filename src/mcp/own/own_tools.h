// SPDX-License-Identifier: Apache-2.0
// Own tools: RTT itself as an MCP server, `rtt`, behind the gateway like any other.
//
// It is a child of the gateway (own_server.h), so its calls take the same path as those of all servers:
// policy, record, deadline, cancellation, a process that may die. What it answers is what the command line
// prints with
// `--json`, from the same verbs. Policy has to name it: an AI client sees nothing of RTT until a rule says
// so.
//
// Beside looking, `apply` and `qc` are offered, of what a person has signed for agents at a terminal and
// nothing else; the panel sees to that (panel/approval.h). Whatever a model was talked into, it cannot sign,
// accept a server, change policy, trust a key or read a secret here.
//
// Thread: any (pure).   Fails: answers are tool errors that say what to run.
// Limits: kOwnRecordsMax records of an answer.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/pins/contracts.h"

namespace rtt::mcp {

inline constexpr std::string_view kOwnNamespace = "rtt";
inline constexpr std::int64_t kOwnRecordsMax = 500;

// How the server is started and what it offers: nothing of it is asked from outside, so this is its pin.
struct OwnLaunch {
  std::string executable, root;
  std::vector<std::pair<std::string, std::string>> env;
};
PinnedServer own_server(const OwnLaunch& launch);
ServerInfo own_info();
const std::vector<text::Json>& own_definitions();  // sorted by name

// Asks a verb: its body, and its streamed documents.
struct OwnAnswer {
  text::Json body;
  std::vector<text::Json> parts;
};
using AskVerb = std::function<Result<OwnAnswer>(std::string_view verb, text::Json args)>;
// The raw result of calling the tool; nullopt: there is no such tool.
std::optional<std::string> call_own_tool(std::string_view name, const text::Json& arguments,
                                         const AskVerb& ask);

}  // namespace rtt::mcp
