// SPDX-License-Identifier: Apache-2.0
// Replacing a file that somebody else may be writing: what was there is looked at once it is out of
// everybody's reach, and put back where it is not what was to be replaced. So no edit is lost, whenever it is
// made.
//
// Owns: nothing.   Thread: any, blocking.   Fails: kIo, kPermission, kNoSpace; then the file is as before.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rtt::os {

struct ReplaceHow {
  std::uint32_t mode = 0644;  // less the umask
  // Where it is written before it is moved, so that a process that is killed leaves nothing in the folder of
  // the file. On another file system, or empty: beside the file.
  std::string by_way_of{};
  // Whether what lay there, now at this path, may go. Not asked where nothing lay.
  std::function<bool(const std::string& was)> may_go{};
};
// False: `may_go` said no, and what lay there lies there again. Durable.
Result<bool> replace_file(const std::string& path, std::string_view content, const ReplaceHow& how);

}  // namespace rtt::os
