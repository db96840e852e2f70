// SPDX-License-Identifier: Apache-2.0
// The seam between the journal and a disk: what the journal needs of a folder and its files, and no more.
// Behind it stand the real folder (disk_storage.h) and, in tests, a simulated disk that can be stopped at any
// moment with any part of the unsynced writes lost (simulated_disk_for_test.h).
//
// Owns: nothing here.   Thread: one.   Fails: as os/disk_file.h and os/file.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace rtt::journal {

class StoredFile {
 public:
  StoredFile() = default;
  virtual ~StoredFile() = default;
  StoredFile(const StoredFile&) = delete;
  StoredFile& operator=(const StoredFile&) = delete;

  virtual Result<std::uint64_t> size() = 0;
  // As many bytes as there are, fewer than asked for only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) = 0;
  // The next range at or after `offset` that may hold anything but zeros; empty, at the end, if there is
  // none.
  struct Range {
    std::uint64_t begin = 0, end = 0;
  };
  virtual Result<Range> next_data(std::uint64_t offset) = 0;
  virtual Status write_at(std::uint64_t offset, ByteView bytes) = 0;
  virtual Status sync_data() = 0;
  virtual void
  forget_cache() = 0;  // what was written but not synced need not be what a later reader is shown
};

class Storage {
 public:
  enum class Access : std::uint8_t { kRead, kReadWrite };

  Storage() = default;
  virtual ~Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  virtual Result<std::vector<std::string>> names() = 0;  // sorted; of a folder that is not there: none
  virtual Result<std::unique_ptr<StoredFile>> open(const std::string& name, Access access) = 0;
  // A file of `bytes` zeros that begins with `head`; blocks are written up to `written_bytes`, allocated
  // behind that. Durable and whole when it returns, absent or whole after a crash before.
  struct NewFile {
    std::uint64_t bytes = 0;
    std::uint64_t written_bytes = 0;
    ByteView head;
  };
  virtual Status create_zeroed(const std::string& name, const NewFile& file) = 0;
  virtual Status save(const std::string& name, ByteView content) = 0;
  virtual Status remove(const std::string& name) = 0;  // absent is no error
  // Whether a writer has this journal open (a reader may then meet a batch half written).
  virtual bool writer_active() = 0;
  [[nodiscard]] virtual std::string path_of(const std::string& name) const = 0;
};

}  // namespace rtt::journal
