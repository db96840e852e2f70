// SPDX-License-Identifier: Apache-2.0
#include "views/mount_place.h"

#include <fmt/format.h>

#include "crypto/sha256.h"
#include "os/file.h"
#include "os/permissions.h"
#include "os/process.h"
#include "os/symlink.h"

namespace rtt::views {
namespace {

constexpr std::string_view kMounted = "/.mount";  // in the store, a link to the mount point
constexpr std::size_t kHashDigits = 12;

// The XDG specification has relative paths ignored.
std::string absolute_variable(const char* name) {
  std::string path = os::environment(name);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path.starts_with('/') ? path : std::string();
}

// The deepest folder on the way to `path` that is there must be this user's, or it is not ours to write in.
Status check_owner(std::string path) {
  while (!os::exists(path)) {
    const std::size_t slash = path.rfind('/');
    path.resize(slash == 0 || slash == std::string::npos ? 1 : slash);
  }
  RTT_TRY_SET(const std::string real, os::real_path(path));
  RTT_TRY_SET(const unsigned owner, os::owner_of(real));
  if (owner == os::own_uid()) return {};
  return fail(Code::kPermission,
              fmt::format("the folder for the views would lie in one of user {}, and this is user {}", owner,
                          os::own_uid()),
              real, "set HOME or XDG_STATE_HOME to a folder of your own");
}

}  // namespace

Result<MountPlace> user_mount_place() {
  std::string state = absolute_variable("XDG_STATE_HOME");
  if (state.empty()) state = os::home_directory() + "/.local/state";
  MountPlace place{.store = state + "/rtt/views", .mountpoint = {}};
  RTT_TRY(check_owner(place.store));
  const std::string runtime = absolute_variable("XDG_RUNTIME_DIR");
  const auto owner = os::owner_of(runtime);
  std::string base;
  if (!runtime.empty() && owner && *owner == os::own_uid() && os::is_directory(runtime)) {
    base = runtime + "/rtt";
  } else {
    const std::string temporary = absolute_variable("TMPDIR");
    base = fmt::format("{}/rtt-{}", temporary.empty() ? "/tmp" : temporary, os::own_uid());
  }
  if (os::exists(base)) {  // anybody may make a name in /tmp before we do
    RTT_TRY_SET(const unsigned theirs, os::owner_of(base));
    if (theirs != os::own_uid() || os::is_symlink(base))
      return fail(Code::kPermission, "the folder to mount views in is somebody else's", base,
                  "set XDG_RUNTIME_DIR to a folder of your own");
  }
  place.mountpoint =
      fmt::format("{}/views-{}", base, bare_hex(crypto::sha256(place.store)).substr(0, kHashDigits));
  return place;
}

Result<std::string> mounted_place(const std::string& store) {
  return os::read_link(store + std::string(kMounted));
}

Status write_mounted_place(const MountPlace& place) {
  return os::replace_link(place.store + std::string(kMounted), place.mountpoint);
}

}  // namespace rtt::views
