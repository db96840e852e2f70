// SPDX-License-Identifier: Apache-2.0
// permissions_of, owner_of: the nine permission bits of a file and whose it is, for the few files and folders
// whose secrecy is part of what they promise (private keys, stored secrets, the store of views).
//
// Thread: any.   Fails: kNotFound, kPermission, kIo with the path in `where`.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace rtt::os {

Result<std::uint32_t> permissions_of(const std::string& path);  // follows no final symlink
Result<unsigned> owner_of(const std::string& path);             // follows no final symlink
// Exactly these nine bits, whatever the umask.
Status set_permissions(const std::string& path, std::uint32_t mode);
// From here on what this process makes is its user's alone (umask 077).
void make_private();
// What is left of `mode` for a file that the user's other programs share: by the umask this process began
// with.
std::uint32_t users_mode(std::uint32_t mode);
// That a folder is this user's and nobody else may write into it; kNotOwner, kPermission.
Status check_only_ours(const std::string& folder);

}  // namespace rtt::os
