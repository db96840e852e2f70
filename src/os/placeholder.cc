// SPDX-License-Identifier: Apache-2.0
#include "os/placeholder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "os/beneath_file.h"
#include "os/fd.h"
#include "os/file.h"

namespace rtt::os {
namespace {

struct Name {
  Fd folder;
  std::string name;
};

Result<Name> name_in(const std::string& folder, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  Name name{.folder = {}, .name = path.substr(slash == std::string::npos ? 0 : slash + 1)};
  RTT_TRY_SET(name.folder,
              open_folder_beneath(folder, slash == std::string::npos ? "." : path.substr(0, slash)));
  return name;
}

std::optional<struct statx> look(const Name& name) {
  struct statx info{};
  if (::statx(name.folder.get(), name.name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_SIZE, &info) != 0)
    return std::nullopt;
  return info;
}

bool is_empty_folder(const Name& name) {
  const Fd folder(
      ::openat(name.folder.get(), name.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return false;
  const auto names = list_directory("/proc/self/fd/" + std::to_string(folder.get()));
  return names && names->empty();
}

bool is_kind(const struct statx& info, Placeholder kind) {
  switch (kind) {
    case Placeholder::kFolder:
      return S_ISDIR(info.stx_mode);
    case Placeholder::kSocket:
      if (S_ISSOCK(info.stx_mode)) return true;
      [[fallthrough]];
    case Placeholder::kFile:
      break;
  }
  return S_ISREG(info.stx_mode) && info.stx_size == 0;
}

}  // namespace

Result<bool> put_placeholder(const std::string& folder, const std::string& path, Placeholder kind) {
  RTT_TRY_SET(const Name at, name_in(folder, path));
  int made = -1;
  switch (kind) {
    case Placeholder::kFolder:
      made = ::mkdirat(at.folder.get(), at.name.c_str(), 0755);
      break;
    case Placeholder::kSocket:
      made = ::mknodat(at.folder.get(), at.name.c_str(), S_IFSOCK | 0600, 0);
      if (made == 0 || errno == EEXIST || errno == EACCES || errno == ENOSPC || errno == EROFS) break;
      [[fallthrough]];  // a file system without sockets
    case Placeholder::kFile:
      made = ::mknodat(at.folder.get(), at.name.c_str(), S_IFREG | 0644, 0);
      break;
  }
  if (made == 0) return true;
  if (errno == EEXIST) return false;
  return std::unexpected(last_error("cannot hold the place of " + path).at(path));
}

bool is_placeholder(const std::string& folder, const std::string& path, Placeholder kind) {
  const auto at = name_in(folder, path);
  if (!at) return false;
  const auto info = look(*at);
  if (!info) return false;
  if ((info->stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return true;
  return is_kind(*info, kind) && (kind != Placeholder::kFolder || is_empty_folder(*at));
}

Result<bool> take_placeholder(const std::string& folder, const std::string& path, Placeholder kind) {
  const auto at = name_in(folder, path);
  if (!at) return at.error().code == Code::kNotFound ? Result<bool>(true) : std::unexpected(at.error());
  const auto info = look(*at);
  if (!info) return true;
  if (!is_kind(*info, kind)) return false;
  const int flags = kind == Placeholder::kFolder ? AT_REMOVEDIR : 0;
  if (::unlinkat(at->folder.get(), at->name.c_str(), flags) == 0 || errno == ENOENT) return true;
  if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR || errno == EISDIR) return false;
  return std::unexpected(last_error("cannot give the place of " + path + " back").at(path));
}

}  // namespace rtt::os
