// SPDX-License-Identifier: Apache-2.0
// What connecting and its way back share: RTT's own entries, the texts before and after, and what of them may
// be shown.
//
// Thread: one.   Fails: as client_edit.h and file.h.   Limits: kClientConfigBytesMax.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mcp/configs/client_edit.h"
#include "panel/connect.h"

namespace rtt::panel {

inline constexpr const char* kSingleName = "rtt";

// How a client starts RTT for one server, or (`server` empty) for all. In a file of the project it names no
// folder of this machine.
mcp::Started door_of(const registry::Workspace& workspace, const std::string& client,
                     const std::string& server, ClientScope scope);
bool is_door(const mcp::EntryText& entry, const mcp::Section& section);
// The server it serves, by its name; empty: all of them.
std::string server_of_door(const mcp::EntryText& entry, const mcp::Section& section);
// The folder after -C of an entry that is RTT's own; `project` where it is the one of the project.
std::string workspace_of_door(const mcp::EntryText& entry, const mcp::Section& section,
                              const std::string& project);

struct FileText {
  std::string path;                 // symlinks followed
  std::optional<std::string> text;  // nothing: no file
};
Result<FileText> read_client_file(const std::string& path);

// The file as it was before RTT: exactly, if it is as RTT left it; else RTT's entries alone are taken back,
// in `rows` what became of each. `native` starts a server RTT had added, for it to stay.
struct Reverted {
  std::optional<std::string> text;
  std::vector<ConnectRow> rows;
  bool exact = false;
};
using Native = std::function<std::optional<mcp::Started>(const std::string& server)>;
Result<Reverted> reverted(const ConnectRecord& record, const std::string& current, const std::string& shown,
                          const Native& native = {});

std::vector<std::string> diff_of(const std::optional<std::string>& before,
                                 const std::optional<std::string>& after, const mcp::Section& section);

// The clients a request names, in the table's order.
Result<std::vector<const mcp::Client*>> named_clients(const registry::Workspace& workspace,
                                                      const ConnectRequest& request,
                                                      const std::vector<std::string>& all);

}  // namespace rtt::panel
