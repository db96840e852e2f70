// SPDX-License-Identifier: Apache-2.0
// Where a user's mount of views lies: the store of its packs, and the folder that it is mounted at.
//
//   $XDG_STATE_HOME/rtt/views            the store (~/.local/state/rtt/views)
//   $XDG_RUNTIME_DIR/rtt/views-HASH      the mount point; HASH is of the store's path
//   $TMPDIR/rtt-UID/views-HASH           where there is no $XDG_RUNTIME_DIR ($TMPDIR: /tmp)
//
// Neither is in a workspace or in a folder of another user's. Who serves a store has written down in it where
// it is mounted: processes with other environments then speak of one place.
//
// Thread: any.   Fails: kPermission (a folder of another user's), kIo.
#pragma once

#include <string>

#include "base/result.h"

namespace rtt::views {

struct MountPlace {
  std::string store;       // folder of the packs, the user's alone
  std::string mountpoint;  // a folder
};
// By the environment; makes nothing.
Result<MountPlace> user_mount_place();
// Where the store is mounted while somebody serves it.
Result<std::string> mounted_place(const std::string& store);
Status write_mounted_place(const MountPlace& place);

}  // namespace rtt::views
