// SPDX-License-Identifier: Apache-2.0
// What a private view holds in a project goes again, whoever ends first and whatever others do there
// meanwhile; and what it would show is all of the tree, or told. The mounts themselves are tested by
// tests/e2e/test_private.py.
#include "views/private_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "model/random_for_test.h"
#include "os/dir.h"
#include "os/link.h"
#include "os/pipe.h"
#include "os/temp_dir.h"

namespace rtt::views {
namespace {

using os::Placeholder;
using testing::ElementsAre;
using testing::IsEmpty;

// By path: a folder, a link, or what a file holds.
using Names = std::map<std::string, std::string>;

class PrivateViewTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(os::make_directories(where_.root)); }

  [[nodiscard]] Names names() const {
    Names found;
    EXPECT_TRUE(os::walk(where_.root, {}, [&](const os::Entry& entry) {
      const std::string path(entry.path);
      found[path] = entry.kind == os::EntryKind::kDirectory ? "(folder)"
                    : entry.kind == os::EntryKind::kFile
                        ? os::read_file(where_.root + "/" + path, 1 << 20).value_or("?")
                        : "(other)";
      return os::Visit::kContinue;
    }));
    return found;
  }
  void write(const std::string& path, const std::string& text) {
    const std::string full = where_.root + "/" + path;
    (void)os::make_directories(full.substr(0, full.rfind('/')));
    (void)os::write_atomic(full, text, {.durable = os::Durable::kNo});
  }

  struct Run {  // one that is at work: what its guard holds
    os::Fd at_work;
  };
  Run begin(const std::vector<Held>& wanted) {
    return begin_with([&] { return wanted; });
  }
  // `wanted` is asked once the run has its turn: what a crash left is gone then.
  Run begin_with(const std::function<std::vector<Held>()>& wanted) {
    auto held = Placeholders::open(where_);
    EXPECT_TRUE(held) << held.error().message;
    const Status made = held->make(wanted());
    EXPECT_TRUE(made) << made.error().message;
    os::Fd mine(held->at_work());
    auto copy = mine.duplicate();
    (void)mine.release();
    return {std::move(*copy)};
  }
  void end(Run& run) {
    auto pipe = os::make_pipe();
    pipe->second.reset();
    EXPECT_EQ(guard_placeholders(where_, pipe->first.release(), run.at_work.release()), 0);
  }
  // What somebody else has there once nobody of ours is at work.
  void expect_only(const Names& theirs) {
    EXPECT_EQ(names(), theirs);
    EXPECT_FALSE(os::exists(where_.records + "/run.json"));
  }

  os::TempDir scratch_ = os::TempDir::create().value();
  HeldWhere where_{.root = os::real_path(scratch_.path()).value() + "/project",
                   .records = os::real_path(scratch_.path()).value() + "/records"};
};

const std::vector<Held> kSome{{"x", Placeholder::kFolder},
                              {"x/agents", Placeholder::kFolder},
                              {"x/agents/a.md", Placeholder::kFile},
                              {"AGENTS.md", Placeholder::kSocket}};

TEST_F(PrivateViewTest, held_names_go_with_the_last_run) {
  Run one = begin(kSome);
  Run other = begin({{"x", Placeholder::kFolder}, {"x/skills", Placeholder::kFolder}});
  EXPECT_EQ(names().size(), 5U);
  end(one);
  EXPECT_EQ(names().size(), 5U);
  end(other);
  expect_only({});
}

TEST_F(PrivateViewTest, what_a_crash_left_goes_with_the_next_run) {
  {
    const Run lost = begin(kSome);
  }  // its guard was killed, too
  EXPECT_EQ(names().size(), 4U);
  Run next = begin({});
  expect_only({});
  end(next);
}

TEST_F(PrivateViewTest, what_somebody_put_there_stays) {
  write("x/agents/mine.md", "mine");
  Run run = begin({{"x/agents/a.md", Placeholder::kFile},
                   {"y", Placeholder::kFolder},
                   {"AGENTS.md", Placeholder::kSocket},
                   {"B.md", Placeholder::kFile}});
  write("y/new.md", "new");
  write("AGENTS.md", "theirs");
  write("B.md", "more");
  end(run);
  expect_only({{"x", "(folder)"},
               {"x/agents", "(folder)"},
               {"x/agents/mine.md", "mine"},
               {"y", "(folder)"},
               {"y/new.md", "new"},
               {"AGENTS.md", "theirs"},
               {"B.md", "more"}});
}

