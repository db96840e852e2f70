// SPDX-License-Identifier: Apache-2.0
// A tree as it lies in a folder, whatever file system shows it there: real files, a mount, an image. That its
// root is the one that was written is how every way of showing a tree is checked.
//
// Links in the folder are entries no tree has, and are an error; the folder itself may be reached by one.
//
// Thread: any, blocking.   Fails: as os/dir.h; kBadShape (what no tree may hold), kLimit.
// Limits: those of Tree.
#pragma once

#include <string>

#include "views/tree.h"

namespace rtt::views {

Result<Tree> read_folder(const std::string& folder);

}  // namespace rtt::views
