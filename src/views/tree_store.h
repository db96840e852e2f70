// SPDX-License-Identifier: Apache-2.0
// TreeStore: trees as folders of real files, by root, and one link that says which of them are shown.
//
//     blobs/<hh>/<62 hex>[x]      each content once, whatever number of trees, files and generations has it
//     lists/<root>                which files that tree has (tree_list.h), whatever is in its folder by now
//     trees/<root>/…              one tree; its files are hard links to blobs (copies where there are none)
//     sets/<hash>/<provider>      link to where that tree is read: ../../trees/<root>, or a mount's folder
//     sets/<hash>/.set            which roots these are, and how they are shown; <hash> is of its bytes
//     edited/                     trees somebody wrote into, or what of them was written, kept for them
//     now                         link to sets/<hash>; swapped at a flip, so one rename shows all of it
//
// A tree is made beside and renamed into place, so one that is there is whole; one that a power failure left
// otherwise, or somebody wrote into, is found by its root (read) and made again. Files are read-only: 0444,
// scripts and folders 0555. Who holds a file or folder of an old tree keeps it until a collector
// (tree_collector.h) removes that tree, and an open file beyond that.
//
// Owns: the folder.   Thread: one at a time.
// Fails: as os/file.h; read: kTampered naming the file, kNotFound; stage, show: kNotFound for a root that is
// not there. Limits: those of Tree; kSetMax providers in a set.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "views/mechanism.h"
#include "views/tree.h"
#include "views/tree_list.h"

namespace rtt::views {

inline constexpr std::size_t kSetMax = 1024;
inline constexpr std::size_t kAsideDigits = 16;  // of its tree's root, at the start of the name in edited/

class TreeStore {
 public:
  explicit TreeStore(std::string folder) : folder_(std::move(folder)) {}
  [[nodiscard]] const std::string& folder() const { return folder_; }

  Status put(const Tree& tree) const;  // one that is there already stays
  [[nodiscard]] bool has(const Digest& root) const;
  [[nodiscard]] Result<Tree> read(const Digest& root) const;
  // What somebody did to a tree's files, by path. kNotFound where it is not here, or what it was is not
  // known.
  struct Edit {
    std::string path;
    enum class Kind : std::uint8_t { kChanged, kAdded, kGone } kind = Kind::kChanged;
    friend bool operator==(const Edit&, const Edit&) = default;
  };
  [[nodiscard]] Result<std::vector<Edit>> edits(const Digest& root) const;
  [[nodiscard]] Result<TreeList> list(const Digest& root) const;  // kNotFound, kTampered
  // The tree as it was made, whatever was written into its folder: of its list, and what is left of its
  // contents. kNotFound, kTampered.
  [[nodiscard]] Result<Tree> as_made(const Digest& root) const;
  // The one that is kept here whose digits begin so.
  [[nodiscard]] std::optional<Digest> kept_beginning(std::string_view digits) const;
  // Roots of kept trees that somebody's edits were set aside from: what an edit began with.
  [[nodiscard]] std::vector<Digest> set_aside_from() const;
  // To edited/, where nothing of ours looks or removes.
  struct Aside {
    Digest root{};
    std::string folder;       // where it lies now, absolute
    std::vector<Edit> edits;  // without what is gone; none where it is not known
  };
  Result<Aside> set_aside(const Digest& root) const;
  [[nodiscard]] std::string path_of(const Digest& root) const;

  // What one commit shows to one provider; `at`: where a link in the set's folder leads, empty: to our own
  // tree.
  struct Member {
    std::string provider;
    Digest root{};
    std::string at{};
    friend bool operator==(const Member&, const Member&) = default;
  };
  using Set = std::vector<Member>;  // sorted, each provider once
  // A set that is made and not in force yet. The link that is not shown, this one or after the flip the one
  // before, goes with it.
  class Staged {
   public:
    Staged(Staged&& other) noexcept : now_(std::move(other.now_)), link_(std::exchange(other.link_, {})) {}
    Staged& operator=(Staged&&) = delete;
    Staged(const Staged&) = delete;
    Staged& operator=(const Staged&) = delete;
    ~Staged();
    // One rename, at most once. kNotRegular: something else lies where `now` is.
    Status flip();

   private:
    friend class TreeStore;
    Staged(std::string now, std::string link) : now_(std::move(now)), link_(std::move(link)) {}
    std::string now_, link_;
  };
  // `how`: kept with the set.
  [[nodiscard]] Result<Staged> stage(const Set& set, const Choice& how = {}) const;
  Status show(const Set& set, const Choice& how = {}) const;  // staged and flipped
  struct Shown {
    Set set;
    Choice how;
  };
  [[nodiscard]] Shown shown() const;  // nothing where somebody changed what is remembered of it
  [[nodiscard]] std::string shown_path(const std::string& provider) const;  // stays the same through flips

 private:
  std::string folder_;

  [[nodiscard]] Result<std::string> put_blob(const TreeFile& file, const Digest& digest) const;
  Status put_list(const Tree& tree) const;
  [[nodiscard]] Status fill(const std::string& folder, const Tree& tree) const;
};

}  // namespace rtt::views
