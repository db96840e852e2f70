// SPDX-License-Identifier: Apache-2.0
// A path below a workspace as somebody typed it, whatever links lead to the workspace's folder.
//
// Thread: any, blocking.   Fails: kEscapes.   Limits: one look at the file system for each folder of the
// path.
#pragma once

#include <string>

#include "base/result.h"
#include "registry/workspace.h"

namespace rtt::panel {

// Relative to the root. What the path itself is, or leads to, does not matter: in a view it may be a link.
Result<std::string> inside(const registry::Workspace& workspace, const std::string& absolute);

}  // namespace rtt::panel
