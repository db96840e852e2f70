// SPDX-License-Identifier: Apache-2.0
// Directory walking that cannot be led astray: every step is openat2(BENEATH | NO_SYMLINKS | NO_MAGICLINKS)
// from the root's descriptor, so `..`, absolute and looping symlinks end as "skipped", never as an escape.
//
// Thread: one per walk.   Fails: kNotFound, kIo, kEscapes, kNotRegular, kTooLarge.   Limits: depth and entry
// count given by the caller.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "os/fd.h"

namespace rtt::os {

enum class EntryKind : std::uint8_t { kFile, kDirectory, kSymlink, kOther };
struct Entry {
  std::string_view path;  // relative to the root, '/' separated
  std::string_view name;
  EntryKind kind = EntryKind::kFile;
  int depth = 0;  // of the root's own entries: 0
};
enum class Visit : std::uint8_t { kContinue, kSkip, kStop };  // kSkip: do not enter this directory

struct WalkOptions {
  int depth_max = 64;  // folders at depth_max − 1 are shown and not entered (`truncated`)
  std::size_t entries_max = 1'000'000;
  // Told of each folder that cannot be read, "" for the root's own; the walk goes on without it.
  std::function<void(std::string_view path, const Error& why)> unreadable{};
};
struct WalkStats {
  std::size_t entries = 0;
  std::size_t errors = 0;  // unreadable folders
  bool truncated = false;  // a limit stopped it
};
// Visits entries in name order within each directory, parents before children.
Result<WalkStats> walk(const std::string& root, const WalkOptions& options,
                       const std::function<Visit(const Entry&)>& visit);

struct FileStamp {  // tells whether a file may have changed since it was read
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  friend auto operator<=>(const FileStamp&, const FileStamp&) = default;
};
struct BeneathFile {
  std::string content;
  FileStamp stamp;
  bool executable = false;  // by its owner
};
// A folder that is kept open, for many entries below it. It stays the same one wherever it is moved.
// Thread: any, as const.
class Folder {
 public:
  static Result<Folder> open(const std::string& path);
  // Of an entry that is not opened: a link's is its own; what is not there, or cannot be looked at, has
  // zeroes and why in `size` (errno).
  [[nodiscard]] FileStamp stamp_of(const std::string& relative) const;
  // Opens `relative` without following any symlink and reads a regular file.
  [[nodiscard]] Result<BeneathFile> read(const std::string& relative, std::size_t bytes_max) const;

 private:
  Folder(Fd folder, std::string path) : folder_(std::move(folder)), path_(std::move(path)) {}
  Fd folder_;
  std::string path_;
};
Result<BeneathFile> read_beneath(const std::string& root, const std::string& relative, std::size_t bytes_max);
Result<FileStamp> stamp_beneath(const std::string& root, const std::string& relative);

}  // namespace rtt::os
