// SPDX-License-Identifier: Apache-2.0
// A client's configuration read for its MCP servers, in whatever form it is written.
//
// The form is told by the content, and by the file's place where that leaves a choice. Comments and trailing
// commas are read over, for all JSON forms alike: a client that does not allow them has refused the file
// already. Values may be secrets, so no message repeats one.
//
// Owns: what it read.   Thread: any (pure).
// Fails: as jsonc.h and toml.h; kBadShape (no servers where the caller named the file), kLimit.
// Limits: kMcpServersMax servers, kClientConfigBytesMax a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mcp/configs/client_form.h"
#include "text/jsonc.h"

namespace rtt::mcp {

struct ConfigServer {
  std::string name;
  std::string file;                    // where it was found, for messages
  text::Json entry;                    // may hold secrets: never print or store it
  std::vector<std::string> sources{};  // every file that names it; empty = `file` alone
  std::optional<Error> why{};          // it cannot be started from this entry, or is switched off
  bool enabled = true;
};

// An object or array of tables of a file in which servers have their place.
struct Section {
  ClientForm form = ClientForm::kMcpServers;
  text::KeyPath path;
};
// Sections of a text: what it holds, not what it might. `project` names the folder whose own section of
// Claude Code's file counts too; it comes before the user's.
Result<std::vector<Section>> sections_of(std::string_view text, std::string_view file,
                                         std::string_view project);

struct ReadOptions {
  std::string_view file;
  std::string_view project{};                                                       // absolute
  enum class Absent : std::uint8_t { kRefused, kEmpty } absent = Absent::kRefused;  // no servers in it
};
// Sorted by name; a name that two sections have is the first one's.
Result<std::vector<ConfigServer>> read_client_config(std::string_view text, const ReadOptions& options);
// As a file the caller named.
Result<std::vector<ConfigServer>> read_client_config(std::string_view text, std::string_view file);

// One list of several files' servers. The same server in several is one with all its sources; two that differ
// under one name are kNameClash naming both places.
Result<std::vector<ConfigServer>> merge_servers(std::vector<ConfigServer> found);

}  // namespace rtt::mcp
