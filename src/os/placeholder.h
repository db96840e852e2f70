// SPDX-License-Identifier: Apache-2.0
// Placeholders: names with nothing behind them, for mounts to lie on (private_mounts.h).
//
// A mount needs a name in the folder it appears in, and that name is there for everybody. So it is one that
// says as little as can be: an empty folder, which git does not see; for a file a socket, which git does not
// see either and nobody can read, write or commit by mistake; an empty file only where names are looked for
// by listing, for a listing says what kind each is. One is taken away only while it is still what was put
// there. When it goes, the kernel takes the mounts on it away, in every process that has them; none can hold
// it.
//
// Thread: any.   Fails: kNotFound (its folder), kNotRegular (a link on the way), kPermission, kNoSpace, kIo.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace rtt::os {

enum class Placeholder : std::uint8_t { kFolder, kSocket, kFile };

// False: something of that name is there already. `folder` is absolute, `path` below it without links.
Result<bool> put_placeholder(const std::string& folder, const std::string& path, Placeholder kind);
// Whether it is there and nothing was put into it or in its place, or a mount of this process lies on it.
bool is_placeholder(const std::string& folder, const std::string& path, Placeholder kind);
// False: it is something else by now, and stays. One that is gone already is taken.
Result<bool> take_placeholder(const std::string& folder, const std::string& path, Placeholder kind);

}  // namespace rtt::os
