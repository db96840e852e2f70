// SPDX-License-Identifier: Apache-2.0
// DiskFile: positioned reads and writes with an explicit sync, for logs that say themselves what is durable
// when.
//
// create_zeroed allocates all blocks and writes zeros over the first of them, so that writes there overwrite
// existing blocks and fdatasync moves no metadata (p50 28 µs here against 37 µs for a growing file). The rest
// reads as zeros too and is known to the file system as never written, so a reader can step over it
// (next_data). The name appears only when the whole file is durable.
//
// Owns: its descriptor.   Thread: one writer; any number of readers have their own.
// Fails: kNotFound, kIo, kNoSpace, kPermission, with the path in `where`.
#pragma once

#include <cstdint>
#include <string>

#include "os/fd.h"

namespace rtt::os {

class DiskFile {
 public:
  enum class Access : std::uint8_t { kRead, kReadWrite };
  static Result<DiskFile> open(const std::string& path,
                               Access access);  // an existing regular file, no symlink
  struct Zeroed {
    std::uint64_t bytes = 0;          // the file's size
    std::uint64_t written_bytes = 0;  // of them, how many are written at once
  };
  static Status create_zeroed(const std::string& path, Zeroed zeroed,
                              ByteView head);  // refuses an existing file

  [[nodiscard]] Result<std::uint64_t> size() const;
  // As many bytes as there are, fewer than asked for only at the end of the file.
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) const;
  // The next range at or after `offset` that may hold anything but zeros; empty, at the end, if there is
  // none. Reading beyond it would put zero pages into the cache, which the kernel then counts as data for
  // everybody.
  struct Range {
    std::uint64_t begin = 0, end = 0;
  };
  [[nodiscard]] Result<Range> next_data(std::uint64_t offset) const;
  Status write_at(std::uint64_t offset, ByteView bytes);
  Status sync_data();
  // Drops clean cached pages: after a failed sync they may show what never reached the disk.
  void forget_cache();

 private:
  DiskFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

}  // namespace rtt::os
