// SPDX-License-Identifier: Apache-2.0
#include "os/beneath_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace rtt::os {

Result<Fd> open_folder_beneath(const std::string& root, const std::string& relative) {
  return open_file_beneath(root, relative, O_PATH | O_DIRECTORY);
}

Result<RecordFile> RecordFile::open(const std::string& root, const std::string& relative, Access access) {
  const int how = access == Access::kRead ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT;
  RTT_TRY_SET(Fd fd, open_file_beneath(root, relative, how | O_NONBLOCK | O_NOCTTY,
                                       access == Access::kRead ? 0U : 0644U));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0)
    return std::unexpected(last_error("cannot look at " + relative).at(relative));
  if (!S_ISREG(info.st_mode)) return fail(Code::kNotRegular, relative + " is not a regular file", relative);
  return RecordFile(std::move(fd), relative);
}

Status RecordFile::append(ByteView record) {
  ssize_t wrote = -1;
  do {
    wrote = ::write(fd_.get(), record.data(), record.size());
  } while (wrote < 0 && errno == EINTR);
  if (wrote < 0) return std::unexpected(last_error("cannot append to " + path_).at(path_));
  if (static_cast<std::size_t>(wrote) == record.size()) return {};
  return fail(
      Code::kNoSpace,
      path_ + " took only " + std::to_string(wrote) + " of " + std::to_string(record.size()) + " bytes",
      path_, "free space, then look at the file's last line");
}

Status RecordFile::cut(std::uint64_t byte_count) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(byte_count)) == 0) return {};
  return std::unexpected(last_error("cannot cut " + path_).at(path_));
}

Status RecordFile::sync() {
  if (::fdatasync(fd_.get()) == 0) return {};
  return std::unexpected(last_error("cannot sync " + path_).at(path_));
}

Result<std::uint64_t> RecordFile::size() const {
  struct stat info{};
  if (::fstat(fd_.get(), &info) != 0) return std::unexpected(last_error("cannot look at " + path_).at(path_));
  return static_cast<std::uint64_t>(info.st_size);
}

Result<std::string> RecordFile::read_at(std::uint64_t offset, std::size_t bytes_max) const {
  RTT_TRY_SET(const std::uint64_t whole, size());
  if (offset >= whole) return std::string();
  std::string out(std::min<std::uint64_t>(bytes_max, whole - offset), '\0');
  std::size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t got =
        ::pread(fd_.get(), out.data() + filled, out.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(last_error("cannot read " + path_).at(path_));
    if (got == 0) break;  // cut meanwhile
    filled += static_cast<std::size_t>(got);
  }
  out.resize(filled);
  return out;
}

}  // namespace rtt::os
