// SPDX-License-Identifier: Apache-2.0
// Storage on a real folder.
//
// Owns: nothing but the folder's name.   Thread: one.   Fails: as os/disk_file.h and os/file.h.
#pragma once

#include "journal/segment_reader.h"
#include "journal/storage.h"

namespace rtt::journal {

inline constexpr const char* kLockName = "lock";

std::unique_ptr<Storage> disk_storage(const std::string& directory);
// How every journal lies in its folder. A simulated world has smaller segments, so that it meets their ends.
Layout disk_layout();

}  // namespace rtt::journal
