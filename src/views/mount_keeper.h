// SPDX-License-Identifier: Apache-2.0
// The keeper of a mount of views: mounts, holds the connection, and starts its server as often as need be.
//
// The mount lives as long as somebody holds the connection's descriptor, so a server that is killed takes
// nothing away: readers wait for the next one, which is asked what the last one owed (Linux 6.9; before it,
// the mount is made anew and what was open is ENOTCONN). The keeper does nothing that could fail meanwhile:
// it reads no pack and answers nobody. Should it be killed itself, its server hands all it knows and the
// descriptors to the next keeper, which goes on as after the end of a server. If both are killed at once the
// mount is dead, and the next keeper takes it away.
//
// Owns: the connection, the listening socket, the server, the store's lock.   Thread: one.
// Fails: kBusy (this store is served, or something else is mounted there), kNameClash (the folder is not
// empty), kPermission, kNotFound (no /dev/fuse), kDriverFailed (the server dies again and again), kIo.
// Limits: kServerStartsMax.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "os/process_watch.h"
#include "views/mount_server.h"

namespace rtt::views {

inline constexpr int kServerStartsMax = 120;  // within kServerStartsWindowMs
inline constexpr std::int64_t kServerStartsWindowMs = 60'000;

struct KeepOptions {
  MountPlace place;
  std::vector<std::string> server;  // the command line that ends in serve_views(place)
  std::function<void()> ready{};    // told when it is served for the first time
  os::ProcessId parent{};           // the mount ends with it
  // kTakeOver: of a mount that is there, from its server, with the descriptors of mount_server.h.
  enum class Begin : std::uint8_t { kMount, kTakeOver } begin = Begin::kMount;
  // kAnew: what a kernel before 6.9 leaves, for tests on one that can more.
  enum class Again : std::uint8_t { kSameMount, kAnew } again = Again::kSameMount;
};
// Until SIGTERM, SIGINT or SIGHUP, the parent's end, until somebody unmounts it, or until the store has no
// workspace left or is removed itself.
Status keep_mount(const KeepOptions& options);

}  // namespace rtt::views
