// SPDX-License-Identifier: Apache-2.0
// ImageHome: trees held in EROFS images, one a set, each mounted at a folder of its own.
//
//     STORE/images/<set>.erofs       of the workspace: docs/formats/view-image.md, never changed
//     STORE/images/<set>.roots       a line a tree, "<64 hex> <provider>"; <set> is the SHA-256 of it
//     MOUNTS/<workspace>/<set>/<provider>/…
//     MOUNTS/<workspace>/.workspace  link to the workspace's root
//
// No process serves them: the kernel reads the image, so a read costs what it costs in real files, and what
// is mounted outlives the panel. It takes root, and the next start of the machine takes the mounts away;
// whoever holds the set then mounts it again. A set that is not shown any more is unmounted when the next one
// is settled: its name goes, and the mount ends with its last user. Mounts of workspaces whose folder is gone
// are taken away by whoever holds something next.
//
// The kernel trusts an image, so both folders are this user's alone, and an image that was there before is
// read back whole and compared with the roots before anybody is led there.
//
// Owns: the images and the mounts of its workspace.   Thread: one.
// Fails: as TreeHome; kPermission (not root), kNotFound (no EROFS in this kernel), kBusy (something else is
// mounted there), kNotOwner. Limits: erofs_image.h; kRootsBytesMax of a list.
#pragma once

#include "os/image_mount.h"
#include "views/tree_home.h"

namespace rtt::views {

inline constexpr std::size_t kRootsBytesMax = std::size_t{1} << 20;

class ImageHome final : public TreeHome {
 public:
  struct Options {
    std::string folder;     // of the workspace's own views, on a disk, absolute
    std::string workspace;  // its root
    std::string mounts{};   // empty: beside the user's mount of views (mount_place.h)
    os::Through through = os::Through::kFile;
  };
  explicit ImageHome(Options options) : options_(std::move(options)) {}

  // An empty image is mounted and taken away again.
  [[nodiscard]] std::optional<std::string> refusal() override;
  [[nodiscard]] Result<Tree> find(const Digest& root) override;
  Result<std::vector<std::string>> hold(std::span<const NamedTree> trees) override;
  Status settle(std::span<const NamedTree> trees) override;
  Status leave() override;
  [[nodiscard]] std::vector<Holder> holders() const override;
  Status collect(const std::vector<Digest>& keep) override;

 private:
  [[nodiscard]] std::string images() const { return options_.folder + "/images"; }
  [[nodiscard]] std::string image_of(const std::string& set) const;
  [[nodiscard]] std::string roots_of(const std::string& set) const;
  Result<std::string> mounts() const;        // of all workspaces
  Result<std::string> our_mounts() const;    // of this one
  Result<std::string> make_folders() const;  // the same, made and checked
  Status try_one() const;
  [[nodiscard]] bool mounted(const std::string& set) const;
  Result<std::string> mount(const std::string& set) const;
  Result<Tree> read(const std::string& set, const std::string& provider) const;
  Status write(const std::string& set, std::span<const NamedTree> trees) const;
  [[nodiscard]] std::vector<std::string> sets() const;
  void drop(const std::string& set) const;  // its image cannot be used

  Options options_;
};

}  // namespace rtt::views
