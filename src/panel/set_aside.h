// SPDX-License-Identifier: Apache-2.0
// SetAside: clients' files that a migration replaced, moved out of the way so that they can be put back
// exactly as they were.
//
//     .rtt/registry/views/replaced/<N>/record.json   what was done, written before it is done
//     .rtt/registry/views/replaced/<N>/files/PATH    each file, moved by rename(2)
//
// A rename keeps bytes, mode, times and links as they are and cannot be half done, so at any moment each file
// lies in one of the two places, and whoever finds an unfinished record can put everything back. The folders
// above them are remembered with their modes and times.
//
// Owns: the record.   Thread: one at a time.
// Fails: kIo, kPermission, kNoSpace; kBadShape (a record that is none); kNotRegular, kStalePlan (take: the
// file is not what it was); kLimit.   Limits: kSetAsideMax records, kSetAsideBytesMax one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "registry/workspace.h"

namespace rtt::panel {

inline constexpr std::size_t kSetAsideMax = 1'000;
inline constexpr std::size_t kSetAsideBytesMax = std::size_t{64} << 20;

class SetAside {
 public:
  struct Written {  // by the migration
    std::string path;
    Digest content{};
  };
  struct Folder {  // as it was before
    std::string path;
    std::uint32_t mode = 0;
    std::int64_t mtime_ns = 0;
  };
  enum class State : std::uint8_t { kUnfinished, kDone };

  // The newest of a workspace; nothing where there is none.
  static Result<std::optional<SetAside>> newest(const registry::Workspace& workspace);
  // A new one, unfinished: what is going to be moved and written. Nothing is moved yet.
  static Result<SetAside> begin(const registry::Workspace& workspace, std::vector<std::string> moved,
                                std::vector<Written> written);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::vector<std::string>& moved() const { return moved_; }
  [[nodiscard]] const std::vector<Written>& written() const { return written_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

  // Moves one of `moved` aside, whose bytes are expected to be these.
  Status take(const std::string& path, const Digest& content) const;
  Status remove_emptied_folders() const;
  Status set(State state);
  // Puts back what was moved, the folders as they were. Returns the paths where something else lies now;
  // those files stay here.
  [[nodiscard]] Result<std::vector<std::string>> give_back() const;
  // Removes the record, and what it kept if all was given back.
  Status forget() const;

 private:
  [[nodiscard]] Status save() const;
  [[nodiscard]] std::string kept(const std::string& path) const { return folder_ + "/files/" + path; }
  [[nodiscard]] bool was_there(const std::string& folder) const;

  std::string root_, folder_;
  State state_ = State::kUnfinished;
  std::vector<std::string> moved_;  // sorted
  std::vector<Written> written_;    // sorted by path
  std::vector<Folder> folders_;  // those above any of them that were there, the project's own as ""; sorted
};

}  // namespace rtt::panel
