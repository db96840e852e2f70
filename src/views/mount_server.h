// SPDX-License-Identifier: Apache-2.0
// MountServer: the process that serves a mount of views: reads the connection, answers those who ask for
// another generation. Its keeper starts it, and again when it is gone (mount_keeper.h).
//
// It is told what its predecessor had told the keeper, so the numbers that the kernel knows nodes by stay
// what they were, and serves whatever lies in the store. When the keeper was killed it starts the next one,
// which starts the next server. When the store's last workspace is gone it takes the mount away and ends.
//
// Owns: the packs in use, the connection.   Thread: one for those who ask, and those of FuseView.
// Fails: by its exit status, with a word on stderr.
// Limits: kMountClientsMax, kMountLineBytesMax, those of mount_nodes.h.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "views/mount_place.h"

namespace rtt::views {

inline constexpr std::string_view kMountSocket = "mount.sock";  // in the store
inline constexpr std::size_t kMountClientsMax = 64;

// 0: the mount was taken away; anything else: the keeper starts another. `next_keeper`: the command line that
// ends in keep_mount() with Begin::kTakeOver, which has the descriptors of mount_handover.h.
int serve_views(const MountPlace& place, std::vector<std::string> next_keeper);

}  // namespace rtt::views
