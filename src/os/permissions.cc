// SPDX-License-Identifier: Apache-2.0
#include "os/permissions.h"

#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"

namespace rtt::os {

Result<std::uint32_t> permissions_of(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0)
    return std::unexpected(last_error("cannot look at " + path).at(path));
  return static_cast<std::uint32_t>(info.st_mode) & 0777U;
}

Result<unsigned> owner_of(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0)
    return std::unexpected(last_error("cannot look at " + path).at(path));
  return info.st_uid;
}

namespace {

mode_t umask_now() {  // to know it is to set it
  const mode_t now = ::umask(077);
  (void)::umask(now);
  return now;
}

mode_t umask_at_first() {
  static const mode_t umask = umask_now();
  return umask;
}

}  // namespace

void make_private() {
  (void)umask_at_first();
  (void)::umask(077);
}

std::uint32_t users_mode(std::uint32_t mode) { return mode & ~umask_at_first(); }

Status set_permissions(const std::string& path, std::uint32_t mode) {
  if (::chmod(path.c_str(), static_cast<mode_t>(mode & 0777U)) != 0)
    return std::unexpected(last_error("cannot set the permissions of " + path).at(path));
  return {};
}

Status check_only_ours(const std::string& folder) {
  struct stat info{};
  if (::lstat(folder.c_str(), &info) != 0)
    return std::unexpected(last_error("cannot look at " + folder).at(folder));
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid())
    return fail(Code::kNotOwner, "it is no folder of this user's", folder);
  if ((info.st_mode & 0022U) != 0)
    return fail(Code::kPermission, "others may write into the folder", folder, "chmod 700 " + folder);
  return {};
}

}  // namespace rtt::os
