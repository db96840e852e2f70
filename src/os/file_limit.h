// SPDX-License-Identifier: Apache-2.0
// What a running process may write: a full disk for it alone.
//
// Thread: any.   Units: bytes.   Fails: kNotFound (it is gone), kPermission.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

namespace rtt::os {

// No file of that process is written at or beyond so many bytes (RLIMIT_FSIZE): EFBIG there, and SIGXFSZ
// unless it ignores it (ignore_broken_pipes). Nothing: as far as its hard limit allows.
Status limit_file_size(int pid, std::optional<std::uint64_t> bytes);

}  // namespace rtt::os
