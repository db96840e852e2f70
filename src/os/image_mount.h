// SPDX-License-Identifier: Apache-2.0
// mount_image: a file system in a file, mounted read-only, nothing in it setuid or a device.
//
// From the file itself where the kernel can (EROFS from Linux 6.12, on a file system with pages of its own,
// which tmpfs is not), else through a loop device that goes with the mount. It is taken away as any mount
// (os/mount.h).
//
// Thread: any.
// Fails: kPermission, kIo; kNotFound (no such file; this kernel knows no such file system), kBusy (no loop
// device is free). Limits: kLoopTriesMax.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace rtt::os {

inline constexpr int kLoopTriesMax = 32;  // others take free devices too

// kLoop: through a device anyhow, for tests on a kernel that can do without.
enum class Through : std::uint8_t { kFile, kLoop };
Status mount_image(const std::string& type, const std::string& image, const std::string& place,
                   Through through = Through::kFile);

}  // namespace rtt::os
