// SPDX-License-Identifier: Apache-2.0
// Whatever is shown, however, and whatever somebody does in the project meanwhile: what is not ours is never
// touched, what is shown is there or told as kept, nothing else is, and in the end the project is theirs
// again.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "model/random_for_test.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/link.h"
#include "os/temp_dir.h"
#include "views/project.h"
#include "views/tree_home.h"

namespace rtt::views {
namespace {

namespace fs = std::filesystem;
using model::TestRandom;

const std::vector<std::string> kShown{
    ".claude/agents/a.md",       ".claude/agents/b.md",          ".claude/skills/s/SKILL.md",
    ".claude/skills/s/run.sh",   ".claude/skills/t/SKILL.md",    "CLAUDE.md",
    ".agents/skills/s/SKILL.md", ".agents/skills/t/deep/er.txt", "AGENTS.md",
    ".codex/agents/a.toml",      ".codex/config.toml",           ".codex/config.toml.d/x",
};
const std::vector<std::string> kTheirs{".claude/agents/mine.md", ".claude/settings.json",
                                       ".claude/skills/s/mine",  ".agents/skills/u/SKILL.md",
                                       ".codex/agents",          "notes"};

class Law {
 public:
  explicit Law(std::uint64_t seed) : random_(seed) { EXPECT_TRUE(os::make_directories(store_.folder())); }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      for (std::size_t deeds = random_.below(4); deeds > 0; --deeds) somebody_does_something();
      show(static_cast<Wish>(random_.below(3)), random_.below(8) == 0 ? Trees{} : random_trees());
    }
    show(Wish::kLinks, {});
    EXPECT_EQ(files_there(), theirs_);
    const std::set<std::string> left = folders_there();
    for (const std::string& folder : their_folders_)
      EXPECT_TRUE(left.contains(folder)) << folder << " is gone";
    for (const std::string& folder : left) EXPECT_TRUE(entered_.contains(folder)) << folder << " stayed";
  }

 private:
  using Files = std::map<std::string, std::string>;  // a link: "-> target"

  template <typename Value>
  const Value& one_of(const std::vector<Value>& all) {
    return all[random_.below(all.size())];
  }
  [[nodiscard]] std::string full(const std::string& path) const { return root_ + "/" + path; }

  Trees random_trees() {
    Trees trees;
    for (const std::string provider : {"claude", "codex", "gemini"}) {
      if (random_.below(3) == 0) continue;
      std::vector<TreeFile> files;
      for (const std::string& path : kShown) {
        if (random_.below(3) == 0) continue;
        files.push_back({.path = path,
                         .bytes = "shown " + std::to_string(random_.below(3)),
                         .executable = path.ends_with(".sh")});
      }
      trees[provider] = Tree::of(std::move(files)).value();
    }
    return trees;
  }

  void show(Wish wish, const Trees& trees) {
    std::vector<NamedTree> named;
    TreeStore::Set set;
    for (const auto& [provider, tree] : trees) {
      named.push_back({provider, &tree});
      set.push_back({.provider = provider, .root = tree.root()});
    }
    ASSERT_TRUE(FolderHome(store_).hold(named));
    ASSERT_TRUE(os::make_directories(store_.folder() + "/sets"));
    ASSERT_TRUE(store_.show(set));
    auto project = Project::open(root_, store_);
    ASSERT_TRUE(project);
    const auto shown = project->refresh(trees, wish);
    ASSERT_TRUE(shown) << shown.error().message;
    Files ours = files_there();
    for (const auto& [path, bytes] : theirs_) {
      EXPECT_EQ(ours.contains(path) ? ours[path] : "(gone)", bytes) << path;
      ours.erase(path);
    }
    for (const Project::Part& part : *shown) {
      EXPECT_TRUE(part.failed.empty());
      for (const Kept& left : part.left)
        EXPECT_TRUE(theirs_.contains(left.path) || their_folders_.contains(left.path)) << left.path;
      if (trees.contains(part.provider)) check_part(part, trees.at(part.provider), wish, ours);
    }
    for (const auto& [path, bytes] : ours) ADD_FAILURE() << path << " is nobody's: " << bytes;
    for (const Drift& drift : project->drift())
      EXPECT_TRUE(theirs_.contains(drift.path) || their_folders_.contains(drift.path))
          << drift.path << " " << to_string(drift.kind);
    EXPECT_EQ(Project::open(root_, store_)->placed(), project->placed());
  }

