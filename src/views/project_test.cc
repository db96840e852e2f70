// SPDX-License-Identifier: Apache-2.0
#include "views/project.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "crypto/sha256.h"
#include "os/file.h"
#include "os/file_limit.h"
#include "os/link.h"
#include "os/output_of.h"
#include "os/process.h"
#include "os/temp_dir.h"
#include "views/tree_home.h"

namespace rtt::views {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Tree claude(const std::string& words) {
  return Tree::of({{.path = ".claude/agents/a.md", .bytes = "a " + words},
                   {.path = ".claude/agents/b.md", .bytes = "b"},
                   {.path = ".claude/skills/s/SKILL.md", .bytes = "s"},
                   {.path = ".claude/skills/s/run.sh", .bytes = "#!/bin/sh\n", .executable = true},
                   {.path = "CLAUDE.md", .bytes = "rules " + words}})
      .value();
}

class ProjectTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(os::make_directories(root_)); }

  bool git(std::vector<std::string> words) {
    std::vector<std::string> argv{
        "git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"};
    argv.insert(argv.end(), words.begin(), words.end());
    const auto said =
        os::output_of({.argv = argv, .env = os::own_environment(), .directory = root_, .pass_fds = {}},
                      {.bytes_max = 1 << 20, .time_max = nanos_from_ms(600'000)});
    said_ = said && *said ? **said : std::string();
    return said && said->has_value();
  }
  void write(const std::string& path, const std::string& text) {
    const std::string full = root_ + "/" + path;
    ASSERT_TRUE(os::make_directories(full.substr(0, full.rfind('/'))));
    ASSERT_TRUE(os::write_atomic(full, text));
  }
  [[nodiscard]] std::string text(const std::string& path) const {
    return os::read_file(root_ + "/" + path, 1 << 20).value_or("(none)");
  }
  std::vector<Project::Part> show(TreeStore::Set set, Wish wish = Wish::kLinks) {
    EXPECT_TRUE(store_.show(set));
    auto project = Project::open(root_, store_);
    EXPECT_TRUE(project) << project.error().message;
    Trees trees;
    for (const auto& member : set) trees[member.provider] = store_.read(member.root).value();
    auto shown = project->refresh(trees, wish);
    EXPECT_TRUE(shown) << shown.error().message;
    return shown ? *shown : std::vector<Project::Part>{};
  }
  Digest put(const Tree& tree) {
    EXPECT_TRUE(store_.put(tree));
    return tree.root();
  }
  [[nodiscard]] std::vector<Drift> drift() const { return Project::open(root_, store_)->drift(); }
  [[nodiscard]] bool link(const std::string& path) const { return os::is_symlink(root_ + "/" + path); }

  os::TempDir scratch_ = os::TempDir::create().value();
  std::string root_ = os::real_path(scratch_.path()).value() + "/project";
  TreeStore store_{root_ + "/.rtt/registry/views"};
  std::string said_;
};

TEST_F(ProjectTest, folders_of_items_are_links_and_files_are_copies) {
  const auto shown = show({{"claude", put(claude("1"))}});
  ASSERT_EQ(shown.size(), 1U);
  EXPECT_THAT(shown[0].placement.kept, IsEmpty());
  EXPECT_TRUE(link(".claude/agents"));
  EXPECT_TRUE(link(".claude/skills"));
  EXPECT_FALSE(link(".claude"));
  EXPECT_FALSE(link("CLAUDE.md"));
  EXPECT_FALSE(link(".claude/skills/s/SKILL.md"));
  EXPECT_EQ(text(".claude/agents/a.md"), "a 1");
  EXPECT_EQ(text("CLAUDE.md"), "rules 1");
  EXPECT_TRUE(os::is_executable(root_ + "/.claude/skills/s/run.sh"));
  EXPECT_THAT(drift(), IsEmpty());

  show({{"claude", put(claude("2"))}});
  EXPECT_EQ(text(".claude/agents/a.md"), "a 2");
  EXPECT_EQ(text("CLAUDE.md"), "rules 2");

  show({});
  EXPECT_FALSE(os::exists(root_ + "/.claude"));
  EXPECT_FALSE(os::exists(root_ + "/CLAUDE.md"));
}

TEST_F(ProjectTest, what_somebody_has_there_stays_and_is_told) {
  write(".claude/agents/mine.md", "mine");
  write(".claude/agents/b.md", "my own b");
  write("CLAUDE.md", "my own rules");
  const auto shown = show({{"claude", put(claude("1"))}});
  EXPECT_THAT(shown[0].placement.kept,
              ElementsAre(Kept{".claude/agents/b.md", "a file of that name is there already"},
                          Kept{"CLAUDE.md", "a file of that name is there already"}));
  EXPECT_FALSE(link(".claude/agents"));
  EXPECT_FALSE(link(".claude/agents/a.md"));  // clients do not take such a link
  EXPECT_EQ(text(".claude/agents/a.md"), "a 1");
  EXPECT_EQ(text(".claude/agents/b.md"), "my own b");
  show({{"claude", put(claude("2"))}});
  EXPECT_EQ(text(".claude/agents/a.md"), "a 2");
  EXPECT_EQ(text(".claude/agents/b.md"), "my own b");
  show({});
  EXPECT_EQ(text(".claude/agents/mine.md"), "mine");
  EXPECT_EQ(text(".claude/agents/b.md"), "my own b");
  EXPECT_EQ(text("CLAUDE.md"), "my own rules");
  EXPECT_FALSE(os::exists(root_ + "/.claude/agents/a.md"));
}

TEST_F(ProjectTest, beside_what_is_there_folders_are_links_and_files_are_copies) {
  write(".claude/agents/mine.md", "mine");
  write(".claude/skills/mine/SKILL.md", "mine");
  show({{"claude", put(claude("1"))}});
  EXPECT_FALSE(link(".claude/agents/a.md"));
  EXPECT_EQ(text(".claude/agents/a.md"), "a 1");
  EXPECT_TRUE(link(".claude/skills/s"));
  EXPECT_FALSE(link(".claude/skills/s/SKILL.md"));
  EXPECT_EQ(text(".claude/skills/s/SKILL.md"), "s");
  EXPECT_THAT(drift(), IsEmpty());
}

TEST_F(ProjectTest, a_changed_copy_is_drift_until_it_is_as_it_was) {
  show({{"claude", put(claude("1"))}});
  write("CLAUDE.md", "edited in the client");
  const std::vector<Drift> changed{{"claude", "CLAUDE.md", Drift::Kind::kChanged}};
  EXPECT_EQ(drift(), changed);
  const auto shown = show({{"claude", put(claude("2"))}});
  EXPECT_EQ(shown[0].drift, changed);
  EXPECT_EQ(text("CLAUDE.md"), "edited in the client");
  EXPECT_EQ(drift(), changed);
  write("CLAUDE.md", "rules 1");
  EXPECT_THAT(drift(), IsEmpty());
  show({{"claude", put(claude("2"))}});
  EXPECT_EQ(text("CLAUDE.md"), "rules 2");

  ASSERT_TRUE(os::remove_file(root_ + "/.claude/agents"));
  EXPECT_EQ(drift(), (std::vector<Drift>{{"claude", ".claude/agents", Drift::Kind::kGone}}));
  write(".claude/agents/new.md", "a client made a folder of its own");
  EXPECT_EQ(drift(), (std::vector<Drift>{{"claude", ".claude/agents", Drift::Kind::kReplaced}}));
  show({{"claude", put(claude("2"))}});
  EXPECT_EQ(text(".claude/agents/a.md"), "a 2");
  EXPECT_EQ(text(".claude/agents/new.md"), "a client made a folder of its own");
}

TEST_F(ProjectTest, what_somebody_changed_is_remembered_with_the_tree_it_was_placed_from) {
  const auto base = [&](const std::string& path) {
    return Project::open(root_, store_)->base_of("claude", path);
  };
  const Digest one = put(claude("1")), two = put(claude("2")), three = put(claude("3"));
  write(".claude/agents/mine.md", "so ours are copies beside it");
  show({{"claude", one}});
  EXPECT_EQ(base("CLAUDE.md"), one);
  EXPECT_EQ(base(".claude/agents/mine.md"), std::nullopt);
  write("CLAUDE.md", "edited");
  for (const Digest& later : {two, three}) {
    show({{"claude", later}});
    EXPECT_EQ(base("CLAUDE.md"), one);
    EXPECT_EQ(base(".claude/skills/s/SKILL.md"), later);
    EXPECT_EQ(base(".claude/agents/a.md"), later);
  }
  EXPECT_THAT(Project::open(root_, store_)->older_bases(), ElementsAre(one));
  // Taken, and edited again before anything else is shown.
  ASSERT_TRUE(
      Project::open(root_, store_)
          ->adopt({{.provider = "claude", .path = "CLAUDE.md", .content = crypto::sha256("edited")}}));
  write("CLAUDE.md", "edited again");
  show({{"claude", two}});
  EXPECT_EQ(base("CLAUDE.md"), one);
  // As it was.
  write("CLAUDE.md", "edited");
  show({{"claude", three}});
  EXPECT_EQ(text("CLAUDE.md"), "rules 3");
  EXPECT_EQ(base("CLAUDE.md"), three);
}

TEST_F(ProjectTest, git_sees_nothing_of_it) {
  ASSERT_TRUE(git({"init", "-q"}));
  write(".gitignore", ".rtt/\n");
  write("main.c", "int main;\n");
  ASSERT_TRUE(git({"add", "."}) && git({"commit", "-qm", "x"}));
  const std::string before = text(".git/info/exclude");
  show({{"claude", put(claude("1"))}});
  ASSERT_TRUE(git({"status", "--porcelain"}));
  EXPECT_EQ(said_, "");
  show({});
  ASSERT_TRUE(git({"status", "--porcelain"}));
  EXPECT_EQ(said_, "");
  EXPECT_EQ(text(".git/info/exclude"), before);
}

TEST_F(ProjectTest, what_git_tracks_is_never_behind_a_link) {
  ASSERT_TRUE(git({"init", "-q"}));
  write(".gitignore", ".rtt/\n");
  write(".claude/agents/b.md", "b");
  write(".claude/agents/c.md", "c");
  ASSERT_TRUE(git({"add", "."}) && git({"commit", "-qm", "x"}));
  const auto shown = show({{"claude", put(claude("1"))}});
  EXPECT_THAT(shown[0].placement.kept,
              ElementsAre(Kept{".claude/agents/b.md", "git tracks a file of that name"}));
  EXPECT_FALSE(link(".claude/agents"));
  EXPECT_FALSE(link(".claude/agents/a.md"));
  EXPECT_EQ(text(".claude/agents/a.md"), "a 1");
  EXPECT_TRUE(link(".claude/skills"));  // nothing of it is tracked
  ASSERT_TRUE(git({"status", "--porcelain"}));
  EXPECT_EQ(said_, "");
}

TEST_F(ProjectTest, what_git_tracks_is_never_beside_the_stores_own_files) {
  ASSERT_TRUE(git({"init", "-q"}));
  write(".gitignore", ".rtt/\n");
  write(".claude/agents/b.md", "their b");
  ASSERT_TRUE(git({"add", "."}) && git({"commit", "-qm", "x"}));
  const Tree tree = claude("1");
  show({{"claude", put(tree)}}, Wish::kHardLinks);
  const auto shared = [&](const std::string& path) {
    return os::same_file(root_ + "/" + path, store_.path_of(tree.root()) + "/" + path);
  };
  EXPECT_FALSE(shared(".claude/agents/a.md"));
  EXPECT_TRUE(shared(".claude/skills/s/SKILL.md"));
  EXPECT_EQ(text(".claude/agents/b.md"), "their b");
  ASSERT_TRUE(git({"status", "--porcelain"}));
  EXPECT_EQ(said_, "");
}

TEST_F(ProjectTest, copies_where_links_are_not_wanted_and_back) {
  show({{"claude", put(claude("1"))}});
  show({{"claude", put(claude("1"))}}, Wish::kCopies);
  EXPECT_FALSE(link(".claude/agents"));
  EXPECT_EQ(text(".claude/agents/a.md"), "a 1");
  EXPECT_EQ(text(".claude/skills/s/SKILL.md"), "s");
  EXPECT_THAT(drift(), IsEmpty());
  show({});
  EXPECT_FALSE(os::exists(root_ + "/.claude"));
}

// Each refresh but the last is killed at the file that is too large for it, when the others are not all
// replaced.
TEST_F(ProjectTest, files_that_crash_after_crash_left_as_they_were_are_still_ours) {
  const auto tree = [](const std::string& words, char large) {
    const auto bytes = [&](char name) { return words + (name == large ? std::string(200'000, ' ') : ""); };
    return Tree::of({{.path = ".claude/agents/a.md", .bytes = bytes('a')},
                     {.path = ".claude/agents/b.md", .bytes = bytes('b')},
                     {.path = ".claude/agents/c.md", .bytes = bytes('c')}})
        .value();
  };
  const auto killed = [&](const Tree& next) {
    const Digest root = put(next);
    EXPECT_TRUE(store_.show({{"claude", root}}));
    EXPECT_EXIT(
        {
          EXPECT_TRUE(os::limit_file_size(os::own_pid(), 100'000));
          (void)Project::open(root_, store_)->refresh({{"claude", next}}, Wish::kCopies);
          std::_Exit(0);
        },
        testing::KilledBySignal(SIGXFSZ), "");
  };
  show({{"claude", put(tree("1", ' '))}}, Wish::kCopies);
  killed(tree("2", 'c'));  // a and b are 2, c is 1
  killed(tree("3", 'a'));  // none is 3
  killed(tree("4", 'b'));  // a is 4
  EXPECT_THAT(
      (std::vector{text(".claude/agents/a.md"), text(".claude/agents/b.md"), text(".claude/agents/c.md")}),
      ElementsAre("4", "2", "1"));
  const auto shown = show({{"claude", put(tree("5", ' '))}}, Wish::kCopies);
  EXPECT_THAT(shown[0].placement.kept, IsEmpty());
  EXPECT_THAT(drift(), IsEmpty());
  EXPECT_THAT(
      (std::vector{text(".claude/agents/a.md"), text(".claude/agents/b.md"), text(".claude/agents/c.md")}),
      ElementsAre("5", "5", "5"));
}

TEST_F(ProjectTest, hard_links_are_the_stores_own_files_and_no_symbolic_link_is_anywhere) {
  const Tree tree = claude("1");
  const auto shown = show({{"claude", put(tree)}}, Wish::kHardLinks);
  EXPECT_THAT(shown[0].placement.kept, IsEmpty());
  for (const TreeFile& file : tree.files()) {
    EXPECT_EQ(text(file.path), file.bytes);
    EXPECT_FALSE(link(file.path)) << file.path;
    EXPECT_EQ(os::same_file(root_ + "/" + file.path, store_.path_of(tree.root()) + "/" + file.path),
              file.path != "CLAUDE.md");  // which people edit
  }
  EXPECT_FALSE(link(".claude/agents") || link(".claude/skills") || link(".claude/skills/s"));
  EXPECT_TRUE(os::is_executable(root_ + "/.claude/skills/s/run.sh"));
  show({{"claude", put(claude("2"))}}, Wish::kHardLinks);
  EXPECT_EQ(text(".claude/agents/a.md"), "a 2");
  EXPECT_EQ(os::read_file(store_.path_of(tree.root()) + "/.claude/agents/a.md", 100).value(), "a 1");
  show({});
  EXPECT_FALSE(os::exists(root_ + "/.claude"));
}

TEST_F(ProjectTest, an_edit_of_a_hard_link_in_place_is_kept_and_told_wherever_it_shows) {
  const Tree tree = Tree::of({{.path = ".agents/skills/s/SKILL.md", .bytes = "s"},
                              {.path = ".claude/skills/s/SKILL.md", .bytes = "s"},
                              {.path = ".claude/skills/t/SKILL.md", .bytes = "t"}})
                        .value();
  show({{"claude", put(tree)}}, Wish::kHardLinks);
  const std::string file = root_ + "/.claude/skills/s/SKILL.md";
  ASSERT_TRUE(os::set_mode(file, 0644));
  std::ofstream(file) << "mine";
  const std::vector<Drift> changed{{"claude", ".agents/skills/s/SKILL.md", Drift::Kind::kChanged},
                                   {"claude", ".claude/skills/s/SKILL.md", Drift::Kind::kChanged}};
  EXPECT_EQ(drift(), changed);
  EXPECT_EQ(store_.read(tree.root()).error().code, Code::kTampered);
  const NamedTree named{"claude", &tree};
  ASSERT_TRUE(FolderHome(store_).hold({&named, 1}));
  EXPECT_TRUE(store_.read(tree.root()));
  const auto shown = show({{"claude", tree.root()}}, Wish::kHardLinks);
  EXPECT_EQ(shown[0].drift, changed);
  EXPECT_THAT(shown[0].placement.kept, testing::SizeIs(2));
  EXPECT_EQ(text(".claude/skills/s/SKILL.md"), "mine");
  EXPECT_EQ(text(".claude/skills/t/SKILL.md"), "t");
  EXPECT_EQ(drift(), changed);
  show({});
  EXPECT_EQ(text(".claude/skills/s/SKILL.md"), "mine");
  EXPECT_FALSE(os::exists(root_ + "/.claude/skills/t"));
}

TEST_F(ProjectTest, what_cannot_be_linked_is_copied_and_says_so) {
  const auto elsewhere = os::TempDir::create("/dev/shm");
  if (!elsewhere || os::same_device(elsewhere->path(), root_)) GTEST_SKIP() << "no second file system here";
  store_ = TreeStore(elsewhere->path() + "/views");
  const auto shown = show({{"claude", put(claude("1"))}}, Wish::kHardLinks);
  EXPECT_THAT(shown[0].placement.kept, IsEmpty());
  for (const Place& place : shown[0].placement.places) EXPECT_EQ(place.form, Form::kCopy) << place.path;
  EXPECT_EQ(text(".claude/skills/s/SKILL.md"), "s");
  EXPECT_THAT(drift(), IsEmpty());
  show({});
  EXPECT_FALSE(os::exists(root_ + "/.claude"));
}

TEST_F(ProjectTest, what_cannot_be_put_is_told_until_it_can_be) {
  os::ignore_broken_pipes();
  const std::string path = ".claude/agents/big.md";
  const auto bytes = [](char c) { return std::string(100'000, c); };
  const std::optional<std::uint64_t> full_disk = 50'000, roomy;
  const auto show_version = [&](char c, std::optional<std::uint64_t> disk) {
    const Tree tree =
        Tree::of({{.path = ".claude/agents/a.md", .bytes = {c}}, {.path = path, .bytes = bytes(c)}}).value();
    put(tree);
    EXPECT_TRUE(os::limit_file_size(os::own_pid(), disk));
    auto shown = show({{"claude", tree.root()}}, Wish::kCopies);
    EXPECT_TRUE(os::limit_file_size(os::own_pid(), roomy));
    EXPECT_EQ(text(".claude/agents/a.md"), std::string(1, c));
    return shown.at(0).failed;
  };
  const auto misses = [&](Project::Failed failed) {
    return Project::open(root_, store_)->misses_something(failed);
  };
  for (const char version : {'1', '2'}) {
    EXPECT_THAT(show_version(version, full_disk), ElementsAre(testing::Field(&Kept::path, path)));
    ASSERT_THAT(drift(), testing::SizeIs(1));
    EXPECT_EQ(drift()[0].kind, Drift::Kind::kGone);
    EXPECT_THAT(drift()[0].why, Not(IsEmpty()));
    EXPECT_TRUE(misses(Project::Failed::kCount));
    EXPECT_FALSE(misses(Project::Failed::kPassOver));
  }
  EXPECT_THAT(show_version('2', roomy), IsEmpty());
  EXPECT_EQ(text(path), bytes('2'));
  EXPECT_THAT(drift(), IsEmpty());
  EXPECT_FALSE(misses(Project::Failed::kCount));
  // The former file stays, is told as old, and is still ours.
  for (const char version : {'3', '4'}) {
    EXPECT_THAT(show_version(version, full_disk), testing::SizeIs(1));
    EXPECT_EQ(text(path), bytes('2'));
    ASSERT_THAT(drift(), testing::SizeIs(1));
    EXPECT_EQ(drift()[0].kind, Drift::Kind::kOld);
    EXPECT_TRUE(misses(Project::Failed::kCount));
  }
  EXPECT_THAT(show_version('2', full_disk), IsEmpty());  // it is as it is to be again
  EXPECT_THAT(drift(), IsEmpty());
  EXPECT_THAT(show_version('3', full_disk), testing::SizeIs(1));
  EXPECT_THAT(show({}), IsEmpty());
  EXPECT_FALSE(os::exists(root_ + "/.claude"));
}

TEST_F(ProjectTest, what_was_changed_and_is_not_shown_any_more_stays_and_is_told) {
  show({{"claude", put(claude("1"))}}, Wish::kCopies);
  write("CLAUDE.md", "mine");
  const auto shown = show({});
  ASSERT_THAT(shown, testing::SizeIs(1));
  EXPECT_EQ(shown[0].provider, "claude");
  EXPECT_THAT(shown[0].left, ElementsAre(testing::Field(&Kept::path, "CLAUDE.md")));
  EXPECT_EQ(text("CLAUDE.md"), "mine");
  EXPECT_THAT(show({}), IsEmpty());
}

TEST_F(ProjectTest, a_folder_of_our_own_files_becomes_a_link_again_and_one_of_theirs_does_not) {
  for (const Wish wish : {Wish::kCopies, Wish::kHardLinks}) {
    show({{"claude", put(claude("1"))}}, wish);
    show({{"claude", put(claude("2"))}}, Wish::kLinks);
    EXPECT_TRUE(link(".claude/agents"));
    EXPECT_EQ(text(".claude/agents/a.md"), "a 2");
  }
  show({});
  ASSERT_TRUE(os::make_directories(root_ + "/.claude/skills"));
  show({{"claude", put(claude("1"))}}, Wish::kCopies);
  show({{"claude", put(claude("1"))}}, Wish::kLinks);
  EXPECT_FALSE(link(".claude/skills"));
  EXPECT_TRUE(link(".claude/skills/s"));
  show({});
  EXPECT_TRUE(os::exists(root_ + "/.claude/skills"));  // empty, as they made it
  EXPECT_FALSE(os::exists(root_ + "/.claude/agents"));
}

TEST_F(ProjectTest, a_path_that_goes_to_another_provider_is_no_drift) {
  const Tree one = Tree::of({{.path = ".agents/skills/s/SKILL.md", .bytes = "1"}}).value();
  const Tree two = Tree::of({{.path = ".agents/skills/s/SKILL.md", .bytes = "2"}}).value();
  show({{"gemini", put(one)}}, Wish::kCopies);
  ASSERT_TRUE(os::remove_file(root_ + "/.agents/skills/s/SKILL.md"));
  show({{"codex", put(two)}, {"gemini", put(one)}}, Wish::kCopies);
  EXPECT_EQ(text(".agents/skills/s/SKILL.md"), "2");
  EXPECT_THAT(drift(), IsEmpty());
}

TEST_F(ProjectTest, one_path_of_two_providers_is_placed_once) {
  const Tree one = Tree::of({{.path = ".agents/skills/s/SKILL.md", .bytes = "s"}}).value();
  const Tree more = Tree::of({{.path = ".agents/skills/s/SKILL.md", .bytes = "s"},
                              {.path = ".agents/skills/t/SKILL.md", .bytes = "t"}})
                        .value();
  auto shown = show({{"codex", put(one)}, {"gemini", put(one)}});
  EXPECT_THAT(shown[1].placement.kept, IsEmpty());
  shown = show({{"codex", put(one)}, {"gemini", put(more)}});
  EXPECT_THAT(shown[1].placement.kept, ElementsAre(Kept{".agents/skills", "the view of codex is there"}));
  show({{"gemini", put(more)}});
  EXPECT_EQ(text(".agents/skills/t/SKILL.md"), "t");
}

TEST_F(ProjectTest, nothing_is_written_through_somebody_elses_link) {
  ASSERT_TRUE(os::make_directories(scratch_ / "elsewhere"));
  ASSERT_TRUE(os::put_symlink(root_ + "/.claude", scratch_ / "elsewhere"));
  const auto shown = show({{"claude", put(claude("1"))}});
  EXPECT_THAT(shown[0].placement.kept, testing::SizeIs(2));  // agents, skills
  EXPECT_EQ(text("CLAUDE.md"), "rules 1");
  EXPECT_TRUE(os::list_directory(scratch_ / "elsewhere")->empty());
  show({});
  EXPECT_TRUE(os::is_symlink(root_ + "/.claude"));
}

TEST_F(ProjectTest, a_file_in_the_place_of_a_folder_stops_nothing_else) {
  write(".claude", "a file");
  const auto shown = show({{"claude", put(claude("1"))}});
  EXPECT_THAT(shown[0].placement.kept, testing::SizeIs(2));
  EXPECT_EQ(text("CLAUDE.md"), "rules 1");
  EXPECT_EQ(text(".claude"), "a file");
}

TEST_F(ProjectTest, what_an_end_halfway_left_is_ours_still) {
  show({{"claude", put(claude("1"))}});
  ASSERT_TRUE(store_.put(claude("2")));
  ASSERT_TRUE(store_.show({{"claude", claude("2").root()}}));
  // Remembered, and nothing done: as a crash leaves it.
  const std::string record = ".rtt/registry/views/placed.json";
  const std::string old = text(record);
  show({{"claude", claude("2").root()}});
  std::string halfway = text(record);
  const std::string one = to_string(crypto::sha256("rules 1")), two = to_string(crypto::sha256("rules 2"));
  halfway.insert(halfway.find("\"content\":\"" + two), "\"before\":\"" + one + "\",");
  write(record, halfway);
  write("CLAUDE.md", "rules 1");
  EXPECT_THAT(drift(), IsEmpty());
  show({{"claude", claude("2").root()}});
  EXPECT_EQ(text("CLAUDE.md"), "rules 2");
}

TEST(ExcludeBlock, is_written_replaced_and_taken_away) {
  const std::string theirs = "# git's own\n*.o\n";
  const std::string with = with_excluded(theirs, "/p", {"/a", "/b"});
  EXPECT_THAT(with, HasSubstr("/a\n/b\n"));
  EXPECT_THAT(with_excluded(with, "/p", {"/c"}), Not(HasSubstr("/a\n")));
  EXPECT_EQ(with_excluded(with, "/p", {}), theirs);
  const std::string two = with_excluded(with, "/q", {"/d"});
  EXPECT_EQ(with_excluded(two, "/q", {}), with);
  EXPECT_THAT(with_excluded(two, "/p", {}), HasSubstr("/d\n"));
  std::string cut = with.substr(0, with.find("# end")) + "mine\n";  // somebody took our last line away
  EXPECT_EQ(with_excluded(cut, "/p", {}), theirs + "mine\n");
  EXPECT_EQ(exclude_line("a b/[x]*"), "/a\\ b/\\[x\\]\\*");
}

TEST_F(ProjectTest, what_is_ejected_is_real_files_that_nothing_touches_until_it_is_taken_up) {
  const Digest one = put(claude("1")), two = put(claude("2"));
  show({{.provider = "claude", .root = one, .at = {}}});
  ASSERT_TRUE(link(".claude/agents"));
  auto project = Project::open(root_, store_);
  ASSERT_TRUE(project->eject({{"claude", claude("1")}}));
  EXPECT_FALSE(link(".claude/agents"));
  EXPECT_EQ(text(".claude/agents/a.md"), "a 1");
  EXPECT_TRUE(os::is_executable(root_ + "/.claude/skills/s/run.sh"));
  write(".claude/agents/b.md", "mine");
  EXPECT_THAT(drift(), IsEmpty());
  show({{.provider = "claude", .root = two, .at = {}}});
  EXPECT_EQ(text(".claude/agents/a.md"), "a 1");
  EXPECT_TRUE(Project::open(root_, store_)->ejected());
  ASSERT_TRUE(Project::open(root_, store_)->take_up());
  show({{.provider = "claude", .root = two, .at = {}}});
  EXPECT_EQ(text(".claude/agents/a.md"), "a 2");
  EXPECT_EQ(text("CLAUDE.md"), "rules 2");
  EXPECT_EQ(text(".claude/agents/b.md"), "mine");
  EXPECT_TRUE(link(".claude/agents/a.md") || link(".claude/skills"));
}

TEST_F(ProjectTest, what_is_shown_no_longer_after_an_ejection_is_the_user_s) {
  const Digest one = put(claude("1"));
  show({{.provider = "claude", .root = one, .at = {}}});
  ASSERT_TRUE(Project::open(root_, store_)->eject({{"claude", claude("1")}}));
  show({});
  ASSERT_TRUE(Project::open(root_, store_)->take_up());
  show({});
  EXPECT_EQ(text(".claude/agents/a.md"), "a 1");
}

}  // namespace
}  // namespace rtt::views
