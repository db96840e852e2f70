// SPDX-License-Identifier: Apache-2.0
// ImageMounts: sets of trees as EROFS images, each mounted at a folder of its own.
//
//     IMAGES/<set>.erofs    the image of a set (docs/formats/view-image.md), never changed
//     MOUNTS/<set>/<provider>/…
//
// No process serves them: the kernel reads the image, so a read costs what it costs in real files, and what
// is mounted outlives the panel. It takes root, and the machine's start takes the mounts away. Folders in use
// stay with whoever has them when a set goes: its name is detached, and the mount ends with its last user.
//
// The kernel trusts an image, so both folders are this user's alone, and what was mounted is read back and
// compared with the roots before anybody is led there; that also leaves it in the kernel's cache.
//
// Owns: both folders.   Thread: one at a time, one process.
// Fails: kPermission (not root), kNotFound (no image; no EROFS in this kernel), kTampered (another root than
// the set says), kBusy (something else is mounted there), kNotOwner, kIo, kNoSpace.
// Limits: erofs_image.h; kImageMountsMax.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "os/image_mount.h"
#include "views/tree.h"

namespace rtt::views {

inline constexpr std::size_t kImageMountsMax = 64;

class ImageMounts {
 public:
  using Set = std::vector<std::pair<std::string, Digest>>;  // provider, root; sorted

  // `images`: on a disk, as the kernel mounts no file of a tmpfs without a loop device.
  ImageMounts(std::string images, std::string mounts, os::Through through = os::Through::kFile)
      : images_(std::move(images)), mounts_(std::move(mounts)), through_(through) {}

  // Whether images can be mounted here, and if not, why: an empty one is mounted and taken away again.
  Status probe() const;

  Status write(const Set& set, std::span<const NamedTree> trees) const;  // one that is there stays
  // The folder in which the set's trees are, each under its provider's name. One that is mounted stays.
  Result<std::string> mount(const Set& set) const;
  // Every other set's mount and image go.
  Status keep(std::span<const Set> sets) const;

  static std::string name_of(const Set& set);  // 64 hex
  [[nodiscard]] std::string place_of(const Set& set) const;

 private:
  [[nodiscard]] std::string image_of(const Set& set) const;
  Status make_folders() const;

  std::string images_, mounts_;
  os::Through through_;
};

}  // namespace rtt::views
