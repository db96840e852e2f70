// SPDX-License-Identifier: Apache-2.0
// TreeCollector: what nobody needs of a TreeStore is taken away, a little at a time.
//
// A tree has up to a million files, and whoever collects has other work: so each step looks at or removes at
// most so many names and says whether it is done. A tree that goes is first renamed aside, so from one moment
// on it is not there; what a crash leaves aside is removed by the next collector. A blob is needed while a
// tree, or a place of the project, has another name for it (hard links), so no tree is read for that; where
// there are no hard links a blob serves nobody once its tree is made.
//
// What somebody wrote into a tree is no part of it and does not go: it is moved to edited/ (tree_store.h). A
// file is looked at for that where it has no other name, or is younger than the tree's list, so that most
// cost no reading.
//
// Owns: how far it came.   Thread: the store's.   Fails: as os/file.h, os/link.h.
// Limits: the caller's names a step; one folder of blobs is looked at whole.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "views/tree_list.h"

namespace rtt::views {

class TreeCollector {
 public:
  // `folder`: the store's.
  explicit TreeCollector(std::string folder) : folder_(std::move(folder)) {}

  enum class Left : std::uint8_t { kNothing, kSomething };
  // `keep`: roots of trees that stay; the set that is shown stays too, and with it nothing else.
  Result<Left> step(const std::vector<Digest>& keep, std::size_t names_max);
  // Where what somebody wrote lies now, absolute, since this was asked last.
  [[nodiscard]] std::vector<std::string> take_saved() { return std::exchange(saved_, {}); }

 private:
  [[nodiscard]] Result<bool> put_aside(const std::vector<Digest>& keep) const;
  Result<bool> remove_some(std::size_t names_max);
  Status remove_or_save(const std::string& tree, const std::string& path);
  [[nodiscard]] bool was_made(const std::string& tree, const std::string& path) const;
  void get_to_know(const std::string& name);  // of a tree that was put aside
  [[nodiscard]] Status remove_sets() const;
  Status look_at_blobs();

  std::string folder_;
  unsigned blobs_next_ = 0;  // of the 256 folders
  struct Going {             // the tree that is being removed
    std::string name;
    std::optional<TreeList> list;  // nothing where what it was is not known
    std::int64_t made_ns = 0;      // of the list, which came last
  };
  Going going_;
  std::vector<std::string> saved_;
};

}  // namespace rtt::views
