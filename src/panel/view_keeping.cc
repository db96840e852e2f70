// SPDX-License-Identifier: Apache-2.0
#include "panel/view_keeping.h"

#include <algorithm>

#include "os/dir.h"
#include "os/link.h"
#include "panel/ledger.h"
#include "panel/shown_views.h"
#include "panel/view_signatures.h"
#include "panel/view_stage.h"

namespace rtt::panel {

ViewKeeping::ViewKeeping(registry::Workspace workspace, ViewKeepLimits limits)
    : workspace_(std::move(workspace)), limits_(limits), collector_(tree_store(workspace_).folder()) {}

void ViewKeeping::begin(const std::vector<apply::Commit>& history, const std::vector<Digest>& shown) {
  past_.clear();
  wanted_.clear();
  seen_.clear();
  total_ = {};
  for_sure_ = 0;
  keep_ = shown;
  // A record that cannot be read is told by the next flip.
  if (const auto project = views::Project::open(workspace_.root, tree_store(workspace_)))
    std::ranges::copy(project->older_bases(), std::back_inserter(keep_));
  std::ranges::copy(tree_store(workspace_).set_aside_from(), std::back_inserter(keep_));
  seen_.insert(keep_.begin(), keep_.end());
  holders_.clear();
  ViewHomes homes(workspace_, ViewHomes::For::kFind);
  for (const views::TreeHome* home : homes.all())
    std::ranges::move(home->holders(), std::back_inserter(holders_));
  for (const Digest& root : keep_) held_bytes(root);  // they stay whatever they weigh
  for (auto commit = history.rbegin(); commit != history.rend(); ++commit) {
    if (past_.size() == limits_.commits_max) break;
    past_.push_back({.root = commit->root, .graph = commit->graph});
  }
  // The oldest of these began from a graph too, and undo leads there.
  if (past_.size() < limits_.commits_max && !history.empty())
    past_.push_back({.root = history.front().before, .graph = {}});
  collector_ = views::TreeCollector(tree_store(workspace_).folder());
}

void ViewKeeping::read_one() {
  const Past past = std::move(past_.front());
  past_.pop_front();
  auto known = roots_.find(past.root);
  if (known == roots_.end()) {
    std::vector<Digest> roots;
    if (const auto graph = graph_of(workspace_, past.root, past.graph)) {
      for (const model::View& view : graph->views) roots.push_back(view.root);
    }
    known = roots_.emplace(past.root, std::move(roots)).first;
  }
  const bool first = wanted_.empty();
  for (const Digest& root : known->second) {
    if (seen_.insert(root).second) wanted_.push_back(root);
  }
  if (first) for_sure_ = wanted_.size();
}

void ViewKeeping::measure_one() {
  const Digest root = wanted_.front();
  wanted_.pop_front();
  const bool sure = for_sure_ > 0;
  if (sure) --for_sure_;
  auto known = sizes_.find(root);
  if (known == sizes_.end()) {
    Size size;
    const std::string folder = tree_store(workspace_).path_of(root);
    const auto walked = os::walk(folder, {.entries_max = limits_.files_max}, [&](const os::Entry& entry) {
      if (entry.kind != os::EntryKind::kFile) return os::Visit::kContinue;
      ++size.files;
      if (const auto numbers = os::numbers_of(folder + "/" + std::string(entry.path)))
        size.bytes += numbers->bytes;
      return os::Visit::kContinue;
    });
    if (walked && walked->truncated) size.files = limits_.files_max + 1;  // what is not there has no size
    known = sizes_.emplace(root, size).first;
  }
  total_.files += known->second.files;
  total_.bytes += known->second.bytes + held_bytes(root);
  if (!sure && (total_.files > limits_.files_max || total_.bytes > limits_.bytes_max)) {
    wanted_.clear();  // this one and all that are older
    return;
  }
  keep_.push_back(root);
}

std::uint64_t ViewKeeping::held_bytes(const Digest& root) {
  std::uint64_t bytes = 0;
  std::erase_if(holders_, [&](const views::TreeHome::Holder& holder) {
    if (std::ranges::find(holder.roots, root) == holder.roots.end()) return false;
    bytes += holder.bytes;
    return true;
  });
  return bytes;
}

Result<ViewKeeping::Left> ViewKeeping::step() {
  if (!past_.empty()) {
    read_one();
    return Left::kSomething;
  }
  if (!wanted_.empty()) {
    measure_one();
    return Left::kSomething;
  }
  RTT_TRY_SET(const Left left, collector_.step(keep_, kKeepStepNames));
  if (left == Left::kSomething) return left;
  ViewHomes homes(workspace_, ViewHomes::For::kFind);
  for (views::TreeHome* home : homes.all()) {  // the folders went step by step
    if (home != &homes.of(views::Mechanism::kLinks)) RTT_TRY(home->collect(keep_));
  }
  RTT_TRY(keep_signatures(workspace_, keep_));
  return left;
}

}  // namespace rtt::panel
