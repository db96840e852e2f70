// SPDX-License-Identifier: Apache-2.0
// The user's mount of views as a process: started by whoever needs it when nobody serves, and being it
// (`rtt driver-host --views STORE MOUNTPOINT`). It is no workspace's: it stays when a panel ends, and ends by
// itself when its store has no workspace left or is gone (views/mount_keeper.h).
//
// Thread: one, blocking.   Fails: as views/mount_keeper.h.   Limits: kDaemonStartMs to come up.
#pragma once

#include "views/mount_keeper.h"

namespace rtt::panel {

// Two that start at once: one does, the other waits for it.
Status start_view_mount(const views::MountPlace& place);

struct ViewMountMain {
  views::MountPlace place;
  int parent = 0;     // it ends with that process, and says `ready` on stdout; 0: it stays
  int ready_fd = -1;  // told when it stays
  views::KeepOptions::Begin begin = views::KeepOptions::Begin::kMount;
};
int view_mount_main(const ViewMountMain& options);
int view_server_main(const ViewMountMain& options);  // as the keeper's: place and parent

}  // namespace rtt::panel
