// SPDX-License-Identifier: Apache-2.0
#include "panel/inside.h"

#include "os/file.h"

namespace rtt::panel {

Result<std::string> inside(const registry::Workspace& workspace, const std::string& absolute) {
  if (absolute.starts_with(workspace.root + "/")) return absolute.substr(workspace.root.size() + 1);
  for (std::size_t slash = absolute.find('/', 1); slash != std::string::npos;
       slash = absolute.find('/', slash + 1)) {
    const auto folder = os::real_path(absolute.substr(0, slash));
    if (folder && *folder == workspace.root) return absolute.substr(slash + 1);
  }
  return fail(Code::kEscapes, absolute + " is outside of the workspace", absolute, "rtt -C DIR");
}

}  // namespace rtt::panel
