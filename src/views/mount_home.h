// SPDX-License-Identifier: Apache-2.0
// MountHome: trees held in the user's FUSE mount of views.
//
//     STORE/packs/<hash>.pack   of the workspace: the trees of one set; <hash> is of their names and roots
//
// A set is packed once and stays in the workspace, where it is found again for a rollback. To be shown, it is
// linked into the user's store as the workspace's next generation, and made known to who serves the mount. A
// set that was held before, and is still a generation, is that generation again.
//
// Where nobody serves the mount it is started, if this process has the means (`start`).
//
// Thread: one.   Fails: as TreeHome; hold: kPermission, kNotFound (no FUSE here), as mount_client.h.
// Limits: kGenerationsKept; kPackTreesMax providers.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "views/block_cache.h"
#include "views/mount_client.h"
#include "views/mount_place.h"
#include "views/tree_home.h"

namespace rtt::views {

// Of a workspace in the mount: its folder's name, as far as it fits, and a hash of its path.
std::string mount_id(const std::string& workspace);

class MountHome final : public TreeHome {
 public:
  struct Options {
    std::string folder;                                // of the workspace's own views, absolute
    std::string workspace;                             // its root
    std::function<Status(const MountPlace&)> start{};  // returns once it is served, by whomever
  };
  explicit MountHome(Options options) : options_(std::move(options)) {}

  // The pack of these trees lies in the workspace afterwards, shown or not. Whoever takes it reads it first.
  [[nodiscard]] Status keep(std::span<const NamedTree> trees) const;

  [[nodiscard]] std::optional<std::string> refusal() override;
  [[nodiscard]] Result<Tree> find(const Digest& root) override;
  Result<std::vector<std::string>> hold(std::span<const NamedTree> trees) override;
  Status settle(std::span<const NamedTree> trees) override;
  Status leave() override;
  [[nodiscard]] std::vector<Holder> holders() const override;
  Status collect(const std::vector<Digest>& keep) override;

 private:
  // The pack that find() read from last; the trees of one set lie in one.
  struct Opened {
    std::string name;
    Pack pack;
    BlockCache cache{BlockCache::kBlocksForWalks};
  };
  Result<MountClient> reach(const std::string& store) const;
  // Nothing where it cannot be opened.
  Opened* opened(const std::string& name);
  [[nodiscard]] std::string packs() const { return options_.folder + "/packs"; }
  [[nodiscard]] Result<std::string> pack(std::span<const NamedTree> trees) const;
  [[nodiscard]] Result<std::string> sound_pack(std::span<const NamedTree> trees) const;
  [[nodiscard]] Result<GenerationNumber> link_into(const PackStore& store, const std::string& pack,
                                                   std::span<const NamedTree> trees) const;

  Options options_;
  std::unique_ptr<Opened> opened_;
  std::set<std::pair<std::string, Digest>> sound_;  // by a pack's name: trees read from it and found right
  GenerationNumber held_ = 0;
};

}  // namespace rtt::views
