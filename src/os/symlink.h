// SPDX-License-Identifier: Apache-2.0
// Symbolic links: read, and replaced in one step.
//
// Thread: any.   Fails: kNotFound, kNotRegular (not a link), kPermission, kNoSpace, kIo, with the path in
// `where`.
#pragma once

#include <string>

#include "base/result.h"

namespace rtt::os {

Result<std::string> read_link(const std::string& path);
// Made beside it and renamed onto it: who looks sees the old target or the new. Not synced.
Status replace_link(const std::string& path, const std::string& target);

}  // namespace rtt::os
