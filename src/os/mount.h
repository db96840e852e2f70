// SPDX-License-Identifier: Apache-2.0
// Mounts: what is mounted at a place, taking a mount away, whether this process can make one of FUSE, and
// asking a FUSE connection for what its last server left unanswered.
//
// Thread: any.
// Fails: kPermission, kIo, kNotFound; resend_requests: kLost (this kernel cannot: before Linux 6.9).
// Limits: kMountsBytesMax of the kernel's list.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace rtt::os {

inline constexpr std::size_t kMountsBytesMax = std::size_t{64} << 20;

struct MountEntry {
  std::string type, source;
};
// The topmost mount at exactly this place, also one whose server is gone; nothing if there is none.
Result<std::optional<MountEntry>> mounted_at(const std::string& path);
// The name goes at once, the mount when its last user lets go (MNT_DETACH); by fusermount3 where this user
// may not unmount. None there is no error.
Status detach_mount(const std::string& path);
// Why this process cannot mount a FUSE file system, as far as can be told without trying.
std::optional<std::string> fuse_refusal();
// Requests that were read and not answered come again, to whoever reads the connection next.
Status resend_requests(int connection);

}  // namespace rtt::os
