// SPDX-License-Identifier: Apache-2.0
// GitCheckout: what git says of a project: which files it tracks, and where files of one's own are excluded.
//
// git itself is asked for what it tracks (`git ls-files`, no hook and no fsmonitor runs); without it, or
// where it does not answer in time (a panel's loop waits for it), every file counts as tracked, which is the
// careful answer. Excluded is by .git/info/exclude, which no commit carries, in one block of lines that this
// module writes and takes away again; all other lines stay as they are.
//
// Owns: the list of tracked paths.   Thread: any.
// Fails: kIo, kPermission; kLimit (kTrackedBytesMax of paths, kExcludeBytesMax).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace rtt::views {

inline constexpr std::size_t kTrackedBytesMax = std::size_t{256} << 20;
inline constexpr std::size_t kExcludeBytesMax = std::size_t{1} << 20;
inline constexpr Nanos kGitAnswersWithin{5'000'000'000};

// Where git looks for what is excluded in a checkout, and where `root` lies below the checkout's top.
struct ExcludeFile {
  std::string path;    // empty: it is not known
  std::string prefix;  // empty, or with a slash at its end
};
// Nothing where no repository holds `root`, an absolute path.
std::optional<ExcludeFile> exclude_file_of(const std::string& root);

class GitCheckout {
 public:
  // Nothing where no repository holds `root`, an absolute path.
  static Result<std::optional<GitCheckout>> of(const std::string& root);

  [[nodiscard]] bool asked() const { return asked_; }
  // Whether git tracks `path` (relative to the root) or something below it; yes where it could not be asked.
  [[nodiscard]] bool tracks(std::string_view path) const;
  // Makes these paths, and no others of ours, excluded. No paths: the block goes.
  [[nodiscard]] Status exclude(const std::vector<std::string>& paths) const;

 private:
  std::string root_;
  ExcludeFile exclude_;

  bool asked_ = false;                // else git could not be
  std::vector<std::string> tracked_;  // sorted, relative to the root
};

// The text of an exclude file with our block of this root replaced by `lines`; none: without the block.
// Several roots share a file: worktrees of a repository, workspaces below one.
std::string with_excluded(std::string_view text, std::string_view root,
                          const std::vector<std::string>& lines);
// A path as a pattern of gitignore(5) that means it alone.
std::string exclude_line(std::string_view path);

}  // namespace rtt::views
