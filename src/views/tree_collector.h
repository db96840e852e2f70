// SPDX-License-Identifier: Apache-2.0
// TreeCollector: what nobody needs of a TreeStore is taken away, a little at a time.
//
// A tree has up to a million files, and whoever collects has other work: so each step looks at or removes at
// most so many names and says whether it is done. A tree that goes is first renamed aside, so from one moment
// on it is not there; what a crash leaves aside is removed by the next collector. A blob is needed while a
// tree, or a place of the project, has another name for it (hard links), so no tree is read for that; where
// there are no hard links a blob serves nobody once its tree is made.
//
// Owns: how far it came.   Thread: the store's.   Fails: as os/file.h, os/link.h.
// Limits: the caller's names a step; one folder of blobs is looked at whole.
#pragma once

#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"

namespace rtt::views {

class TreeCollector {
 public:
  // `folder`: the store's.
  explicit TreeCollector(std::string folder) : folder_(std::move(folder)) {}

  enum class Left : std::uint8_t { kNothing, kSomething };
  // `keep`: roots of trees that stay; the set that is shown stays too, and with it nothing else.
  Result<Left> step(const std::vector<Digest>& keep, std::size_t names_max);

 private:
  [[nodiscard]] Result<bool> put_aside(const std::vector<Digest>& keep) const;
  [[nodiscard]] Result<bool> remove_some(std::size_t names_max) const;
  [[nodiscard]] Status remove_sets() const;
  Status look_at_blobs();

  std::string folder_;
  unsigned blobs_next_ = 0;  // of the 256 folders
};

}  // namespace rtt::views
