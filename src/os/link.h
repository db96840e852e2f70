// SPDX-License-Identifier: Apache-2.0
// Links, renames and modes of names in folders.
//
// A symbolic link is put in place by making it beside and renaming: whoever looks sees the old target or the
// new one, and a watcher of the folder is woken (IN_MOVED_TO).
//
// Thread: any.   Fails: kIo, kPermission, kNotFound, kNoSpace; put_symlink: kNotRegular where something else
// than a link is in its place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace rtt::os {

Status put_symlink(const std::string& path, const std::string& target);
// Where a link leads, as it is written; nothing if `path` is no link.
std::optional<std::string> read_symlink(const std::string& path);
enum class Linked : std::uint8_t { kDone, kUnsupported };  // another file system, or one without hard links
Result<Linked> hard_link(const std::string& existing, const std::string& path);
struct FileNumbers {
  std::uint64_t names = 0;  // hard links, this one included
  std::uint64_t bytes = 0;
};
Result<FileNumbers> numbers_of(const std::string& path);  // does not follow a final link
// Made beside and renamed, as put_symlink: in the place of a file, and never of a folder.
Result<Linked> put_hard_link(const std::string& existing, const std::string& path);
bool same_file(const std::string& a, const std::string& b);    // one file of two names; follows no final link
bool same_device(const std::string& a, const std::string& b);  // both there, and on one file system
Status rename_path(const std::string& from, const std::string& to);
// Both names at once; `to` is left alone at `from`. Where nothing is at `to`, or the file system cannot, as
// rename_path.
Status swap_paths(const std::string& from, const std::string& to);
Status set_mode(const std::string& path, std::uint32_t mode);  // follows a final link
struct PathStamp {
  std::uint32_t mode = 0;
  std::int64_t mtime_ns = 0;
};
Result<PathStamp> stamp_of(const std::string& path);                // follows no final link
Status set_stamp(const std::string& path, const PathStamp& stamp);  // exactly, whatever the umask
bool is_executable(const std::string& path);                        // whether its owner may run it
Status remove_empty_folder(const std::string& path);  // absent, not empty or no folder is no error

}  // namespace rtt::os
