// SPDX-License-Identifier: Apache-2.0
// Project: the views of a workspace as its clients find them: links into the store, hard links of its files
// and copies, at the paths where each provider looks.
//
// What was placed is remembered in one file beside the store, so that it can be taken away again, so that
// what somebody changed is told from what is ours, and so that git is told to look past it. A link is ours
// while it leads where we made it lead; a file is ours while its bytes are those we wrote; a folder is ours
// if we made it, and goes when nothing is left in it. Nothing is touched otherwise.
//
// A hard link is the store's own file: what is written into it in place is in the store, and in every other
// place of that file, too. All of them are told as changed, and the store finds by its hash that the tree is
// not what it was and makes it anew (tree_home.h).
//
// What somebody changed stays as it is while other trees are shown, and is told from the tree that it was
// placed from, whose root is remembered with it: against a later one, what the workspace changed since would
// look like their change back.
//
// A path that two providers look at (`.agents/skills/x`) is placed once; both have it.
//
// What cannot be put stays on record as a place of ours, with why, so that it is told as drift (gone, or old
// where the former file is still there) and tried again. What somebody changed and nobody is shown any more
// stays where it is, is theirs from then on, and is told once.
//
// A panel and a command may change it at the same time: each change reads the record anew and writes it under
// a lock of its own, and asks nobody meanwhile.
//
// Owns: nothing between two calls.   Thread: one.   Fails: as os/file.h, os/link.h; kBadShape, kTampered (the
// record). Limits: kPlacesMax places, kRecordBytesMax.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "os/file.h"
#include "views/git_checkout.h"
#include "views/placement.h"
#include "views/tree_store.h"

namespace rtt::views {

inline constexpr std::size_t kPlacesMax = 100'000;
inline constexpr std::size_t kRecordBytesMax = std::size_t{64} << 20;

using Trees = std::map<std::string, Tree>;  // by provider

struct Drift {
  std::string provider, path;
  // kOld: what was there before could not be replaced.
  enum class Kind : std::uint8_t { kChanged, kGone, kReplaced, kOld } kind = Kind::kChanged;
  std::string why{};  // it could not be put
  friend bool operator==(const Drift&, const Drift&) = default;
};
std::string_view to_string(Drift::Kind kind);  // changed gone replaced old

class Project {
 public:
  // `root`: where providers look; `store`: below it or elsewhere, absolute.
  static Result<Project> open(std::string root, TreeStore store);

  // Makes the project show these trees, which are the store's present set (TreeStore::show came before): what
  // is new is placed, what is no longer shown is taken away, what is in the way is kept and told. Links that
  // stay are put again, which wakes who watches their folder.
  struct Part {  // what one provider has in the project
    std::string provider;
    Placement placement;
    std::vector<Drift> drift;
    std::vector<Kept> failed{};  // that could not be put
    std::vector<Kept> left{};    // that were changed and are not to be there any more
  };
  Result<std::vector<Part>> refresh(const Trees& trees, Wish wish);
  Result<std::vector<Part>> look(const Trees& trees, Wish wish);  // what refresh would do, and does nothing
  // Puts real files of these trees in the place of links, and lets go of the project: refresh() touches
  // nothing until take_up(), by which files that are still as they were left here are ours again. What is no
  // longer shown meanwhile is the user's for good.
  Result<std::vector<Part>> eject(const Trees& trees);
  Status take_up();
  [[nodiscard]] bool ejected() const { return ejected_; }
  // Has git look past what is placed, as refresh does; where that cannot be, why.
  Status exclude();

  // These bytes at this path are ours from now on, so the next refresh puts there what is shown: whatever
  // somebody wrote there is kept elsewhere.
  struct Taken {
    std::string provider, path;
    Digest content{};
  };
  Status adopt(const std::vector<Taken>& taken);

  [[nodiscard]] std::vector<Drift> drift() const;
  // Whether a place lacks its name, which refresh would put there again; reads no file. What could not be put
  // the last time may be tried again.
  enum class Failed : std::uint8_t { kPassOver, kCount };
  [[nodiscard]] bool misses_something(Failed failed) const;
  using Placed = std::map<std::string, std::vector<Place>>;  // by provider, sorted by path
  [[nodiscard]] const Placed& placed() const { return placed_; }
  // The root of the tree that what lies at this path was placed from; nothing: it is in no place of ours.
  [[nodiscard]] std::optional<Digest> base_of(const std::string& provider, const std::string& path) const;
  // Of all places that were made from another tree than the one shown now.
  [[nodiscard]] std::vector<Digest> older_bases() const;

 private:
  Project(std::string root, TreeStore store) : root_(std::move(root)), store_(std::move(store)) {}
  Status recall();
  // While it is held nobody else changes what is placed; what others changed before is read.
  [[nodiscard]] Result<os::FileLock> turn();
  Result<std::vector<Part>> refresh_now(const Trees& trees, Wish wish);

  enum class State : std::uint8_t { kOurs, kNothing, kFolder, kOther };
  [[nodiscard]] std::string target_of(const std::string& provider, const std::string& path) const;
  [[nodiscard]] State state_of(const std::string& provider, const Place& place) const;
  [[nodiscard]] Found found(const std::string& path) const;
  [[nodiscard]] bool way_is_clear(const std::string& path) const;
  [[nodiscard]] bool below_a_link(const std::string& path) const;
  [[nodiscard]] std::vector<Part> placements(const Trees& trees, Wish wish) const;
  static void share(std::vector<Part>& all, const Trees& trees);
  [[nodiscard]] bool is_ours(const std::string& path) const;
  [[nodiscard]] bool holds_only_ours(const std::string& folder) const;
  [[nodiscard]] Placed to_place(const std::vector<Part>& parts) const;
  // As it is there still, while other trees are shown.
  [[nodiscard]] Place left_as_it_is(const std::string& provider, Place place) const;
  void count_folders(const Placed& next);
  // What is not in `next`, or in another form there. What was changed is told to its provider, who may have
  // no part yet.
  Status take_away_all(const Placed& before, const Placed& next, std::vector<Part>& parts);
  Status take_away(const std::string& provider, const Place& place);
  // What cannot be put is told as failed, and in `next` says why.
  void put_all(std::vector<Part>& parts, const Trees& trees, const Placed& before, Placed& next);
  // What it became: a file that cannot be linked is copied.
  Result<Form> put(const std::string& provider, const Place& place, const Tree& tree, const Placed& before);
  [[nodiscard]] std::optional<Digest> present(const Place& place) const;
  // `next`, each file that is there already with its present bytes too.
  [[nodiscard]] Placed with_present(Placed next) const;
  // Whether what lay at `path`, and lies at `file` now, is what was to be replaced there.
  [[nodiscard]] bool may_go(const std::string& path, const std::string& file, const Placed& before) const;
  Status remember();
  Status ask_git();  // once, and only where something is to be placed

  std::string root_;
  TreeStore store_;
  std::optional<GitCheckout> git_;
  bool asked_git_ = false, ejected_ = false;
  Placed placed_;
  std::map<std::string, Digest> roots_;  // of the trees that were placed last, by provider
  std::set<std::string> folders_;        // that we made
};

}  // namespace rtt::views
