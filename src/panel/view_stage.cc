// SPDX-License-Identifier: Apache-2.0
#include "panel/view_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/view_file.h"
#include "os/file.h"
#include "os/link.h"
#include "panel/shown_views.h"
#include "panel/view_mount.h"
#include "registry/config_files.h"

namespace rtt::panel {

using registry::Snapshot;
using registry::Workspace;
using views::Mechanism;
using views::NamedTree;

ViewHomes::ViewHomes(const Workspace& workspace, For use)
    : folders_(tree_store(workspace)),
      mount_({.folder = tree_store(workspace).folder(),
              .workspace = workspace.root,
              .start = use == For::kHold ? start_view_mount : decltype(views::MountHome::Options::start)()}),
      images_({.folder = tree_store(workspace).folder(), .workspace = workspace.root}),
      one_file_system_(os::same_device(workspace.root, workspace.dot(""))) {}

views::TreeHome& ViewHomes::of(Mechanism mechanism) {
  if (mechanism == Mechanism::kFuse) return mount_;
  if (mechanism == Mechanism::kErofs) return images_;
  return folders_;
}

std::vector<views::TreeHome*> ViewHomes::all() { return {&folders_, &mount_, &images_}; }

Result<views::Tree> ViewHomes::find(const Digest& root) {
  Result<views::Tree> found =
      fail(Code::kNotFound, "the tree is not kept here", to_string(root), "rtt apply");
  for (views::TreeHome* home : all()) {
    auto here = home->find(root);
    if (here) return here;
    if (here.error().code != Code::kNotFound) found = std::move(here);
  }
  return found;
}

Result<views::Tree> ViewHomes::shown(const views::TreeStore::Member& member) {
  if (member.at.empty()) {
    auto here = folders_.find(member.root);
    if (here || here.error().code != Code::kNotFound) return here;
  }
  return find(member.root);
}

views::Refusals ViewHomes::refusals(std::optional<Mechanism> wish) {
  views::Refusals refusals;
  views::refusal(refusals, Mechanism::kFuse) = mount_.refusal();
  if (wish == Mechanism::kErofs) views::refusal(refusals, Mechanism::kErofs) = images_.refusal();
  if (!one_file_system_)
    views::refusal(refusals, Mechanism::kHardLinks) =
        "the project and its .rtt are on different file systems";
  return refusals;
}

views::Choice foreseen(const Workspace& workspace, const Snapshot& snapshot, std::size_t files) {
  ViewHomes homes(workspace, ViewHomes::For::kFind);
  const auto wish = snapshot.panel.view_mechanism;
  return views::choose(wish, files, homes.refusals(wish));
}

text::Json to_json(const views::Choice& how) {
  return text::Json::object({{"mechanism", to_string(how.mechanism)}, {"why", how.why}});
}

text::Json to_json(const std::vector<ViewNote>& notes) {
  constexpr std::array<std::string_view, 3> kStates{"not_placed", "left", "set_aside"};
  text::Json list = text::JsonArray{};
  for (const ViewNote& note : notes) {
    list.push(text::Json::object({{"provider", note.provider},
                                  {"path", note.path},
                                  {"state", kStates[static_cast<std::size_t>(note.kind)]},
                                  {"why", note.why}}));
  }
  return list;
}

views::Wish placing_of(Mechanism mechanism) {
  if (mechanism == Mechanism::kHardLinks) return views::Wish::kHardLinks;
  return mechanism == Mechanism::kCopies ? views::Wish::kCopies : views::Wish::kLinks;
}

Result<views::Trees> shown_trees(const Workspace& workspace) {
  ViewHomes homes(workspace, ViewHomes::For::kFind);
  views::Trees trees;
  for (const auto& member : tree_store(workspace).shown().set) {
    RTT_TRY_SET(trees[member.provider], homes.find(member.root));
  }
  return trees;
}

bool can_be_read(const views::TreeStore& store, const views::TreeStore::Set& set) {
  return std::ranges::all_of(
      set, [&](const auto& member) { return os::is_directory(store.shown_path(member.provider)); });
}

namespace {

// What panel.yaml asks for.
std::optional<Mechanism> wish_of(const Workspace& workspace) {
  const auto panel = registry::panel_in_force(workspace);
  return panel ? panel->view_mechanism : std::nullopt;
}

}  // namespace

// A pack, for few files are rendered sooner than they are written and read.
void leave_rendered(const Workspace& workspace, const Rendered& rendered) {
  std::vector<NamedTree> named;
  std::size_t files = 0;
  for (const RenderedView& view : rendered.views) {
    named.push_back({.name = view.provider, .tree = &view.tree});
    files += view.tree.files().size();
  }
  if (files <= views::kFilesForFuse) return;
  const views::MountHome home({.folder = tree_store(workspace).folder(), .workspace = workspace.root});
  static_cast<void>(home.keep(named));  // where it cannot be, it is rendered again
}

ViewStage::Ready ViewStage::nothing_ready() const {
  return {
      .views = {}, .trees = {}, .set = {}, .how = {}, .homes = ViewHomes(workspace_, ViewHomes::For::kHold)};
}

// All that can be had; fails with the first that cannot.
Status ViewStage::gather(const std::vector<model::View>& wanted, Ready& ready) const {
  std::vector<const model::View*> missing;
  for (const model::View& view : wanted) {
    auto kept = ready.homes.find(view.root);
    if (!kept && kept.error().code == Code::kTampered) {
      if (auto made = tree_store(workspace_).as_made(view.root)) kept = std::move(made);
    }
    if (kept) {
      ready.views.push_back(view);
      ready.trees[view.provider] = *std::move(kept);
    } else if (kept.error().code == Code::kNotFound || kept.error().code == Code::kTampered) {
      missing.push_back(&view);  // what is damaged is made anew like what is not there
    } else {
      return std::unexpected(std::move(kept).error());
    }
  }
  if (missing.empty()) return {};
  RTT_TRY_SET(const Snapshot snapshot, registry::load_snapshot(workspace_));
  RTT_TRY_SET(Rendered rendered, render_views(workspace_, snapshot));
  Status done;
  for (const model::View* view : missing) {
    const auto at = std::ranges::find_if(rendered.views, [&](const RenderedView& one) {
      return one.provider == view->provider && one.tree.root() == view->root;
    });
    if (at != rendered.views.end()) {
      ready.views.push_back(*view);
      ready.trees[view->provider] = std::move(at->tree);
    } else if (done) {
      done = fail(Code::kStalePlan,
                  fmt::format("what `{}` would be shown is not what was planned: an agent, overlay or view "
                              "file changed since, and {} is not kept here",
                              view->provider, to_string(view->root)),
                  model::view_path(view->provider), "rtt plan");
    }
  }
  std::ranges::sort(ready.views, {}, &model::View::provider);
  return done;
}

// All that may fail is done before the flip: what is left of it is one rename.
Status ViewStage::stage(Ready& ready) {
  const Status held = hold(ready);
  note_aside(ready.homes.take_aside(), ready.set);
  RTT_TRY(held);
  const views::TreeStore store = tree_store(workspace_);
  ready.before = store.shown().set;
  RTT_TRY(os::make_directories(store.folder() + "/sets"));
  RTT_TRY_SET(auto staged, store.stage(ready.set, ready.how));
  ready.staged.emplace(std::move(staged));
  return {};
}

Status ViewStage::hold(Ready& ready) {
  ready.how = {.mechanism = Mechanism::kLinks, .why = "nothing is shown"};
  if (ready.trees.empty()) return {};
  std::vector<NamedTree> named;
  std::size_t files = 0;
  for (const auto& [provider, tree] : ready.trees) {
    named.push_back({.name = provider, .tree = &tree});
    files += tree.files().size();
  }
  wished_ = wish_of(workspace_);
  views::Refusals refusals = ready.homes.refusals(*wished_);
  for (std::size_t tried = 0; tried < model::kMechanisms; ++tried) {
    ready.how = views::choose(*wished_, files, refusals);
    auto at = ready.homes.of(ready.how.mechanism).hold(named);
    if (!at) {  // the next one, or nothing is left
      if (&ready.homes.of(ready.how.mechanism) == &ready.homes.of(Mechanism::kCopies))
        return std::unexpected(std::move(at).error());
      views::refusal(refusals, ready.how.mechanism) = at.error().message;
      continue;
    }
    for (std::size_t i = 0; i < named.size(); ++i)
      ready.set.push_back(
          {.provider = named[i].name, .root = named[i].tree->root(), .at = std::move((*at)[i])});
    return {};
  }
  return fail(Code::kInternal, "no mechanism is left to show views with");
}

Status ViewStage::prepare(const std::vector<model::View>& wanted) {
  ready_.reset();
  Ready ready = nothing_ready();
  RTT_TRY(gather(wanted, ready));
  RTT_TRY(stage(ready));
  ready_.emplace(std::move(ready));
  return {};
}

void ViewStage::note(ViewNote::Kind kind, const std::string& provider,
                     const std::vector<views::Kept>& paths) {
  for (const views::Kept& one : paths)
    notes_.push_back({.kind = kind, .provider = provider, .path = one.path, .why = one.why});
}

void ViewStage::note_aside(const std::vector<views::TreeStore::Aside>& asides,
                           const views::TreeStore::Set& set) {
  for (const views::TreeStore::Aside& aside : asides) {
    const auto at = std::ranges::find(set, aside.root, &views::TreeStore::Member::root);
    const std::string folder = aside.folder.starts_with(workspace_.root + "/")
                                   ? aside.folder.substr(workspace_.root.size() + 1)
                                   : aside.folder;
    for (const auto& edit : aside.edits)
      notes_.push_back({.kind = ViewNote::Kind::kSetAside,
                        .provider = at == set.end() ? std::string() : at->provider,
                        .path = folder + "/" + edit.path,
                        .why = "somebody wrote it into what was shown"});
  }
}

// Trees of real files that are not shown any more: what somebody wrote into one is kept for them, and the
// tree is as it was again for whoever goes back to it.
void ViewStage::set_aside_edited(const Ready& now) {
  const views::TreeStore store = tree_store(workspace_);
  std::vector<views::TreeStore::Aside> asides;
  for (const auto& member : now.before) {
    const bool stays = std::ranges::any_of(
        now.set, [&](const auto& one) { return one.root == member.root && one.at.empty(); });
    if (stays || !member.at.empty()) continue;
    const auto edits = store.edits(member.root);
    if (!edits || std::ranges::all_of(*edits, [](const auto& edit) {
          return edit.kind == views::TreeStore::Edit::Kind::kGone;
        }))
      continue;
    auto aside = store.set_aside(member.root);
    if (!aside) continue;  // a collector keeps it from going (views/tree_collector.h)
    asides.push_back(*std::move(aside));
    if (const auto tree = store.as_made(member.root)) static_cast<void>(store.put(*tree));
  }
  note_aside(asides, now.before);
}

// What follows the rename is the same again at the next start of a panel, so none of it takes it back.
Status ViewStage::flip() {
  Ready ready = *std::exchange(ready_, std::nullopt);
  const views::TreeStore store = tree_store(workspace_);
  RTT_TRY(ready.staged->flip());
  set_aside_edited(ready);  // after it: nobody who asks for what is shown gets to write there now
  RTT_TRY_SET(views::Project project, views::Project::open(workspace_.root, store));
  RTT_TRY_SET(const auto parts, project.refresh(ready.trees, placing_of(ready.how.mechanism)));
  for (const views::Project::Part& part : parts) {
    note(ViewNote::Kind::kNotPlaced, part.provider, part.failed);
    note(ViewNote::Kind::kLeft, part.provider, part.left);
  }
  std::vector<NamedTree> named;
  for (const auto& [provider, tree] : ready.trees) named.push_back({.name = provider, .tree = &tree});
  views::TreeHome* const home = ready.set.empty() ? nullptr : &ready.homes.of(ready.how.mechanism);
  for (views::TreeHome* one : ready.homes.all()) {
    const Status settled = one == home ? one->settle(named) : one->leave();
    static_cast<void>(settled);
  }
  return {};
}

Status ViewStage::show(const std::vector<model::View>& wanted) {
  if (wanted.empty() && !os::exists(tree_store(workspace_).folder())) return {};
  if (!ready_ || ready_->views != wanted) RTT_TRY(prepare(wanted));
  return flip();
}

Result<bool> ViewStage::keep_up(const std::vector<model::View>& wanted, views::Project::Failed failed) {
  notes_.clear();
  if (wanted.empty()) return false;
  const views::TreeStore store = tree_store(workspace_);
  const auto [set, how] = store.shown();
  const bool same = std::ranges::equal(set, wanted, [](const auto& member, const model::View& view) {
    return member.provider == view.provider && member.root == view.root;
  });
  RTT_TRY_SET(const views::Project project, views::Project::open(workspace_.root, store));
  const bool whole = can_be_read(store, set) && !project.misses_something(failed);
  if (same && whole && wished_ && *wished_ == wish_of(workspace_)) return false;
  RTT_TRY(prepare(wanted));
  if (set == ready_->set && how == ready_->how && whole) {
    forget();
    return false;
  }
  RTT_TRY(flip());
  const auto not_placed = std::ranges::find(notes_, ViewNote::Kind::kNotPlaced, &ViewNote::kind);
  if (not_placed == notes_.end()) return true;
  return fail(Code::kIo, "what is shown could not be placed: " + not_placed->why, not_placed->path,
              "rtt view diff");
}

Status ViewStage::show_what_can_be(const std::vector<model::View>& wanted) {
  if (wanted.empty() && !os::exists(tree_store(workspace_).folder())) return {};
  notes_.clear();
  Ready ready = nothing_ready();
  const Status gathered = gather(wanted, ready);
  RTT_TRY(stage(ready));
  ready_.emplace(std::move(ready));
  RTT_TRY(flip());
  return gathered;
}

}  // namespace rtt::panel
