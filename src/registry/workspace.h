// SPDX-License-Identifier: Apache-2.0
// Workspace: where everything of one project lives (docs/formats/workspace.md), found from a folder or made
// new.
//
// Found as `-C DIR`, else the nearest `.rtt` upward from the caller's directory (never `/`, never above
// home), else the user workspace `$XDG_CONFIG_HOME/rtt`. Private keys, accepted trust and secrets live under
// the user folder and never in a workspace.
//
// Thread: any (a value of paths).   Fails: kNoWorkspace with `rtt init` as hint, kIo.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace rtt::registry {

struct Workspace {
  std::string root;      // absolute, real path, no trailing slash
  std::string user_dir;  // ~/.config/rtt

  [[nodiscard]] std::string path(std::string_view relative) const;  // root/relative
  [[nodiscard]] std::string dot(std::string_view relative) const;   // root/.rtt/relative
  [[nodiscard]] std::string sockets() const { return dot("sockets"); }
  [[nodiscard]] std::string wal() const { return dot("wal"); }
  [[nodiscard]] std::string cas() const { return dot("registry/cas/sha256"); }
};

struct FindOptions {
  std::string directory;  // the caller's directory or -C
  enum class Search : std::uint8_t { kUpward, kExactly } search = Search::kUpward;
};
Result<Workspace> find_workspace(const FindOptions& options);
std::string user_directory();

// Creates `.rtt` with its authored defaults (panel.yaml, policy.json, routes.json, .gitignore) where absent;
// existing files are left alone. Returns the paths created, relative to the root, sorted. Signs nothing.
Result<std::vector<std::string>> create_workspace(const Workspace& workspace);

}  // namespace rtt::registry
