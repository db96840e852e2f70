// SPDX-License-Identifier: Apache-2.0
// Sweeps: what was changed behind the panel's back is found and mended without anybody asking.
//
// Lanes that are up need none: their ends are connections, and whoever loses one tells the panel at once. A
// route whose lane could not be brought up while both ends were there is tried again. What has no connection
// is looked at: the links and folders through which views are shown, and the lock that makes this
// panel the only writer of the journal. Of the mount of views one end is a connection, too (mount_watch.h). A
// sweep takes no turn while a change is under way, for that brings all of it up to date anyway, and it may
// use a hundredth of a core: after one that took long the next waits.
#include <algorithm>
#include <utility>

#include "api/error_json.h"
#include "apply/records.h"
#include "os/clock.h"
#include "os/file.h"
#include "panel/shown_views.h"
#include "panel/state.h"
#include "panel/view_signatures.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr Nanos kCollectStepEvery = nanos_from_ms(5);
constexpr std::int64_t kSweepShare = 100;  // the time to the next sweep, in this one's

Json views_failed(const Error& why) {
  return apply::to_json(apply::AuditRecord{
      "views_failed", "panel", Json::object({{"error", api::error_json(why)}, {"reason", why.message}})});
}

}  // namespace

// A flip that a crash cut short, or a store that lost something: the committed graph says what is shown.
Status Panel::State::show_committed_views() {
  std::vector<model::View> there = graph.views;  // one that is refused takes no other with it
  // What is shown already stays; nobody vouches for showing it anew.
  const views::TreeStore::Set shown_now = tree_store(workspace).shown().set;
  Status done;
  for (RefusedView& one : refused_views(workspace, there)) {
    const bool stays = std::ranges::any_of(shown_now, [&](const auto& member) {
      return member.provider == one.view.provider && member.root == one.view.root;
    });
    if (!stays) std::erase(there, one.view);
    if (done) done = std::unexpected(std::move(one.why));
  }
  if (Status shown = view_stage.show_what_can_be(there); done && !shown) done = std::move(shown);
  watch_mount();
  if (!view_stage.notes().empty()) {
    audit(apply::to_json(apply::AuditRecord{
        "views_mended", "panel",
        Json::object({{"notes", to_json(view_stage.notes())},
                      {"reason", "what is shown was not as it was left when the panel started"}})}));
  }
  if (done) return {};
  RTT_TRY_SET(const Seq seq, append(journal::RecordType::kAudit, views_failed(done.error())));
  static_cast<void>(seq);
  return {};
}

// Nothing is committed by it, so what goes wrong is told the journal, once, and undoes nothing. Whether
// something had to be mended.
bool Panel::State::keep_views_up(views::Project::Failed failed) {
  Status done = must_be_signed(workspace, graph.views);
  bool mended = false;
  if (done) {
    auto kept = view_stage.keep_up(graph.views, failed);
    mended = kept && *kept;
    if (!kept) done = std::unexpected(std::move(kept).error());
  }
  const std::string trouble = done ? std::string() : done.error().message;
  if (std::exchange(views_trouble, trouble) != trouble && !done) audit(views_failed(done.error()));
  return mended;
}

void Panel::State::collect_views() {
  const views::TreeStore trees = tree_store(workspace);
  if (!os::exists(trees.folder())) return;
  std::vector<Digest> shown;
  for (const model::View& view : graph.views) shown.push_back(view.root);
  for (const auto& member : trees.shown().set) shown.push_back(member.root);
  view_keeping.begin(fold.state().history, shown);
  if (collect_timer == 0) collect_views_on();
}

void Panel::State::collect_views_on() {
  collect_timer = loop.after(kCollectStepEvery, [this] {
    collect_timer = 0;
    if (!changes.empty()) return collect_views_on();  // its trees are in no commit yet
    const auto left = view_keeping.step();
    if (const auto saved = view_keeping.take_saved(); !saved.empty()) {
      audit(apply::to_json(apply::AuditRecord{
          "views_saved", "panel",
          Json::object({{"first", saved.front()},
                        {"files", static_cast<std::int64_t>(saved.size())},
                        {"reason", "somebody wrote into a tree that nobody is shown any more"}})}));
    }
    if (!left) {
      audit(views_failed(left.error()));
    } else if (*left == ViewKeeping::Left::kSomething) {
      collect_views_on();
    }
  });
}

void Panel::State::sweep_in(Nanos wait) {
  sweep_timer = loop.after(wait, [this] {
    sweep_timer = 0;
    const Instant began = os::now();
    if (!sweep()) return;
    sweep_in(std::max(options.sweep_every, Nanos{(os::now() - began).value * kSweepShare}));
  });
}

void Panel::State::sweep_now() {
  if (sweep_timer == 0) return;  // a sweep is under way, or there are none any more
  loop.cancel(sweep_timer);
  sweep_in({});
}

void Panel::State::watch_mount() {
  if (tree_store(workspace).shown().how.mechanism == views::Mechanism::kFuse) mount_watch.look();
}

// Whether there may be another one.
bool Panel::State::sweep() {
  if (!changes.empty()) return true;
  if (const Status held = journal->held(); !held) {
    notices.push_back(held.error().message);
    loop.stop();
    return false;
  }
  if (keep_views_up(views::Project::Failed::kPassOver)) {
    audit(apply::to_json(apply::AuditRecord{
        "views_mended", "panel",
        Json::object({{"notes", to_json(view_stage.notes())},
                      {"reason", "what is shown was changed from outside; it is as it was again"}})}));
  }
  watch_mount();
  wiring.try_again();
  return true;
}

}  // namespace rtt::panel
