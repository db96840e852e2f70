// SPDX-License-Identifier: Apache-2.0
// Whole-file operations: bounded reads and atomic, durable writes.
//
// write_atomic: temp file in the same folder, write, fsync, rename, fsync of the folder, so that a reader or
// a crash sees the old content or the new, never a part.
//
// Modes pass through the process's umask.
//
// Thread: any.   Fails: kNotFound (no such file), kIo, kNoSpace, kPermission, kTooLarge, kNotRegular (FIFO,
// device: opened O_NONBLOCK and refused), kBusy (a lock), each with the path in `where`.   Limits: the
// caller's bytes_max.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"

namespace rtt::os {

Result<std::string> read_file(const std::string& path, std::size_t bytes_max);
bool exists(const std::string& path);  // of any kind; does not follow a final symlink
bool is_directory(const std::string& path);
bool is_symlink(const std::string& path);

enum class Durable : std::uint8_t { kNo, kYes };
struct WriteOptions {
  std::uint32_t mode = 0644;
  Durable durable = Durable::kYes;
};
Status write_atomic(const std::string& path, std::string_view content, WriteOptions options = {});
// As write_atomic of each, durable, at the price of about one: their bytes go to the disk together. A failure
// may leave some written.
struct NewFile {
  std::string path, content;
};
Status write_all(const std::vector<NewFile>& files, std::uint32_t mode = 0644);
// Creates with O_EXCL semantics: an existing file is left as it is and is no error (content-addressed
// stores).
Status write_once(const std::string& path, std::string_view content, WriteOptions options = {});
Status sync_directory(const std::string& path);  // makes names created or removed in it durable
Status make_directories(const std::string& path, std::uint32_t mode = 0755);
Status remove_file(const std::string& path);  // absent is no error
Status remove_tree(const std::string& path);  // never follows symlinks; at most 256 folders deep (kLimit)
Result<std::vector<std::string>> list_directory(const std::string& path);  // names, sorted, without . and ..
Result<std::string> real_path(const std::string& path);
Result<std::string> current_directory();
std::string environment(const char* name, std::string_view otherwise = {});
std::string home_directory();

// An advisory lock on a file, held until destroyed (and by the kernel's hand when the process dies).
class FileLock {
 public:
  enum class Wait : std::uint8_t { kNo, kYes };
  enum class Hold : std::uint8_t { kAlone, kTogether };  // kTogether: with others that hold it so
  // kBusy when held otherwise and Wait::kNo
  static Result<FileLock> take(const std::string& path, Wait wait, Hold hold = Hold::kAlone);
  static bool held(const std::string& path);  // by anybody, us included; takes nothing
  // A process this descriptor is passed to holds the lock as well, until it closes it.
  [[nodiscard]] int descriptor() const { return fd_.get(); }

 private:
  Fd fd_;
};

}  // namespace rtt::os
