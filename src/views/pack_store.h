// SPDX-License-Identifier: Apache-2.0
// PackStore: the folder of one user's packs, from which a mount serves and after a restart serves again
// (docs/formats/view-mount.md).
//
//   STORE/WORKSPACE/N.pack   generation N of a workspace's views, read-only
//   STORE/WORKSPACE/cur      a symbolic link to the pack in force
//   STORE/WORKSPACE/of       a symbolic link to the workspace's .rtt, so that it is known when that is gone
//
// What is in force changes by one rename. Nothing here is synced but the packs: which generation is in force
// is the committed plan's to say, and whoever applied it says it again after the machine was lost.
//
// Owns: nothing but the path.   Thread: one writer (who serves the mount, or who holds its lock), any
// readers. Fails: kBadArgument (an id), kNotFound, kIo, kNoSpace, kPermission.   Limits: kWorkspacesMax.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace rtt::views {

inline constexpr std::size_t kWorkspacesMax = 4096;

using GenerationNumber = std::uint64_t;  // of a workspace, given by who packs it; from 1

// 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with a dot.
Status check_workspace_id(std::string_view workspace);
// Canonical decimal, at least 1.
std::optional<GenerationNumber> parse_generation(std::string_view text);

class PackStore {
 public:
  explicit PackStore(std::string directory) : directory_(std::move(directory)) {}

  struct Kept {
    std::string workspace;
    std::vector<GenerationNumber> generations;  // ascending
    std::optional<GenerationNumber> current;    // one of them
  };
  // Made if it is not there; `root`: of the workspace.
  Status make_workspace(const std::string& workspace, const std::string& root) const;
  [[nodiscard]] bool orphaned(const std::string& workspace) const;  // it says whose it is, and that is gone
  [[nodiscard]] Result<Kept> kept(const std::string& workspace) const;
  // Names that are not of this layout are left out.
  [[nodiscard]] Result<std::vector<Kept>> list() const;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string pack_path(const std::string& workspace, GenerationNumber generation) const;
  Status set_current(const std::string& workspace, GenerationNumber generation) const;
  Status remove(const std::string& workspace, GenerationNumber generation) const;
  Status remove_workspace(const std::string& workspace) const;

 private:
  std::string directory_;
};

}  // namespace rtt::views
