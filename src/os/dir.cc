// SPDX-License-Identifier: Apache-2.0
#include "os/dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "os/beneath_file.h"
#include "os/read_regular.h"

namespace rtt::os {
namespace {

constexpr int kResolveTriesMax = 16;  // the kernel answers EAGAIN when a rename elsewhere disturbs its check

// The C library of Debian 12 has no wrapper for openat2.
Fd open_beneath(int root, const char* relative, int flags, std::uint32_t mode = 0) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0;; ++attempt) {
    Fd fd(static_cast<int>(::syscall(SYS_openat2, root, relative, &how, sizeof how)));
    if (fd.valid() || (errno != EAGAIN && errno != EINTR) || attempt == kResolveTriesMax) return fd;
  }
}

Result<Fd> open_root(const std::string& root) {
  Fd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return std::unexpected(last_error("cannot open the folder " + root).at(root));
  return fd;
}

Result<Fd> open_file_in(const Fd& directory, const std::string& root, const std::string& relative, int flags,
                        std::uint32_t mode = 0) {
  Fd fd = open_beneath(directory.get(), relative.c_str(), flags, mode);
  if (fd.valid()) return fd;
  if (errno == ELOOP || errno == EXDEV) {
    return fail(Code::kEscapes, relative + " leads through a symbolic link or outside " + root, relative);
  }
  if (errno == ENXIO) return fail(Code::kNotRegular, relative + " is not a regular file", relative);
  return std::unexpected(last_error("cannot open " + relative).at(relative));
}

}  // namespace

Result<Fd> open_file_beneath(const std::string& root, const std::string& relative, int flags,
                             std::uint32_t mode) {
  RTT_TRY_SET(const Fd directory, open_root(root));
  return open_file_in(directory, root, relative, flags, mode);
}

namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

Result<struct stat> look_at(const Fd& fd, const std::string& relative) {
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0)
    return std::unexpected(last_error("cannot look at " + relative).at(relative));
  return info;
}

FileStamp stamp_of(const struct stat& info) {
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .size = static_cast<std::uint64_t>(info.st_size),
          .mtime_ns = nanoseconds(info.st_mtim),
          .ctime_ns = nanoseconds(info.st_ctim)};
}

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

struct Child {
  std::string name;
  EntryKind kind = EntryKind::kOther;
};

EntryKind kind_of_mode(mode_t mode) {
  if (S_ISREG(mode)) return EntryKind::kFile;
  if (S_ISDIR(mode)) return EntryKind::kDirectory;
  return S_ISLNK(mode) ? EntryKind::kSymlink : EntryKind::kOther;
}

EntryKind kind_of(int directory, const dirent& entry) {
  switch (entry.d_type) {
    case DT_REG:
      return EntryKind::kFile;
    case DT_DIR:
      return EntryKind::kDirectory;
    case DT_LNK:
      return EntryKind::kSymlink;
    case DT_UNKNOWN: {  // some file systems leave it to stat
      struct stat info{};
      if (::fstatat(directory, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) return EntryKind::kOther;
      return kind_of_mode(info.st_mode);
    }
    default:
      return EntryKind::kOther;
  }
}

class Walker {
 public:
  Walker(const WalkOptions& options, const std::function<Visit(const Entry&)>& visit)
      : options_(options), visit_(visit) {}

  // Recursion is bounded by depth_max. Returns false when the walk is over.
  bool enter(Fd directory, const std::string& path, int depth) {
    for (const Child& child : children_of(directory.get(), path)) {
      if (stats_.entries == options_.entries_max) {
        stats_.truncated = true;
        return false;
      }
      ++stats_.entries;
      const std::string below = path.empty() ? child.name : path + "/" + child.name;
      const Visit wish = visit_(Entry{.path = below, .name = child.name, .kind = child.kind, .depth = depth});
      if (wish == Visit::kStop) return false;
      if (wish == Visit::kSkip || child.kind != EntryKind::kDirectory) continue;
      if (depth + 1 >= options_.depth_max) {
        stats_.truncated = true;
        continue;
      }
      Fd next = open_beneath(directory.get(), child.name.c_str(), O_RDONLY | O_DIRECTORY);
      if (!next.valid()) {
        unreadable(below);
      } else if (!enter(std::move(next), below, depth + 1)) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] const WalkStats& stats() const { return stats_; }

 private:
  void unreadable(const std::string& path) {
    const Error why = last_error("cannot read the folder " + path);
    ++stats_.errors;
    if (options_.unreadable) options_.unreadable(path, why);
  }

  std::vector<Child> children_of(int directory, const std::string& path) {
    std::vector<Child> children;
    const int copy = ::fcntl(directory, F_DUPFD_CLOEXEC, 3);
    const std::unique_ptr<DIR, CloseDirectory> stream(copy < 0 ? nullptr : ::fdopendir(copy));
    if (!stream) {
      unreadable(path);
      if (copy >= 0) ::close(copy);
      return children;
    }
    for (errno = 0;; errno = 0) {
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      // One more than may be visited, so that `truncated` is noticed without holding a huge folder in memory.
      if (children.size() > options_.entries_max - stats_.entries) break;
      children.push_back({std::string(name), kind_of(directory, *entry)});
    }
    if (errno != 0) unreadable(path);
    std::sort(children.begin(), children.end(),
              [](const Child& a, const Child& b) { return a.name < b.name; });
    return children;
  }

  const WalkOptions& options_;
  const std::function<Visit(const Entry&)>& visit_;
  WalkStats stats_;
};

}  // namespace

Result<WalkStats> walk(const std::string& root, const WalkOptions& options,
                       const std::function<Visit(const Entry&)>& visit) {
  RTT_TRY_SET(Fd directory, open_root(root));
  Walker walker(options, visit);
  (void)walker.enter(std::move(directory), {}, 0);
  return walker.stats();
}

Result<BeneathFile> read_beneath(const std::string& root, const std::string& relative,
                                 std::size_t bytes_max) {
  RTT_TRY_SET(const Folder folder, Folder::open(root));
  return folder.read(relative, bytes_max);
}

Result<FileStamp> stamp_beneath(const std::string& root, const std::string& relative) {
  RTT_TRY_SET(const Fd fd, open_file_beneath(root, relative, O_PATH));
  RTT_TRY_SET(const struct stat info, look_at(fd, relative));
  return stamp_of(info);
}

Result<Folder> Folder::open(const std::string& path) {
  RTT_TRY_SET(Fd fd, open_root(path));
  return Folder(std::move(fd), path);
}

FileStamp Folder::stamp_of(const std::string& relative) const {
  struct stat info{};
  if (::fstatat(folder_.get(), relative.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return os::stamp_of(info);
  return {.size = static_cast<std::uint64_t>(errno)};
}

Result<BeneathFile> Folder::read(const std::string& relative, std::size_t bytes_max) const {
  RTT_TRY_SET(const Fd fd, open_file_in(folder_, path_, relative, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  // The stamp is taken before the bytes: a change during the read then shows as a newer stamp, never as an
  // older one.
  RTT_TRY_SET(const struct stat info, look_at(fd, relative));
  RTT_TRY_SET(std::string content, read_regular(fd, info, relative, bytes_max));
  return BeneathFile{.content = std::move(content),
                     .stamp = os::stamp_of(info),
                     .executable = (info.st_mode & S_IXUSR) != 0};
}

}  // namespace rtt::os