TEST_F(PrivateViewTest, any_order_of_runs_crashes_and_strangers_leaves_the_strangers_files_alone) {
  const std::uint64_t seed =
      testing::UnitTest::GetInstance()->random_seed() == 0
          ? 20260101U
          : static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  model::TestRandom random(seed);
  for (int round = 0; round < 40; ++round) {
    Names theirs;
    std::vector<Run> runs;
    for (int step = 0; step < 30; ++step) {
      const std::string folder(random.pick({"p", "q", "r/s"}));
      const std::string path = folder + "/" + std::string(random.pick({"a", "b", "c"}));
      switch (random.below(5)) {
        case 0:
        case 1:
          runs.push_back(begin_with([&] {
            std::vector<Held> wanted;
            for (std::size_t at = folder.find('/');; at = folder.find('/', at + 1)) {
              const std::string part = folder.substr(0, at);
              if (!os::exists(where_.root + "/" + part)) wanted.push_back({part, Placeholder::kFolder});
              if (at == std::string::npos) break;
            }
            const auto kind = static_cast<Placeholder>(random.below(3));
            if (!os::exists(where_.root + "/" + path)) wanted.push_back({path, kind});
            return wanted;
          }));
          break;
        case 2:
          if (os::is_directory(where_.root + "/" + path)) break;
          write(path, "theirs");
          theirs[path] = "theirs";
          break;
        case 3:
          if (!runs.empty()) end(runs.back());
          [[fallthrough]];
        default:
          if (!runs.empty()) runs.pop_back();  // by its guard, or killed with it
      }
    }
    runs.clear();
    Run last = begin({});
    end(last);
    for (const auto& [path, text] : theirs) {
      std::string folder = path;
      while (folder.find('/') != std::string::npos) {
        folder.resize(folder.rfind('/'));
        if (os::is_directory(where_.root + "/" + folder)) theirs.try_emplace(folder, "(folder)");
      }
    }
    expect_only(theirs);
    ASSERT_TRUE(os::remove_tree(where_.root));
    ASSERT_TRUE(os::make_directories(where_.root));
  }
}

TEST_F(PrivateViewTest, a_record_that_names_what_lies_elsewhere_is_refused) {
  for (const char* const path : {"../victim", "/etc/hostname", "a/../../victim", ""}) {
    ASSERT_TRUE(os::make_directories(where_.records));
    ASSERT_TRUE(
        os::write_atomic(where_.records + "/run.json",
                         std::string(R"({"held":[{"kind":"file","path":")") + path + R"("}],"v":1})"));
    const auto held = Placeholders::open(where_);
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().code, Code::kBadShape);
  }
  // Nor does a link on the way lead there.
  ASSERT_TRUE(os::make_directories(scratch_.path() + "/elsewhere"));
  ASSERT_TRUE(os::write_atomic(scratch_.path() + "/elsewhere/empty", ""));
  ASSERT_TRUE(os::put_symlink(where_.root + "/link", scratch_.path() + "/elsewhere"));
  ASSERT_TRUE(os::write_atomic(where_.records + "/run.json",
                               R"({"held":[{"kind":"file","path":"link/empty"}],"v":1})"));
  (void)Placeholders::open(where_);
  EXPECT_TRUE(os::exists(scratch_.path() + "/elsewhere/empty"));
}

TEST_F(PrivateViewTest, every_file_of_the_tree_is_shown_or_told) {
  const Tree tree = Tree::of({{.path = ".opencode/.gitignore", .bytes = "i"},
                              {.path = ".opencode/agents/a.md", .bytes = "a"},
                              {.path = ".opencode/agents/b.md", .bytes = "b"},
                              {.path = ".opencode/skills/s/SKILL.md", .bytes = "s"},
                              {.path = "AGENTS.md", .bytes = "r"},
                              {.path = "opencode.json", .bytes = "{}"}})
                        .value();
  const Provider& opencode = *find_provider("opencode");
  const PrivateAsk ask{
      .root = where_.root, .store = TreeStore(where_.records + "/views"), .provider = opencode, .tree = tree};
  const auto look = [&] { return look_privately(ask, Placeholders::look(where_).value()).value(); };

  const PrivateLook bare = look();
  EXPECT_THAT(bare.shown, ElementsAre(".opencode/agents", ".opencode/skills", "AGENTS.md", "opencode.json"));
  EXPECT_THAT(bare.kept, IsEmpty());
  EXPECT_THAT(
      bare.needed,
      ElementsAre(Held{".opencode", Placeholder::kFolder}, Held{".opencode/agents", Placeholder::kFolder},
                  Held{".opencode/skills", Placeholder::kFolder}, Held{"AGENTS.md", Placeholder::kSocket},
                  Held{"opencode.json", Placeholder::kSocket}));
  EXPECT_THAT(names(), IsEmpty());  // to look changes nothing

  write(".opencode/agents/b.md", "own");
  write("opencode.json", "own");
  const PrivateLook beside = look();
  EXPECT_THAT(beside.shown, ElementsAre(".opencode/agents/a.md", ".opencode/skills", "AGENTS.md"));
  EXPECT_THAT(beside.needed, ElementsAre(Held{".opencode/agents/a.md", Placeholder::kFile},
                                         Held{".opencode/skills", Placeholder::kFolder},
                                         Held{"AGENTS.md", Placeholder::kSocket}));
  ASSERT_EQ(beside.kept.size(), 2U);
  EXPECT_EQ(beside.kept[0].path, ".opencode/agents/b.md");
  EXPECT_EQ(beside.kept[1].path, "opencode.json");
}

}  // namespace
}  // namespace rtt::views
