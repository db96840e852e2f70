// SPDX-License-Identifier: Apache-2.0
// ViewStage: what a workspace shows, made ready before a flip and shown by it.
//
// Making ready is everything that takes time or may fail: trees are found where they were kept or rendered
// again, a mechanism is chosen, and the trees are held where it says, and read there. Showing is one rename,
// whatever the mechanism; the project's own links and copies and what nobody is shown any more follow.
//
// A mechanism that turns out not to work falls back as the choice says, and the choice says why.
//
// Owns: what is ready.   Thread: one, blocking.
// Fails: prepare: kStalePlan (a tree that is not kept and would be rendered otherwise today), as the parts.
// Limits: views/tree_store.h, views/tree_home.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/graph.h"
#include "panel/shown_views.h"
#include "registry/snapshot.h"
#include "views/image_home.h"
#include "views/mount_home.h"
#include "views/project.h"

namespace rtt::panel {

// Where trees of a workspace are kept and can be held.
class ViewHomes {
 public:
  // `kFind`: nothing is started to hold them.
  enum class For : std::uint8_t { kFind, kHold };
  ViewHomes(const registry::Workspace& workspace, For use);

  views::TreeHome& of(views::Mechanism mechanism);
  [[nodiscard]] std::vector<views::TreeHome*> all();
  [[nodiscard]] std::vector<views::TreeStore::Aside> take_aside() { return folders_.take_aside(); }
  // kNotFound, or what is wrong with the one that is kept.
  Result<views::Tree> find(const Digest& root);
  // The tree that is shown, as clients find it: where they are led to real files, somebody may have written
  // into those (kTampered), and a pack or an image of the same tree says nothing of it.
  Result<views::Tree> shown(const views::TreeStore::Member& member);
  // Of images only where they are wished: to know is to mount one.
  [[nodiscard]] views::Refusals refusals(std::optional<views::Mechanism> wish);

 private:
  views::FolderHome folders_;
  views::MountHome mount_;
  views::ImageHome images_;
  bool one_file_system_;  // of the project and its store
};

// What would be chosen for trees that are not at hand yet, as far as can be told without trying.
views::Choice foreseen(const registry::Workspace& workspace, const registry::Snapshot& snapshot,
                       std::size_t files);
text::Json to_json(const views::Choice& how);  // {"mechanism":…,"why":…}
// Whether every provider of the set that is shown can read its tree now.
bool can_be_read(const views::TreeStore& store, const views::TreeStore::Set& set);
// The trees of the set that is shown now, from where they are kept.
Result<views::Trees> shown_trees(const registry::Workspace& workspace);
views::Wish placing_of(views::Mechanism mechanism);

// Leaves what was rendered for whoever applies it, where that spares rendering it again; it is held to the
// plan's roots there.
void leave_rendered(const registry::Workspace& workspace, const Rendered& rendered);

// What came otherwise than a flip would have it, to be told by whoever asked for it.
struct ViewNote {
  // kNotPlaced: it could not be put into the project and is tried again by the next apply; kLeft: it was
  // changed in the project and is not shown any more, so it stays there; kSetAside: somebody wrote it into
  // what was shown, and it lies at `path` now.
  enum class Kind : std::uint8_t { kNotPlaced, kLeft, kSetAside } kind = Kind::kNotPlaced;
  std::string provider, path, why;
};
text::Json to_json(const std::vector<ViewNote>& notes);  // [{"provider","path","state","why"}]

class ViewStage {
 public:
  explicit ViewStage(registry::Workspace workspace) : workspace_(std::move(workspace)) {}

  Status prepare(const std::vector<model::View>& views);
  // These and nothing else of ours. What was not prepared is so first.
  Status show(const std::vector<model::View>& views);
  // These are shown already: again, where panel.yaml or the machine would have them shown otherwise by now,
  // or something of them was lost. Whether anything had to be done. `failed`: whether what could not be
  // placed is tried again.
  Result<bool> keep_up(const std::vector<model::View>& views, views::Project::Failed failed);
  void forget() { ready_.reset(); }  // what was prepared and is not shown
  void begin() { notes_.clear(); }   // another change
  [[nodiscard]] const std::vector<ViewNote>& notes() const { return notes_; }  // of the last showing
  // Those whose trees can be had; fails with the first that cannot, having shown the others.
  Status show_what_can_be(const std::vector<model::View>& views);

 private:
  struct Ready {
    std::vector<model::View> views;
    views::Trees trees;
    views::TreeStore::Set set;
    views::Choice how;
    ViewHomes homes;
    std::optional<views::TreeStore::Staged> staged{};
    views::TreeStore::Set before{};  // what was shown when it was staged
  };
  [[nodiscard]] Ready nothing_ready() const;
  Status gather(const std::vector<model::View>& views, Ready& ready) const;
  Status stage(Ready& ready);
  Status hold(Ready& ready);
  Status flip();
  void set_aside_edited(const Ready& now);
  void note_aside(const std::vector<views::TreeStore::Aside>& asides, const views::TreeStore::Set& set);
  void note(ViewNote::Kind kind, const std::string& provider, const std::vector<views::Kept>& paths);

  registry::Workspace workspace_;
  std::optional<Ready> ready_;
  std::vector<ViewNote> notes_;
  std::optional<std::optional<views::Mechanism>> wished_;  // by panel.yaml, when something was held last
};

}  // namespace rtt::panel
