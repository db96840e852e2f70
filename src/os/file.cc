// SPDX-License-Identifier: Apache-2.0
#include "os/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <span>

#include "os/entropy.h"
#include "os/read_regular.h"

namespace rtt::os {
namespace {

constexpr int kRemoveDepthMax = 256;

std::unexpected<Error> failed(std::string_view what, const std::string& path) {
  return std::unexpected(last_error(what).at(path));
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status write_whole(const Fd& fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(fd.get(), content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed("cannot write " + path, path);
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

// A new file beside its final place, unlinked again unless the caller says it was moved away.
class Beside {
 public:
  explicit Beside(const std::string& path) : temp_(parent_of(path) + "/.tmp-" + random_hex(8)) {}
  ~Beside() {
    if (created_) ::unlink(temp_.c_str());
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  Status fill(const std::string& path, std::string_view content, WriteOptions options) {
    RTT_TRY(write(path, content, options.mode));
    if (options.durable == Durable::kYes) RTT_TRY(sync(path));
    fd_.reset();
    return {};
  }
  // Of fill(): begun, and ended.
  Status write(const std::string& path, std::string_view content, std::uint32_t mode) {
    fd_ = Fd(::open(temp_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd_.valid()) return failed("cannot create a file for " + path, path);
    created_ = true;
    return write_whole(fd_, content, path);
  }
  void begin_sync() const { (void)::sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE); }
  Status sync(const std::string& path) const {
    if (::fsync(fd_.get()) != 0) return failed("cannot sync " + path, path);
    return {};
  }
  [[nodiscard]] const char* name() const { return temp_.c_str(); }
  void moved() { created_ = false; }

 private:
  std::string temp_;
  Fd fd_;
  bool created_ = false;
};

Status remove_children(int directory, const std::string& path, int depth);

Status remove_entry(int parent, const char* name, const std::string& path, int depth) {
  if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return failed("cannot remove " + path, path);
  if (depth >= kRemoveDepthMax) {
    return fail(Code::kLimit,
                "folders nested deeper than " + std::to_string(kRemoveDepthMax) + " are not removed", path,
                "rm -r " + path);
  }
  const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return failed("cannot remove " + path, path);
  RTT_TRY(remove_children(fd, path, depth + 1));
  if (::unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
    return failed("cannot remove " + path, path);
  return {};
}

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

Result<std::vector<std::string>> names_in(int directory, const std::string& path) {  // takes the descriptor
  const DirectoryStream stream(::fdopendir(directory));
  if (!stream) {
    const Error error = last_error("cannot list " + path);
    ::close(directory);
    return std::unexpected(Error(error).at(path));
  }
  std::vector<std::string> names;
  for (errno = 0;; errno = 0) {
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return failed("cannot list " + path, path);
  std::sort(names.begin(), names.end());
  return names;
}

Status remove_children(int directory, const std::string& path, int depth) {
  const Fd held(directory);
  RTT_TRY_SET(Fd listing, held.duplicate());
  RTT_TRY_SET(const auto names, names_in(listing.release(), path));
  for (const std::string& name : names)
    RTT_TRY(remove_entry(held.get(), name.c_str(), path + "/" + name, depth));
  return {};
}

constexpr std::size_t kWrittenTogether = 64;  // descriptors open at once

Status write_together(std::span<const NewFile> files, std::uint32_t mode) {
  std::deque<Beside> written;
  for (const NewFile& file : files)
    RTT_TRY(written.emplace_back(file.path).write(file.path, file.content, mode));
  // Once all are on their way, the first sync takes what the others need with it.
  for (const Beside& beside : written) beside.begin_sync();
  for (std::size_t i = 0; i < files.size(); ++i) RTT_TRY(written[i].sync(files[i].path));
  std::vector<std::string> folders;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string& path = files[i].path;
    if (::rename(written[i].name(), path.c_str()) != 0) return failed("cannot replace " + path, path);
    written[i].moved();
    folders.push_back(parent_of(path));
  }
  std::ranges::sort(folders);
  const auto rest = std::ranges::unique(folders);
  folders.erase(rest.begin(), rest.end());
  for (const std::string& folder : folders) RTT_TRY(sync_directory(folder));
  return {};
}

}  // namespace

Result<std::string> read_regular(const Fd& fd, const std::string& path, std::size_t bytes_max) {
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return failed("cannot look at " + path, path);
  return read_regular(fd, info, path, bytes_max);
}

Result<std::string> read_regular(const Fd& fd, const struct stat& info, const std::string& path,
                                 std::size_t bytes_max) {
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::kNotRegular,
                path + (S_ISDIR(info.st_mode) ? " is a directory, not a file" : " is not a regular file"),
                path);
  }
  std::string content;
  const auto expected = static_cast<std::size_t>(std::max<off_t>(info.st_size, 0));
  // One byte more than expected, so that the usual file ends with its first read; /proc files say size 0.
  std::size_t room = std::min(expected, bytes_max) + 1;
  for (std::size_t at = 0;;) {
    content.resize(at + room);
    const ssize_t got = ::read(fd.get(), content.data() + at, room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cannot read " + path, path);
    at += static_cast<std::size_t>(got);
    content.resize(at);
    if (at > bytes_max) {
      return fail(Code::kTooLarge, path + " is larger than " + std::to_string(bytes_max) + " bytes", path);
    }
    const bool all = at == expected && static_cast<std::size_t>(got) < room;  // there was room for one more
    if (got == 0 || (all && expected > 0)) return content;
    room = std::min<std::size_t>(bytes_max - at, 65536) + 1;
  }
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid() && errno == ENXIO) return fail(Code::kNotRegular, path + " is not a regular file", path);
  if (!fd.valid()) return failed("cannot open " + path, path);
  return read_regular(fd, path, bytes_max);
}

bool exists(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

bool is_directory(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool is_symlink(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
}

Status sync_directory(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return failed("cannot sync the folder " + path, path);
  return {};
}

Status write_atomic(const std::string& path, std::string_view content, WriteOptions options) {
  Beside beside(path);
  RTT_TRY(beside.fill(path, content, options));
  if (::rename(beside.name(), path.c_str()) != 0) return failed("cannot replace " + path, path);
  beside.moved();
  if (options.durable == Durable::kYes) return sync_directory(parent_of(path));
  return {};
}

Status write_all(const std::vector<NewFile>& files, std::uint32_t mode) {
  for (std::span<const NewFile> rest = files; !rest.empty();) {
    const std::size_t count = std::min(rest.size(), kWrittenTogether);
    RTT_TRY(write_together(rest.first(count), mode));
    rest = rest.subspan(count);
  }
  return {};
}

Status write_once(const std::string& path, std::string_view content, WriteOptions options) {
  if (exists(path)) return {};
  Beside beside(path);
  RTT_TRY(beside.fill(path, content, options));
  if (::renameat2(AT_FDCWD, beside.name(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
    beside.moved();
  } else if (errno == EEXIST) {
    return {};
  } else if (errno == EINVAL ||
             errno == ENOSYS) {  // a file system without RENAME_NOREPLACE: a link refuses as well
    if (::link(beside.name(), path.c_str()) != 0 && errno != EEXIST)
      return failed("cannot create " + path, path);
  } else {
    return failed("cannot create " + path, path);
  }
  if (options.durable == Durable::kYes) return sync_directory(parent_of(path));
  return {};
}

Status make_directories(const std::string& path, std::uint32_t mode) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), mode) != 0) {
      const Error error = last_error("cannot create the folder " + part).at(part);
      // EEXIST is judged by what is there; EROFS and EACCES may be said of a folder that exists already.
      if (!is_directory(part)) {
        if (exists(part)) return fail(Code::kNotRegular, part + " is in the way: not a folder", part);
        return std::unexpected(error);
      }
    }
    if (slash == std::string::npos) return {};
  }
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("cannot remove " + path, path);
  return {};
}

Status remove_tree(const std::string& path) { return remove_entry(AT_FDCWD, path.c_str(), path, 0); }

Result<std::vector<std::string>> list_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed("cannot list " + path, path);
  return names_in(fd, path);
}

Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  if (!resolved) return failed("cannot resolve " + path, path);
  return std::string(resolved.get());
}

Result<std::string> current_directory() {
  const std::unique_ptr<char, decltype(&std::free)> resolved(::getcwd(nullptr, 0), &std::free);
  if (!resolved) return std::unexpected(last_error("the current folder cannot be told"));
  return std::string(resolved.get());
}

std::string environment(const char* name, std::string_view otherwise) {
  const char* value = std::getenv(name);
  return std::string(value != nullptr ? std::string_view(value) : otherwise);
}

std::string home_directory() {
  std::string home = environment("HOME");
  if (!home.empty()) return home;
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr && entry->pw_dir != nullptr ? entry->pw_dir : "/";
}

// Open-file-description locks: like flock they belong to the descriptor, not the process, and unlike it they
// can be asked about without being taken.
Result<FileLock> FileLock::take(const std::string& path, Wait wait, Hold hold) {
  FileLock lock;
  lock.fd_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!lock.fd_.valid()) return failed("cannot open the lock " + path, path);
  struct flock whole{};
  whole.l_type = hold == Hold::kAlone ? F_WRLCK : F_RDLCK;
  while (::fcntl(lock.fd_.get(), wait == Wait::kYes ? F_OFD_SETLKW : F_OFD_SETLK, &whole) != 0) {
    if (errno == EAGAIN || errno == EACCES)
      return fail(Code::kBusy, "another process holds the lock " + path, path);
    if (errno != EINTR) return failed("cannot lock " + path, path);
  }
  return lock;
}

bool FileLock::held(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct flock whole{};
  whole.l_type = F_WRLCK;
  return fd.valid() && ::fcntl(fd.get(), F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

}  // namespace rtt::os
