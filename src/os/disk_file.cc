// SPDX-License-Identifier: Apache-2.0
#include "os/disk_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/entropy.h"
#include "os/file.h"

namespace rtt::os {
namespace {

constexpr std::size_t kZerosBytes = std::size_t{1} << 20;

std::unexpected<Error> failed(std::string_view what, const std::string& path) {
  return std::unexpected(last_error(std::string(what) + " " + path).at(path));
}

Status write_all_at(int fd, std::uint64_t offset, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed("cannot write", path);
    offset += static_cast<std::uint64_t>(wrote);
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

Status fill_zeroed(const std::string& temp, DiskFile::Zeroed zeroed, ByteView head, const std::string& path) {
  const Fd fd(::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return failed("cannot create", path);
  std::uint64_t bytes = zeroed.written_bytes;
  if (::fallocate(fd.get(), 0, 0, static_cast<off_t>(zeroed.bytes)) != 0) {
    if (errno != EOPNOTSUPP) return failed("cannot allocate", path);
    bytes = zeroed.bytes;  // this file system allocates only what is written
  }
  const Bytes zeros(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, kZerosBytes)));
  for (std::uint64_t at = 0; at < bytes; at += zeros.size()) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), bytes - at));
    RTT_TRY(write_all_at(fd.get(), at, ByteView(zeros).first(count), path));
  }
  RTT_TRY(write_all_at(fd.get(), 0, head, path));
  if (::fsync(fd.get()) != 0) return failed("cannot sync", path);
  return {};
}

}  // namespace

Result<DiskFile> DiskFile::open(const std::string& path, Access access) {
  const int mode = access == Access::kRead ? O_RDONLY : O_RDWR;
  Fd fd(::open(path.c_str(), mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return failed("cannot open", path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return failed("cannot look at", path);
  if (!S_ISREG(info.st_mode)) return fail(Code::kNotRegular, path + " is not a regular file", path);
  // No read-ahead: it would reach into blocks that were never written and make them look written (next_data).
  if (access == Access::kRead) (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
  return DiskFile(std::move(fd), path);
}

Status DiskFile::create_zeroed(const std::string& path, Zeroed zeroed, ByteView head) {
  RTT_ASSERT(head.size() <= zeroed.written_bytes);
  RTT_ASSERT(zeroed.written_bytes <= zeroed.bytes);
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string temp = folder + "/.tmp-" + random_hex(8);
  if (const Status filled = fill_zeroed(temp, zeroed, head, path); !filled) {
    ::unlink(temp.c_str());
    return filled;
  }
  if (::renameat2(AT_FDCWD, temp.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
    const Error error = last_error("cannot create " + path).at(path);
    ::unlink(temp.c_str());
    return std::unexpected(error);
  }
  return sync_directory(folder);
}

Result<std::uint64_t> DiskFile::size() const {
  struct stat info{};
  if (::fstat(fd_.get(), &info) != 0) return failed("cannot look at", path_);
  return static_cast<std::uint64_t>(info.st_size);
}

Result<std::size_t> DiskFile::read_at(std::uint64_t offset, MutableBytes into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got =
        ::pread(fd_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cannot read", path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<DiskFile::Range> DiskFile::next_data(std::uint64_t offset) const {
  RTT_TRY_SET(const std::uint64_t end, size());
  if (offset >= end) return Range{.begin = end, .end = end};
  const off_t data = ::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0 && errno == ENXIO) return Range{.begin = end, .end = end};
  const off_t hole = data < 0 ? -1 : ::lseek(fd_.get(), data, SEEK_HOLE);
  if (hole < 0)
    return Range{.begin = offset, .end = end};  // a file system that does not know: all may be data
  return Range{.begin = static_cast<std::uint64_t>(data), .end = static_cast<std::uint64_t>(hole)};
}

Status DiskFile::write_at(std::uint64_t offset, ByteView bytes) {
  return write_all_at(fd_.get(), offset, bytes, path_);
}

Status DiskFile::sync_data() {
  // Not repeated on failure: the kernel may have marked the pages clean, and a second sync would then lie.
  if (::fdatasync(fd_.get()) != 0) return failed("cannot sync", path_);
  return {};
}

void DiskFile::forget_cache() { (void)::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }

}  // namespace rtt::os