  // `ours`: what was not accounted for yet.
  void check_part(const Project::Part& part, const Tree& tree, Wish wish, Files& ours) {
    for (const TreeFile& file : tree.files()) {
      const bool kept = std::ranges::any_of(part.placement.kept, [&](const Kept& one) {
        return file.path == one.path || file.path.starts_with(one.path + "/");
      });
      if (kept) continue;
      EXPECT_EQ(os::read_file(full(file.path), 1 << 20).value_or("(none)"), file.bytes) << file.path;
      EXPECT_EQ((fs::status(full(file.path)).permissions() & fs::perms::owner_exec) != fs::perms::none,
                file.executable);
    }
    for (const Place& place : part.placement.places) {
      EXPECT_TRUE(place.form == Form::kCopy || (place.form == Form::kLink && wish == Wish::kLinks) ||
                  (place.form == Form::kHardLink && wish == Wish::kHardLinks))
          << place.path;
      EXPECT_EQ(os::is_symlink(full(place.path)), place.form == Form::kLink) << place.path;
      EXPECT_FALSE(place.path.ends_with("SKILL.md") && place.form == Form::kLink);
      const std::string kept = store_.shown_path(part.provider) + "/" + place.path;
      EXPECT_EQ(os::same_file(full(place.path), kept), place.form == Form::kHardLink) << place.path;
      ours.erase(place.path);
    }
  }

  [[nodiscard]] bool behind_a_link(const std::string& path) const {
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      if (os::is_symlink(full(path.substr(0, at))) ||
          (os::exists(full(path.substr(0, at))) && !os::is_directory(full(path.substr(0, at)))))
        return true;
    }
    return false;
  }

  void somebody_does_something() {
    const std::string path = random_.below(2) == 0 ? one_of(kShown) : one_of(kTheirs);
    if (behind_a_link(path)) return;
    const bool there = os::exists(full(path)),
               folder = os::is_directory(full(path)) && !os::is_symlink(full(path));
    switch (random_.below(6)) {
      case 0:  // in place, as some editors write
        if (!there || folder || os::is_symlink(full(path))) return;
        edit_in_place(path);
        return;
      case 1:
        if (!there || folder) return;
        ASSERT_TRUE(os::remove_file(full(path)));
        theirs_.erase(path);
        return;
      case 2:
        if (!there) make_folders(path + "/x");
        return;
      case 3:
        if (there) return;
        make_folders(path);
        ASSERT_TRUE(os::put_symlink(full(path), "somewhere"));
        theirs_[path] = "-> somewhere";
        return;
      default:
        if (folder) return;
        make_folders(path);
        (void)os::remove_file(full(path));
        theirs_[path] = "theirs " + std::to_string(++count_);
        ASSERT_TRUE(os::write_atomic(full(path), theirs_[path], {.durable = os::Durable::kNo}));
    }
  }

  void edit_in_place(const std::string& path) {
    const std::string bytes = "theirs " + std::to_string(++count_);
    std::vector<std::string> same;
    for (const auto& [other, old] : files_there()) {
      if (os::same_file(full(path), full(other))) same.push_back(other);
    }
    fs::permissions(full(path), fs::perms::owner_write, fs::perm_options::add);
    std::ofstream(full(path)) << bytes;
    for (const std::string& other : same) {
      theirs_[other] = bytes;
      make_folders(other);
    }
  }

  void make_folders(const std::string& path) {
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      entered_.insert(path.substr(0, at));
      if (os::exists(full(path.substr(0, at)))) continue;
      ASSERT_TRUE(os::make_directories(full(path.substr(0, at))));
      their_folders_.insert(path.substr(0, at));
    }
  }

  [[nodiscard]] Files files_there() const {
    Files files;
    (void)os::walk(root_, {}, [&](const os::Entry& entry) {
      const std::string path(entry.path);
      if (path == ".rtt") return os::Visit::kSkip;
      if (entry.kind == os::EntryKind::kSymlink) files[path] = "-> " + *os::read_symlink(full(path));
      if (entry.kind == os::EntryKind::kFile)
        files[path] = os::read_file(full(path), 1 << 20).value_or("(unreadable)");
      return os::Visit::kContinue;
    });
    return files;
  }
  [[nodiscard]] std::set<std::string> folders_there() const {
    std::set<std::string> folders;
    (void)os::walk(root_, {}, [&](const os::Entry& entry) {
      if (entry.path == ".rtt") return os::Visit::kSkip;
      if (entry.kind == os::EntryKind::kDirectory) folders.emplace(entry.path);
      return os::Visit::kContinue;
    });
    return folders;
  }

  TestRandom random_;
  // In memory where that can be: what is synced here would be waited for a hundred times.
  os::TempDir scratch_ =
      os::is_directory("/dev/shm") ? os::TempDir::create("/dev/shm").value() : os::TempDir::create().value();
  std::string root_ = os::real_path(scratch_.path()).value() + "/project";
  TreeStore store_{root_ + "/.rtt/registry/views"};
  Files theirs_;
  std::set<std::string> their_folders_, entered_;  // made by them; that they ever put something into
  int count_ = 0;
};

TEST(ProjectLaw, what_is_not_ours_is_never_touched_and_nothing_of_ours_stays) {
  for (std::uint64_t seed = 1; seed <= 60 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Law(seed).run(8);
  }
}

}  // namespace
}  // namespace rtt::views
