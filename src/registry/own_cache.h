// SPDX-License-Identifier: Apache-2.0
// OwnCache: files in `.rtt/cache` that only this user's RTT can have written (docs/formats/workspace.md).
//
// They hold what was found out and would cost time to find out again: which signatures are sound, that there
// was nothing to do. Such a file could come with a folder that somebody else packed, and a false one would be
// believed; so each begins with an HMAC, under a key of this user's alone, over its name, the workspace and
// what it holds. Whatever else is wrong with one, it is as if it were not there.
//
// Thread: one.   Fails: read: kNotFound, whatever is wrong; write: kIo, kPermission.   Limits: the caller's.
#pragma once

#include <string>
#include <string_view>

#include "registry/verified.h"
#include "registry/workspace.h"

namespace rtt::registry {

Result<std::string> read_own_cache(const Workspace& workspace, std::string_view name, std::size_t bytes_max);
Status write_own_cache(const Workspace& workspace, std::string_view name, std::string_view content);

// The signatures found sound here.
VerifiedSignatures load_verified(const Workspace& workspace);
// Those of this run, where there are new ones among them. What cannot be kept is verified again.
void keep_verified(const Workspace& workspace, const VerifiedSignatures& verified);

}  // namespace rtt::registry
