// SPDX-License-Identifier: Apache-2.0
// One server in RTT's own form written as a client's entry: the way back of client_entry.h.
//
// Clients differ in how they name variables, folders, headers and transports, each a value of Dialect. A
// client starts what it reads, so an entry that it would read as something else is not made at all: a
// variable that it does not expand, a text that it would expand.
//
// Thread: any (pure).   Fails: kBadShape; the message says which value, and why, and never what it is.
// Limits: the entry's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mcp/configs/client_form.h"
#include "text/json.h"

namespace rtt::mcp {

enum class Variables : std::uint8_t {
  kNone,       // texts are taken as they are
  kBraces,     // ${NAME}
  kDefaults,   // ${NAME} and ${NAME:-otherwise}
  kDollar,     // ${NAME}, and $NAME too
  kEnvBraces,  // ${env:NAME}
  kBraceEnv,   // {env:NAME}; {file:PATH} is a file's content
  kNamed,      // Codex: names of variables beside the texts
  kApiKey,     // Vibe: one header made of one variable
};
// How a server is said to speak SSE rather than streamable HTTP.
enum class Sse : std::uint8_t {
  kType,     // "type": "sse"
  kUrl,      // by the key `url`, where HTTP has another one
  kGuessed,  // the client finds out
  kNever,
};
enum class Stated : std::uint8_t { kNo, kYes };

struct Dialect {
  ClientForm form = ClientForm::kMcpServers;
  Variables variables = Variables::kNone;
  Sse sse = Sse::kGuessed;
  Stated type = Stated::kNo;  // entries have a `type`
  Stated cwd = Stated::kNo;   // entries have a `cwd`
  std::string_view url = "url";
  std::string_view workspace{}, home{};  // what it writes for ${workspace} and ${home}; empty = it cannot
};

struct NativeEntry {
  text::Json entry;                                       // an object
  std::vector<std::pair<std::string, std::string>> lost;  // pointer into the given entry, why
};
Result<NativeEntry> native_entry(const text::Json& entry, const Dialect& dialect);

}  // namespace rtt::mcp
