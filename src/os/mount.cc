// SPDX-License-Identifier: Apache-2.0
#include "os/mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "os/file.h"
#include "os/process.h"

namespace rtt::os {
namespace {

// proc(5): space, tab, newline and backslash stand as three octal digits.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size() && text[at + 1] >= '0' && text[at + 1] <= '3') {
      out += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

// Of a dead mount nothing can be resolved any more, but the folder it lies in can.
Result<std::string> resolved(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return std::string("/");
  const std::size_t slash = path.rfind('/', end);
  const std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1, end - slash);
  if (name == "." || name == "..") return real_path(path);
  RTT_TRY_SET(const std::string folder,
              real_path(slash == std::string::npos ? "." : path.substr(0, slash + 1)));
  return (folder == "/" ? "" : folder) + "/" + name;
}

}  // namespace

Result<std::optional<MountEntry>> mounted_at(const std::string& path) {
  RTT_TRY_SET(const std::string place, resolved(path));
  RTT_TRY_SET(const std::string list, read_file("/proc/self/mountinfo", kMountsBytesMax));
  std::optional<MountEntry> found;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find('\n', at), list.size());
    const auto words = words_of(std::string_view(list).substr(at, end - at));
    at = end + 1;
    // id, parent, device, root, place, options, tags until "-", type, source, options.
    if (words.size() < 10 || unescaped(words[4]) != place) continue;
    std::size_t dash = 6;
    while (dash < words.size() && words[dash] != "-") ++dash;
    if (dash + 2 < words.size())
      found = MountEntry{.type = std::string(words[dash + 1]), .source = unescaped(words[dash + 2])};
  }
  return found;
}

Status detach_mount(const std::string& path) {
  if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EINVAL || errno == ENOENT) return {};  // nothing is mounted there
  const Error error = last_error("cannot unmount " + path).at(path);
  if (errno != EPERM) return std::unexpected(error);
  auto helper = spawn({.argv = {"fusermount3", "-u", "-z", "-q", "--", path},
                       .env = own_environment(),
                       .directory = {},
                       .in = Wire::kNull,
                       .out = Wire::kNull,
                       .err = Wire::kNull,
                       .setuid = Setuid::kCounts,
                       .pass_fds = {}});
  if (!helper || helper->wait().code != 0) return std::unexpected(error);
  return {};
}

std::optional<std::string> fuse_refusal() {
  constexpr const char* kDevice = "/dev/fuse";
  if (!exists(kDevice)) return "this machine has no /dev/fuse";
  const Fd device(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (!device.valid()) return "/dev/fuse cannot be opened: " + std::string(std::strerror(errno));
  if (::geteuid() == 0) return std::nullopt;
  const auto helper = find_on_path("fusermount3", environment("PATH"));
  struct stat info{};
  if (!helper || ::stat(helper->c_str(), &info) != 0)
    return "fusermount3 is not there, which mounts for users other than root (apt install fuse3)";
  if (info.st_uid != 0 || (info.st_mode & S_ISUID) == 0) return *helper + " is not setuid root";
  if (!setuid_counts()) return "whoever started this process forbids it setuid programs (no_new_privs)";
  return std::nullopt;
}

Status resend_requests(int connection) {
  // linux/fuse.h: fuse_out_header of a notification, its code in the place of an error. Debian 12's header is
  // older than FUSE_NOTIFY_RESEND.
  struct {
    std::uint32_t length = 16;
    std::int32_t code = 7;
    std::uint64_t unique = 0;
  } constexpr kResend;
  static_assert(sizeof kResend == 16);
  if (::write(connection, &kResend, sizeof kResend) == sizeof kResend) return {};
  if (errno == EINVAL) return fail(Code::kLost, "this kernel cannot send requests again");
  return std::unexpected(last_error("cannot ask for the requests again"));
}

}  // namespace rtt::os
