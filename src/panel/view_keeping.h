// SPDX-License-Identifier: Apache-2.0
// ViewKeeping: which trees stay in the store when others are shown, and the rest taken away in small steps.
//
// A rollback shows again what was shown then, and what is in force today renders today's trees alone: so the
// trees of the last commits stay, newest first, as long as they are not too many. What is shown now and what
// was before it stay in any case: `undo` is for the moment after a mistake. So does what somebody's edits
// began with, for they are told from that. An older commit can be gone back to where today's sources still
// give the same; else the rollback is refused, naming the view.
//
// The panel's loop has other work, so a step reads one commit's graph, measures one tree, or removes a few
// names. The panel takes no step while a change is under way, whose trees no commit names yet.
//
// Owns: how far it came.   Thread: the panel's loop.   Fails: as views/tree_collector.h; then it is given up
// until the next flip.   Limits: ViewKeepLimits; kKeepStepNames names a step.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "apply/recover.h"
#include "registry/workspace.h"
#include "views/tree_collector.h"
#include "views/tree_home.h"

namespace rtt::panel {

inline constexpr std::size_t kKeepStepNames = 500;

struct ViewKeepLimits {
  std::size_t commits_max = 100;
  std::size_t files_max = 500'000;  // names, of all trees that are not shown
  // Of the same: files that several trees have count for each, a pack or an image once.
  std::uint64_t bytes_max = std::uint64_t{256} << 20;
};

class ViewKeeping {
 public:
  explicit ViewKeeping(registry::Workspace workspace, ViewKeepLimits limits = {});

  // Anew, for this history and what is shown now.
  void begin(const std::vector<apply::Commit>& history, const std::vector<Digest>& shown);
  using Left = views::TreeCollector::Left;
  Result<Left> step();
  [[nodiscard]] std::vector<std::string> take_saved() { return collector_.take_saved(); }

 private:
  struct Past {
    Digest root;
    std::optional<model::Graph> graph;
  };
  void read_one();
  void measure_one();
  // Of packs and images that hold the tree; they are not counted again.
  std::uint64_t held_bytes(const Digest& root);

  registry::Workspace workspace_;
  ViewKeepLimits limits_;
  std::map<Digest, std::vector<Digest>> roots_;  // of a graph's views, by its root
  struct Size {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
  };
  std::map<Digest, Size> sizes_;  // of trees
  std::deque<Past> past_;         // to read, newest first
  std::deque<Digest> wanted_;     // to measure, newest first
  std::set<Digest> seen_;
  std::vector<views::TreeHome::Holder> holders_;  // packs and images that nobody counted yet
  std::size_t for_sure_ = 0;                      // of wanted_, those of the commit before
  Size total_;
  std::vector<Digest> keep_;
  views::TreeCollector collector_;
};

}  // namespace rtt::panel
