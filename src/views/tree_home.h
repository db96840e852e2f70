// SPDX-License-Identifier: Apache-2.0
// TreeHome: where the trees that a workspace shows can be read: folders of real files, a mount, an image.
//
// A set's folder has one link a provider (tree_store.h), and leads wherever a home holds that tree. What a
// path leads to never changes while it is held, so showing another set is one rename whatever the home is.
// Trees are held while an apply is prepared, and settled after its flip; what nobody is shown any more goes
// then, save what those who opened it may still read.
//
// Thread: one.   Fails: hold: as the parts, after which nothing of it counts; find: kNotFound, kTampered.
// Limits: LookThrough.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "views/pack_write.h"
#include "views/tree_store.h"

namespace rtt::views {

// Of what is held elsewhere than in real files: how much is read again through the paths that readers take.
// Reading is also what brings it into the kernel's cache for them.
struct LookThrough {
  std::size_t entries = 20'000;    // whose names and kinds are looked at, of each tree
  std::size_t files_left = 4'096;  // whose bytes are, of all trees; goes down
};

class TreeHome {
 public:
  virtual ~TreeHome() = default;
  // Why nothing can be held here, as far as can be told without trying.
  [[nodiscard]] virtual std::optional<std::string> refusal() { return std::nullopt; }
  // The tree of this root if it lies here, all of it read and found right.
  [[nodiscard]] virtual Result<Tree> find(const Digest& root) = 0;
  // All of them readable, together; of each what a link in a set's folder leads to (TreeStore::Member::at).
  virtual Result<std::vector<std::string>> hold(std::span<const NamedTree> trees) = 0;
  // These are shown now, as they were held last.
  virtual Status settle(std::span<const NamedTree> trees) = 0;
  // Nothing is shown from here any more; what was held before may be found still.
  virtual Status leave() = 0;
  // What holds several trees, a pack or an image, which goes when none of them is kept; none where trees lie
  // alone.
  struct Holder {
    std::vector<Digest> roots;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] virtual std::vector<Holder> holders() const { return {}; }
  // What is kept to be found, of these and of what is shown, stays; the rest goes.
  virtual Status collect(const std::vector<Digest>& keep) = 0;
};

// That `path` has the files of the tree and no others, as far as the limits go; `files_left` goes down.
Status look_through(const std::string& path, const Tree& tree, LookThrough& how);

// Real files, each content once (tree_store.h). One that somebody wrote into is set aside for them and made
// anew.
class FolderHome final : public TreeHome {
 public:
  explicit FolderHome(TreeStore store) : store_(std::move(store)) {}
  [[nodiscard]] Result<Tree> find(const Digest& root) override;
  Result<std::vector<std::string>> hold(std::span<const NamedTree> trees) override;
  Status settle(std::span<const NamedTree>) override { return {}; }
  Status leave() override { return {}; }
  Status collect(const std::vector<Digest>& keep) override;
  // What was set aside by hold() since this was asked last.
  [[nodiscard]] std::vector<TreeStore::Aside> take_aside() { return std::exchange(aside_, {}); }

 private:
  TreeStore store_;
  std::vector<TreeStore::Aside> aside_;
  std::set<Digest> sound_;  // found right or made by this object
};

}  // namespace rtt::views
