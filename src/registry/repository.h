// SPDX-License-Identifier: Apache-2.0
// repository_of: the name under which this machine remembers whose keys count in a working tree.
//
// All worktrees of one git repository are one: the name is the real path of git's common directory. A `.git`
// file that points elsewhere is believed only if that repository points back at it, since anybody may unpack
// such a file. Without git it is the real path of the workspace.
//
// Thread: any.   Fails: never (a folder that cannot be read is its own repository).
#pragma once

#include <string>

namespace rtt::registry {

std::string repository_of(const std::string& root);

}  // namespace rtt::registry
