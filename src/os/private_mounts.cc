// SPDX-License-Identifier: Apache-2.0
#include "os/private_mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "os/fd.h"
#include "os/file.h"
#include "os/process.h"
#include "os/sandbox.h"

namespace rtt::os {
namespace {

constexpr unsigned kFromFd = MOVE_MOUNT_F_EMPTY_PATH, kOntoFd = MOVE_MOUNT_T_EMPTY_PATH;

// Why a user namespace, or mounting in one, is refused. First that says so.
struct Switch {
  const char* file;
  std::string_view refuses;  // what stands in it then
  std::string_view name;
};
constexpr auto kSwitches = std::to_array<Switch>({
    {"/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone is 0"},
    {"/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces is 0"},
    {"/proc/sys/user/max_mnt_namespaces", "0", "user.max_mnt_namespaces is 0"},
    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
     "kernel.apparmor_restrict_unprivileged_userns is 1"},
});

std::unexpected<Error> not_allowed(const Error& why) {
  std::string reason = "a container's rules may forbid it";
  for (const Switch& each : kSwitches) {
    const auto text = read_file(each.file, 64);
    if (text && text->substr(0, text->find('\n')) == each.refuses) {
      reason = each.name;
      break;
    }
  }
  return fail(Code::kPermission,
              fmt::format("this machine gives this user no mounts of its own ({}): {}", reason, why.message));
}

std::unexpected<Error> refused(std::string_view what) {
  const bool denied = errno == EPERM || errno == EACCES || errno == ENOSYS;
  const Error error = last_error(what);
  if (denied) return not_allowed(error);
  return std::unexpected(error);
}

Status write_proc(const char* path, std::string_view text) {
  const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file.valid() || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return refused(fmt::format("cannot write {}", path));
  return {};
}

Status fill(const Fd& tree, std::span<const PrivateFile> files) {
  std::string made;  // the folder that is there for sure
  for (const PrivateFile& file : files) {
    const std::size_t end = file.path.rfind('/');
    const std::string parent = end == std::string::npos ? std::string() : file.path.substr(0, end);
    if (parent != made) {
      for (std::size_t at = parent.find('/'); !parent.empty(); at = parent.find('/', at + 1)) {
        const std::string folder = parent.substr(0, at);
        if (::mkdirat(tree.get(), folder.c_str(), 0755) != 0 && errno != EEXIST)
          return std::unexpected(last_error("cannot make the private folder " + folder));
        if (at == std::string::npos) break;
      }
      made = parent;
    }
    const Fd out(::openat(tree.get(), file.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                          file.executable ? 0755 : 0644));
    if (!out.valid()) return std::unexpected(last_error("cannot make the private file " + file.path));
    for (std::string_view rest = file.bytes; !rest.empty();) {
      const ssize_t wrote = ::write(out.get(), rest.data(), rest.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return std::unexpected(last_error("cannot write the private file " + file.path));
      rest.remove_prefix(static_cast<std::size_t>(wrote));
    }
  }
  return {};
}

// A tmpfs mounted nowhere, with the files in it, read-only from here on.
Result<Fd> private_tree(std::span<const PrivateFile> files) {
  const Fd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context.valid()) return refused("cannot make a private file system");
  if (::fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", "0755", 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_SET_STRING, "source", "rtt-run", 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return refused("cannot make a private file system");
  Fd tree(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  if (!tree.valid()) return refused("cannot make a private file system");
  // The modes are what they say, whatever this process takes from new files.
  const mode_t before = ::umask(0);
  Status filled = fill(tree, files);
  ::umask(before);
  RTT_TRY(std::move(filled));
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0)
    return refused("cannot make the private files read-only");
  return tree;
}

Result<Fd> open_place(const PrivateMount& mount) {
  const Fd folder(::open(mount.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return std::unexpected(last_error("cannot open " + mount.folder).at(mount.folder));
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  Fd place(static_cast<int>(::syscall(SYS_openat2, folder.get(), mount.onto.c_str(), &how, sizeof how)));
  if (!place.valid()) return std::unexpected(last_error("cannot open " + mount.onto).at(mount.onto));
  return place;
}

}  // namespace

Result<Separated> separate_mounts() {
  // A slave of what it was copied from: mounts come in and none goes out.
  const auto alone = [] { return ::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0; };
  if (::unshare(CLONE_NEWNS) == 0) {
    if (!alone()) return refused("cannot keep mounts to this process");
    return Separated::kMounts;
  }
  const unsigned user = own_uid(), group = own_gid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    const Error why = last_error("no user namespace");
    return not_allowed(why);
  }
  RTT_TRY(write_proc("/proc/self/setgroups", "deny"));
  RTT_TRY(write_proc("/proc/self/uid_map", fmt::format("{0} {0} 1", user)));
  RTT_TRY(write_proc("/proc/self/gid_map", fmt::format("{0} {0} 1", group)));
  if (!alone()) return refused("cannot keep mounts to this process");
  return Separated::kUser;
}

Status mount_privately(const std::string& stage, std::span<const PrivateFile> files,
                       std::span<const PrivateMount> mounts) {
  if (mounts.size() > kPrivateMountsMax)
    return fail(Code::kLimit, fmt::format("{} places in a private view; {} are the most", mounts.size(),
                                          kPrivateMountsMax));
  RTT_TRY_SET(const Fd tree, private_tree(files));
  std::vector<Fd> places;
  for (const PrivateMount& mount : mounts) {
    RTT_TRY_SET(Fd place, open_place(mount));
    places.push_back(std::move(place));
  }
  // Before Linux 6.15 parts can only be taken of a tree that is mounted somewhere.
  const Fd floor(::open(stage.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!floor.valid()) return std::unexpected(last_error("cannot open " + stage).at(stage));
  if (::move_mount(tree.get(), "", floor.get(), "", kFromFd | kOntoFd) != 0)
    return refused("cannot mount over " + stage);
  Status done;
  for (std::size_t i = 0; done && i < mounts.size(); ++i) {
    const Fd part(::open_tree(tree.get(), mounts[i].from.c_str(),
                              OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW));
    if (!part.valid() || ::move_mount(part.get(), "", places[i].get(), "", kFromFd | kOntoFd) != 0)
      done = std::unexpected(last_error("cannot show " + mounts[i].from).at(mounts[i].onto));
  }
  if (::umount2(stage.c_str(), MNT_DETACH) != 0 && done)
    done = std::unexpected(last_error("cannot uncover " + stage));
  return done;
}

Status settle_in(Separated separated) {
  RTT_TRY_SET(const std::string here, current_directory());
  if (::chdir(here.c_str()) != 0) return std::unexpected(last_error("cannot stay in " + here).at(here));
  if (separated == Separated::kMounts) return {};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !SandboxRules::drop_capabilities())
    return std::unexpected(last_error("cannot give back what the user namespace gave"));
  return {};
}

}  // namespace rtt::os
