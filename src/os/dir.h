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
// Opens `relative` beneath `root` without following any symlink and reads a regular file.
Result<BeneathFile> read_beneath(const std::string& root, const std::string& relative, std::size_t bytes_max);
Result<FileStamp> stamp_beneath(const std::string& root, const std::string& relative);

// Stamps of many entries below one folder, none of which is opened. A link's is its own; what is not there,
// or cannot be looked at, has zeroes and why in `size` (errno).
class Stamps {
 public:
  static Result<Stamps> below(const std::string& folder);
  [[nodiscard]] FileStamp of(const std::string& relative) const;

 private:
  explicit Stamps(Fd folder) : folder_(std::move(folder)) {}
  Fd folder_;
};

}  // namespace rtt::os
