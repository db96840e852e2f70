// SPDX-License-Identifier: Apache-2.0
#include "views/tree_folder.h"

#include "os/dir.h"

namespace rtt::views {

Result<Tree> read_folder(const std::string& folder) {
  std::vector<TreeFile> files;
  Status bad;
  const os::WalkOptions options{
      .entries_max = kTreeFilesMax * 2,
      .unreadable = [&](std::string_view /*path*/, const Error& why) { bad = std::unexpected(why); }};
  RTT_TRY_SET(
      const os::WalkStats stats, os::walk(folder, options, [&](const os::Entry& entry) {
        if (!bad) return os::Visit::kStop;
        if (entry.kind == os::EntryKind::kDirectory) return os::Visit::kContinue;
        std::string path(entry.path);
        auto file = os::read_beneath(folder, path, kTreeFileBytesMax);
        if (!file) {
          bad = std::unexpected(file.error());
          return os::Visit::kStop;
        }
        files.push_back(
            {.path = std::move(path), .bytes = std::move(file->content), .executable = file->executable});
        return os::Visit::kContinue;
      }));
  RTT_TRY(std::move(bad));
  if (stats.truncated) return fail(Code::kLimit, "the folder holds more than any view", folder);
  return Tree::of(std::move(files));
}

}  // namespace rtt::views
