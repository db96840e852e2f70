// SPDX-License-Identifier: Apache-2.0
// BeneathFile access by record and by offset: opened beneath a root without following any symbolic link, so
// that no name given by a caller leads out of it (openat2: BENEATH, NO_SYMLINKS, NO_MAGICLINKS).
//
// A record is appended by one write(2) on an O_APPEND descriptor: records of several writers never mix. What
// a full disk cuts off is an error that says how much was written.
//
// Owns: the descriptor.   Thread: one.
// Fails: kNotFound, kEscapes, kNotRegular, kPermission, kNoSpace, kIo, with the relative path in `where`.
#pragma once

#include <cstdint>
#include <string>

#include "os/fd.h"

namespace rtt::os {

// The step below: any flags of open(2), `mode` with O_CREAT.
Result<Fd> open_file_beneath(const std::string& root, const std::string& relative, int flags,
                             std::uint32_t mode = 0);
// A folder beneath `root`, usable as a root itself: "/proc/self/fd/N" while the descriptor lives.
Result<Fd> open_folder_beneath(const std::string& root, const std::string& relative);

class RecordFile {
 public:
  enum class Access : std::uint8_t { kRead, kAppend };  // kAppend creates it (0644 and the umask)
  static Result<RecordFile> open(const std::string& root, const std::string& relative, Access access);

  Status append(ByteView record);
  Status cut(std::uint64_t byte_count);  // takes away what follows: a part that did not fit
  Status sync();
  [[nodiscard]] Result<Fd> copy() const { return fd_.duplicate(); }  // for who syncs beside us
  [[nodiscard]] Result<std::uint64_t> size() const;
  // As many bytes as there are, fewer than `bytes_max` only at the end of the file.
  [[nodiscard]] Result<std::string> read_at(std::uint64_t offset, std::size_t bytes_max) const;

 private:
  RecordFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

}  // namespace rtt::os
