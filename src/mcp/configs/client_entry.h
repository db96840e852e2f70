// SPDX-License-Identifier: Apache-2.0
// One server of a client's configuration, read into the one form RTT imports: {type, command, args, env, cwd,
// url, headers}, its variables written `${NAME}`.
//
// Values may be secrets: they stay in the entry and enter no message.
//
// Thread: any (pure).   Fails: never; what cannot be taken is said in ReadEntry::why.
// Limits: the text's.
#pragma once

#include <optional>
#include <string_view>

#include "base/error.h"
#include "mcp/configs/client_form.h"
#include "text/json.h"

namespace rtt::mcp {

struct ReadEntry {
  text::Json entry;
  bool enabled = true;
  std::optional<Error> why;  // there is no starting it from this entry alone
};
struct EntryContext {
  ClientForm form = ClientForm::kMcpServers;
  std::string_view name;
  text::Json inputs{};          // VS Code's `inputs`
  bool bare_variables = false;  // `$NAME` is one
};
ReadEntry read_entry(const text::Json& native, const EntryContext& context);
// Keys of a native entry that went into ReadEntry::entry; all others mean something to that client alone.
[[nodiscard]] bool is_read_key(ClientForm form, std::string_view key);
// Whether some client takes from this key of a native entry what it starts or where it connects, so that the
// entry of a server that RTT starts must not have it from anybody else.
[[nodiscard]] bool leads_elsewhere(std::string_view key);

}  // namespace rtt::mcp
