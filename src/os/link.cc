// SPDX-License-Identifier: Apache-2.0
#include "os/link.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "os/entropy.h"
#include "os/fd.h"

namespace rtt::os {

namespace {

std::string beside_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return (slash == std::string::npos ? std::string() : path.substr(0, slash + 1)) + ".tmp-" + random_hex(8);
}

}  // namespace

Status put_symlink(const std::string& path, const std::string& target) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0 && !S_ISLNK(info.st_mode))
    return fail(Code::kNotRegular, path + " is there already and is no link", path, "ls -ld " + path);
  const std::string beside = beside_of(path);
  if (::symlink(target.c_str(), beside.c_str()) != 0)
    return std::unexpected(last_error("cannot link " + path).at(path));
  if (::rename(beside.c_str(), path.c_str()) == 0) return {};
  Error why = last_error("cannot link " + path).at(path);
  (void)::unlink(beside.c_str());
  return std::unexpected(std::move(why));
}

std::optional<std::string> read_symlink(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(length));
}

Result<Linked> hard_link(const std::string& existing, const std::string& path) {
  if (::link(existing.c_str(), path.c_str()) == 0) return Linked::kDone;
  switch (errno) {
    case EXDEV:
    case EPERM:
    case EOPNOTSUPP:
    case EMLINK:
      return Linked::kUnsupported;
    default:
      return std::unexpected(last_error("cannot link " + path).at(path));
  }
}

Result<FileNumbers> numbers_of(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0)
    return std::unexpected(last_error("cannot look at " + path).at(path));
  return FileNumbers{.names = info.st_nlink, .bytes = static_cast<std::uint64_t>(info.st_size)};
}

Result<Linked> put_hard_link(const std::string& existing, const std::string& path) {
  const std::string beside = beside_of(path);
  RTT_TRY_SET(const Linked linked, hard_link(existing, beside));
  if (linked == Linked::kUnsupported) return linked;
  const int renamed = ::rename(beside.c_str(), path.c_str());
  Error why = last_error("cannot link " + path).at(path);
  (void)::unlink(beside.c_str());  // still there where `path` was this file already
  if (renamed != 0) return std::unexpected(std::move(why));
  return linked;
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat one{}, other{};
  return ::lstat(a.c_str(), &one) == 0 && ::lstat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

bool same_device(const std::string& a, const std::string& b) {
  struct stat one{}, other{};
  return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev;
}

Status rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return std::unexpected(last_error("cannot move " + from + " to " + to).at(to));
}

Status swap_paths(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (errno == ENOENT || errno == EINVAL || errno == ENOSYS) return rename_path(from, to);
  return std::unexpected(last_error("cannot put " + from + " in the place of " + to).at(to));
}

Status set_mode(const std::string& path, std::uint32_t mode) {
  if (::chmod(path.c_str(), mode) == 0) return {};
  return std::unexpected(last_error("cannot set the mode of " + path).at(path));
}

Result<PathStamp> stamp_of(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0)
    return std::unexpected(last_error("cannot look at " + path).at(path));
  return PathStamp{.mode = info.st_mode & 07777U,
                   .mtime_ns = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

Status set_stamp(const std::string& path, const PathStamp& stamp) {
  const timespec times[2] = {
      {.tv_sec = 0, .tv_nsec = UTIME_OMIT},
      {.tv_sec = stamp.mtime_ns / 1'000'000'000, .tv_nsec = stamp.mtime_ns % 1'000'000'000}};
  if (::chmod(path.c_str(), stamp.mode) == 0 &&
      ::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0)
    return {};
  return std::unexpected(last_error("cannot set the mode and time of " + path).at(path));
}

bool is_executable(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IXUSR) != 0;
}

Status remove_empty_folder(const std::string& path) {
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST ||
      errno == ENOTDIR)
    return {};
  return std::unexpected(last_error("cannot remove " + path).at(path));
}

}  // namespace rtt::os
