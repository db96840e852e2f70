// SPDX-License-Identifier: Apache-2.0
// Private mounts: files that this process and all it starts see over a folder, and nobody else.
//
// The process gets mounts of its own (mount namespace); a user who may not mount gets them in a user
// namespace whose only user and group are its own, so the process keeps its ids. What is mounted by others
// later is seen there too; what is mounted there is seen nowhere else. The files lie in a tmpfs that no path
// leads to: the kernel forgets it with its last user, however that ends.
//
// A file can only be shown where something is: see placeholder.h. mount(2)'s newer calls (Linux 5.12) take
// descriptors, so a name that is exchanged for a link meanwhile leads nowhere else.
//
// Owns: nothing; what it makes is the process's.   Thread: the only one of the process.
// Fails: kPermission with what the machine does not allow, kNotFound, kNotRegular, kNoSpace, kIo.
// Limits: kPrivateMountsMax.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rtt::os {

inline constexpr std::size_t kPrivateMountsMax = 4096;

struct PrivateFile {
  std::string path;  // relative; parts as in a Tree
  std::string_view bytes;
  bool executable = false;
};
struct PrivateMount {
  std::string from;    // one of the files, or a folder of them
  std::string folder;  // absolute
  std::string onto;    // below it, no link on the way: a folder for a folder, else anything that is none
};

enum class Separated : std::uint8_t {
  kMounts,  // mounts alone: this user may do so
  kUser,    // in a user namespace
};
// From here on this process's mounts are its own.
Result<Separated> separate_mounts();
// Shows `files` read-only at their places. `stage`: any folder; covered for a moment, for this process only.
// REQUIRES: separate_mounts().
Status mount_privately(const std::string& stage, std::span<const PrivateFile> files,
                       std::span<const PrivateMount> mounts);
// What a user namespace gave beyond what this user may is given back, for good. The working folder is looked
// up anew: it may have been covered.
Status settle_in(Separated separated);

}  // namespace rtt::os
