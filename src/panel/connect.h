// SPDX-License-Identifier: Apache-2.0
// Connect: AI clients' own configuration made to use this workspace's servers through RTT, and put back.
//
// A plan is made of the files as they are and changes nothing; it holds each file's text before and after and
// a diff for people, in which values that may be secrets are hidden. Carrying it out keeps a backup and a
// record first (connect_record.h), then writes atomically, through symlinks, with the file's own mode.
// One entry a server under its old name, so that tool names, permission rules and hooks of the client keep
// working; or one entry for all (`single`). Where two files of a client would make it list a tool twice, the
// server is left out and the reason told.
//
// Thread: one.   Fails: kNotFound (no such client, nothing to connect), as the snapshot; what goes wrong with
// one client is that client's ClientChange::error.   Limits: kMcpServersMax, kClientConfigBytesMax.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "panel/client_files.h"
#include "panel/connect_record.h"
#include "text/json.h"

namespace rtt::panel {

struct ConnectRequest {
  std::vector<std::string> clients;
  bool all = false, project = false, single = false;
};
struct ConnectRow {
  std::string name;
  std::string state;  // added replaced same left restored removed kept
  std::string why{};
};
struct ClientChange {
  std::string client, scope;
  std::string path, shown;                   // symlinks followed; as people know it
  std::optional<std::string> before, after;  // nothing: no file
  std::vector<ConnectRow> rows;
  std::vector<std::string> diff;
  std::optional<ConnectRecord> record;  // of this client's file, for the change to keep or to forget
  std::optional<Error> error;
  [[nodiscard]] bool changed() const { return !error && before != after; }
};

Result<std::vector<ClientChange>> plan_connect(const registry::Workspace& workspace,
                                               const ConnectRequest& request);
enum class GiveBack : std::uint8_t {
  kAsItWas,
  kNative
};  // kNative: added servers stay, started by the client
Result<std::vector<ClientChange>> plan_disconnect(const registry::Workspace& workspace,
                                                  const ConnectRequest& request, GiveBack how);
// kBusy if the file is no longer what the plan was made of.
Status carry_out_connect(const registry::Workspace& workspace, const ClientChange& change);
Status carry_out_disconnect(const registry::Workspace& workspace, const ClientChange& change);

// {clients:[{client,scope,file,changed,diff,servers}],written}
text::Json connect_body(const std::vector<ClientChange>& changes);
std::vector<std::string> connect_lines(const std::vector<ClientChange>& changes);  // what will change
std::string connect_digest(const std::vector<ClientChange>& changes);
std::vector<std::string> clients_here(const registry::Workspace& workspace);

}  // namespace rtt::panel
