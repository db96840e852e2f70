// SPDX-License-Identifier: Apache-2.0
// What `mcp connect` did to a client's file, kept so that it can be taken back: the file as it was, byte for
// byte, and each entry that was replaced.
//
// One folder a (client, workspace, file) under `<user folder>/connect/`, 0700, its files 0600: an entry may
// hold secrets, so nothing of it leaves for the workspace. `original` is the backup, readable by hand;
// `record.json` is written after it and before the client's file, so that whatever was changed can be undone.
//
// Thread: one.   Fails: kIo, kPermission, kBadShape (a record that is not one).   Limits: kConnectRecordsMax.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mcp/configs/client_config.h"
#include "registry/workspace.h"

namespace rtt::panel {

struct RecordedEntry {
  std::string name;
  std::optional<std::string> raw;  // nothing: there was no such entry
};
struct ConnectRecord {
  std::string client, scope, workspace;
  std::string file;  // symlinks followed
  mcp::Section section;
  bool single = false;                  // one entry `rtt` stands for all
  std::vector<RecordedEntry> entries;   // whose place RTT's entries took
  std::optional<std::string> original;  // nothing: there was no file
  std::string left_hash;                // of the file as RTT left it
};

class ConnectStore {
 public:
  explicit ConnectStore(const registry::Workspace& workspace)
      : folder_(workspace.user_dir + "/connect"), workspace_(workspace.root) {}
  // This workspace's, sorted by client and file.
  [[nodiscard]] Result<std::vector<ConnectRecord>> all() const;
  [[nodiscard]] Result<std::optional<ConnectRecord>> find(const std::string& client,
                                                          const std::string& file) const;
  [[nodiscard]] Status save(const ConnectRecord& record) const;
  [[nodiscard]] Status remove(const ConnectRecord& record) const;
  [[nodiscard]] std::string backup_of(const ConnectRecord& record) const;

 private:
  [[nodiscard]] std::string folder_of(const std::string& client, const std::string& workspace,
                                      const std::string& file) const;
  [[nodiscard]] Result<ConnectRecord> load(const std::string& folder) const;
  std::string folder_, workspace_;
};

std::string hash_of(std::string_view text);

}  // namespace rtt::panel
