// SPDX-License-Identifier: Apache-2.0
// A mount of views as its users meet it: the kernel's own file system calls, real programs, and every process
// of it killed. This program is keeper and server too, as main.cc makes `rtt` one.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "os/file.h"
#include "os/mount.h"
#include "os/process.h"
#include "os/temp_dir.h"
#include "os/unix_socket.h"
#include "view_mount_case.h"
#include "views/image_home.h"
#include "views/mount_keeper.h"
#include "views/mount_nodes.h"
#include "views/pack_write.h"
#include "views/project.h"
#include "views/tree_folder.h"
#include "views/tree_home.h"

namespace rtt::views {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

std::string output_of(const std::string& command) {
  auto child = os::spawn({.argv = {"sh", "-c", command + " 2>&1"},
                          .env = {{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C"}, {"TZ", "UTC"}},
                          .directory = {},
                          .in = os::Wire::kNull,
                          .out = os::Wire::kPipe,
                          .err = os::Wire::kNull,
                          .pass_fds = {}});
  EXPECT_TRUE(child);
  std::string out;
  std::array<char, 65536> bytes{};
  for (ssize_t got = 0; (got = ::read(child->out.get(), bytes.data(), bytes.size())) > 0;)
    out.append(bytes.data(), static_cast<std::size_t>(got));
  out += fmt::format("exit {}\n", child->wait().code);
  return out;
}

// One read by a folder that was opened before; the generation it came from, 0 for anything else.
GenerationNumber read_beneath(int folder, int file) {
  const os::Fd fd(
      ::openat(folder, fmt::format("agents/d{}/a{}.md", file % 4, file).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return 0;
  std::string bytes(65536, '\0');
  const ssize_t got = ::read(fd.get(), bytes.data(), bytes.size());
  if (got < 8) return 0;
  bytes.resize(static_cast<std::size_t>(got));
  const auto number = static_cast<GenerationNumber>(std::atoll(bytes.c_str() + 4));
  return bytes == files_of(number)[static_cast<std::size_t>(file)].bytes ? number : 0;
}

TEST_F(MountTest, programs_see_what_they_see_in_real_files) {
  start();
  std::vector<TreeFile> files = files_of(1);
  files.push_back(
      {.path = ".claude/skills/pdf/run.sh", .bytes = "#!/bin/sh\necho ran \"$@\"\n", .executable = true});
  files.push_back({.path = "with space/ünïcode '\".md", .bytes = "needle\n"});
  files.push_back({.path = "empty", .bytes = ""});
  files.push_back({.path = "large.bin", .bytes = std::string(3'000'000, 'y') + "needle"});
  for (int i = 0; i < 700; ++i)
    files.push_back({.path = fmt::format("many/entry-with-a-rather-long-name-{}", i), .bytes = "z"});
  const std::string real = *dir_ / "real";
  for (const TreeFile& file : files) {
    fs::create_directories(fs::path(real + "/" + file.path).parent_path());
    std::ofstream(real + "/" + file.path) << file.bytes;
    ASSERT_EQ(::chmod((real + "/" + file.path).c_str(), file.executable ? 0755 : 0644), 0);
  }
  (void)output_of(fmt::format("find {} -type d -exec chmod 755 {{}} +; find {} -exec touch -d @{} {{}} +",
                              real, real, kTime));
  publish(1, files);
  const std::string shown = current() + "/";
  for (const std::string command :
       {"find . -type f -printf '%M %u %g %n %s %T@ %P\\n' | sort",
        "find . -type d -printf '%M %u %T@ %P\\n' | sort", "find . | sort",
        "ls -lAR --time-style=full-iso many agents | grep -v -e '^total' -e '^d'", "grep -rc needle . | sort",
        "grep -r -l xxxx . | sort", "cat large.bin | sha256sum", "cat empty agents/d0/*",
        "find . -type f | sort | xargs -d '\\n' sha256sum", "./.claude/skills/pdf/run.sh a b", "cat nothing",
        "ls agents/d0/a0.md/x", "tar cf - --sort=name --numeric-owner agents | sha256sum",
        "dd if=large.bin bs=1000 skip=2999 status=none", "tail -c 7 large.bin", "head -c 3 large.bin",
        "test -w empty; test -x empty; test -r empty", "du -a --apparent-size agents/d1/a1.md"}) {
    const std::string expected = output_of("cd " + real + " && " + command);
    EXPECT_EQ(output_of("cd " + shown + " && " + command), expected) << command;
    EXPECT_EQ(output_of("cd " + shown + " && " + command), expected) << command << ", from the cache";
  }
  EXPECT_EQ(output_of("ls -A " + mountpoint_ + " " + mountpoint_ + "/w/claude; readlink " + current()),
            output_of("echo " + mountpoint_ + ":; echo w; echo; echo " + mountpoint_ +
                      "/w/claude:; echo cur; echo gen-1; echo gen-1"));
}

// The root of what is read by its paths below `folder`, links followed.
Digest root_read_back(const std::string& folder, const Tree& tree) {
  std::vector<TreeFile> files;
  for (const TreeFile& file : tree.files()) {
    const std::string path = folder + "/" + file.path;
    const bool executable = (fs::status(path).permissions() & fs::perms::owner_exec) != fs::perms::none;
    files.push_back({.path = file.path,
                     .bytes = os::read_file(path, kTreeFileBytesMax).value_or("(unreadable)"),
                     .executable = executable});
  }
  return Tree::of(std::move(files)).value().root();
}

TEST_F(MountTest, a_tree_has_one_root_through_every_mechanism) {
  start();
  std::vector<TreeFile> files;
  for (const std::string folder : {".claude/agents/", ".claude/skills/pdf/", ".claude/", ""}) {
    for (int i = 0; i < 20; ++i) {
      files.push_back(
          {.path = fmt::format("{}f{}", folder, i),
           .bytes = std::string(static_cast<std::size_t>(i) * 700, static_cast<char>('a' + i % 3)),
           .executable = i % 4 == 0});
    }
  }
  const Tree tree = Tree::of(std::move(files)).value();
  const std::vector<NamedTree> named{{.name = "claude", .tree = &tree}};
  std::map<std::string, Digest> roots;

  const TreeStore store(*dir_ / "views");
  ASSERT_TRUE(FolderHome(store).hold(named));
  roots["real files"] = read_folder(store.path_of(tree.root())).value().root();

  publish(1, {tree.files().begin(), tree.files().end()});
  roots["fuse"] = read_folder(current()).value().root();
  roots["pack"] = read_tree(Pack::open(PackStore(store_).pack_path("w", 1)).value(), 0).value().root();

  ImageHome images({.folder = *dir_ / "views", .workspace = dir_->path(), .mounts = *dir_ / "images"});
  if (const auto refused = images.refusal()) {
    fmt::print("without erofs: {}\n", *refused);
  } else {
    roots["erofs"] = read_folder(images.hold(named).value().front()).value().root();
    ASSERT_TRUE(images.leave());
  }

  ASSERT_TRUE(os::make_directories(*dir_ / "views/sets"));
  ASSERT_TRUE(store.show({{.provider = "claude", .root = tree.root()}}));
  for (const auto& [name, wish] : std::initializer_list<std::pair<std::string, Wish>>{
           {"links", Wish::kLinks}, {"hard links", Wish::kHardLinks}, {"copies", Wish::kCopies}}) {
    const std::string root = *dir_ / ("project with " + name);
    ASSERT_TRUE(os::make_directories(root));
    auto project = Project::open(root, store);
    ASSERT_TRUE(project->refresh({{"claude", tree}}, wish));
    roots[name] = root_read_back(root, tree);
    ASSERT_TRUE(project->refresh({}, wish));
  }
  EXPECT_GE(roots.size(), 6u);
  for (const auto& [name, root] : roots) EXPECT_EQ(root, tree.root()) << name;
}

TEST_F(MountTest, nothing_can_be_written) {
  start();
  publish(1, files_of(1));
  const std::string file = current() + "/agents/d0/a0.md";
  const auto refused = [](int result) { return result == -1 ? errno : 0; };
  EXPECT_EQ(refused(::open(file.c_str(), O_WRONLY | O_CLOEXEC)), EROFS);
  EXPECT_EQ(refused(::open(file.c_str(), O_RDWR | O_TRUNC | O_CLOEXEC)), EROFS);
  EXPECT_EQ(refused(::open((current() + "/new").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), EROFS);
  EXPECT_EQ(refused(::unlink(file.c_str())), EROFS);
  EXPECT_EQ(refused(::unlink(current().c_str())), EROFS);
  EXPECT_EQ(refused(::mkdir((current() + "/new").c_str(), 0700)), EROFS);
  EXPECT_EQ(refused(::rename(file.c_str(), (file + "x").c_str())), EROFS);
  EXPECT_EQ(refused(::chmod(file.c_str(), 0600)), EROFS);
  EXPECT_EQ(refused(::symlink("x", (mountpoint_ + "/x").c_str())), EROFS);
  EXPECT_EQ(refused(::link(file.c_str(), (file + "x").c_str())), EROFS);
  EXPECT_EQ(refused(::truncate(file.c_str(), 0)), EROFS);
}

TEST_F(MountTest, a_flip_is_seen_at_once_and_never_in_part) {
  start();
  publish(1, files_of(1));
  pack(2, files_of(2));
  ASSERT_TRUE(client_->add("w", 2));
  std::atomic<bool> stop = false;
  std::atomic<int> reads = 0, bad = 0;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&] {
      while (!stop) {
        const os::Fd folder(::open(current().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        GenerationNumber first = 0;
        for (int file = 0; file < 40; ++file) {
          const GenerationNumber found = read_beneath(folder.get(), file);
          if (file == 0) first = found;
          bad += found == 0 || found != first;
          ++reads;
        }
      }
    });
  }
  int wrong = 0;
  GenerationNumber last = 2;
  for (GenerationNumber flip = 1; reads < 10'000 || flip < 300; ++flip) {
    // Most between two that are there, some to one never seen before, so that reads are not all from the
    // cache.
    GenerationNumber next = 1 + flip % 2;
    if (flip % 10 == 0) {
      next = ++last;
      pack(next, files_of(next));
    } else if (last > 2) {
      next = last - flip % 2;
    }
    ASSERT_TRUE(client_->show("w", next));
    const os::Fd folder(::open(current().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    wrong += read_beneath(folder.get(), static_cast<int>(flip % 40)) != next;
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(bad, 0) << "of " << reads;
  EXPECT_EQ(wrong, 0);
}

TEST_F(MountTest, who_holds_an_old_generation_keeps_it_until_it_goes) {
  start();
  publish(1, files_of(1));
  const os::Fd folder(::open(current().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int file = 0; file < 40; file += 2) EXPECT_EQ(read_beneath(folder.get(), file), 1u);
  for (GenerationNumber next = 2; next <= kGenerationsKept; ++next) publish(next, files_of(next));
  for (int file = 0; file < 20; ++file) EXPECT_EQ(read_beneath(folder.get(), file), 1u);
  publish(kGenerationsKept + 1, files_of(kGenerationsKept + 1));
  // The answer to a flip does not wait for what goes.
  while (os::exists(PackStore(store_).pack_path("w", 1))) std::this_thread::yield();
  EXPECT_FALSE(os::exists(mountpoint_ + "/w/claude/gen-1/agents"));
  for (int file = 0; file < 40; ++file) EXPECT_LE(read_beneath(folder.get(), file), 1u);  // or an error
  EXPECT_EQ(::openat(folder.get(), "agents/d1/a39.md", O_RDONLY | O_CLOEXEC), -1);
  EXPECT_EQ(output_of("ls " + mountpoint_ + "/w/claude | wc -l"),
            fmt::format("{}\nexit 0\n", kGenerationsKept + 1));
}

TEST_F(MountTest, a_hundred_providers_are_all_there_and_flip) {
  start();
  std::vector<std::string> providers;
  for (int i = 0; i < 100; ++i) providers.push_back(fmt::format("provider-{:02}", i));
  for (GenerationNumber next = 1; next <= 3; ++next) {
    pack(next, files_of(next, 4), providers);
    ASSERT_TRUE(client_->show("w", next));
    EXPECT_EQ(os::list_directory(mountpoint_ + "/w")->size(), 100u);
    for (const std::string& name : providers) {
      const auto bytes = os::read_file(current(name) + "/agents/d1/a1.md", 1000);
      ASSERT_TRUE(bytes) << bytes.error().message;
      EXPECT_EQ(*bytes, files_of(next, 4)[1].bytes);
    }
  }
}

TEST_F(MountTest, a_pack_that_is_damaged_changes_nothing) {
  start();
  publish(1, files_of(1));
  pack(2, files_of(2));
  const std::string path = PackStore(store_).pack_path("w", 2);
  const std::string good = *os::read_file(path, 1 << 20);
  for (const std::string& bad : {good.substr(0, good.size() - 1), std::string("not a pack"), std::string()}) {
    ASSERT_TRUE(os::write_atomic(path, bad, {}));
    const Status shown = client_->show("w", 2);
    ASSERT_FALSE(shown);
    EXPECT_EQ(shown.error().code, Code::kTampered) << shown.error().message;
  }
  EXPECT_EQ(client_->show("w", 3).error().code, Code::kNotFound);
  EXPECT_THAT(*client_->list(), ElementsAre("w/1*"));
  EXPECT_EQ(*os::read_file(current() + "/agents/d1/a1.md", 1000), files_of(1)[1].bytes);
  // Bytes that rotted after the header: the file is an error, the rest is served.
  std::string rotten = good;
  for (std::size_t at = rotten.size() - 40; at < rotten.size(); ++at) rotten[at] = '?';
  ASSERT_TRUE(os::write_atomic(path, rotten, {}));
  ASSERT_TRUE(client_->show("w", 2));
  int errors = 0;
  for (const TreeFile& file : files_of(2)) {
    const auto bytes = os::read_file(current() + "/" + file.path, 1 << 20);
    errors += !bytes;
    if (bytes) {
      EXPECT_EQ(*bytes, file.bytes);
    }
  }
  EXPECT_GT(errors, 0);
  EXPECT_LT(errors, 40);
}

TEST_F(MountTest, a_pack_that_is_cut_while_it_is_served_fails_its_own_readers_alone) {
  start();
  pack(1, files_of(1, 300));
  ASSERT_TRUE(client_->show("w", 1));
  const int server = server_pid();
  const std::string path = PackStore(store_).pack_path("w", 1);
  const auto bytes = static_cast<off_t>(fs::file_size(path));
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  const std::vector<TreeFile> files = files_of(1, 300);
  int errors = 0;
  const auto read_some = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      const auto found = os::read_file(current() + "/" + files[i].path, 1 << 20);
      errors += !found;
      if (found) {
        EXPECT_EQ(*found, files[i].bytes);
      }
    }
  };
  read_some(0, 10);
  EXPECT_EQ(errors, 0);
  for (const off_t left : {bytes / 2, off_t{128}, off_t{0}}) {  // of the data half; the header; nothing
    ASSERT_EQ(::truncate(path.c_str(), left), 0);
    errors = 0;
    read_some(0, files.size());
    EXPECT_GT(errors, 0) << left;
  }
  (void)output_of("find " + mountpoint_ + " | wc -l");
  pack(2, files_of(2));
  ASSERT_TRUE(client_->show("w", 2));
  EXPECT_EQ(*os::read_file(current() + "/agents/d1/a1.md", 1000), files_of(2)[1].bytes);
  EXPECT_EQ(server_pid(), server);
}

TEST_F(MountTest, a_workspace_goes_with_its_packs) {
  ASSERT_TRUE(PackStore(store_).make_workspace("other", dir_->path()));
  ASSERT_TRUE(os::make_directories(*dir_ / ".rtt"));
  start();
  publish(1, files_of(1));
  EXPECT_TRUE(os::exists(current()));
  ASSERT_TRUE(client_->drop("w"));
  EXPECT_EQ(os::list_directory(mountpoint_)->size(), 0u);
  EXPECT_FALSE(os::exists(mountpoint_ + "/w/claude"));
  EXPECT_FALSE(os::exists(store_ + "/w"));
  publish(1, files_of(5));
  EXPECT_EQ(*os::read_file(current() + "/agents/d1/a1.md", 1000), files_of(5)[1].bytes);
}

TEST_F(MountTest, the_last_workspace_takes_the_mount_with_it) {
  start();
  publish(1, files_of(1));
  ASSERT_TRUE(client_->drop("w"));
  EXPECT_EQ(keeper_.wait().code, 0);
  EXPECT_FALSE(os::exists(mountpoint_));
  EXPECT_FALSE(MountClient::connect(store_));
}

TEST_F(MountTest, a_store_that_is_removed_takes_the_mount_with_it) {
  start();
  publish(1, files_of(1));
  ASSERT_TRUE(os::remove_tree(store_));
  EXPECT_EQ(keeper_.wait().code, 0);
  EXPECT_FALSE(os::exists(mountpoint_));
}

TEST_F(MountTest, a_workspace_that_was_removed_is_dropped_when_another_is_added) {
  const PackStore store(store_);
  ASSERT_TRUE(os::make_directories(*dir_ / "gone/.rtt"));
  ASSERT_TRUE(store.make_workspace("gone", *dir_ / "gone"));
  start();
  publish(1, files_of(1));
  EXPECT_TRUE(os::exists(store_ + "/gone"));
  ASSERT_TRUE(os::remove_tree(*dir_ / "gone"));
  publish(2, files_of(2));
  EXPECT_FALSE(os::exists(store_ + "/gone"));
  EXPECT_TRUE(os::exists(store_ + "/w"));
}

TEST_F(MountTest, nonsense_on_the_socket_harms_nobody) {
  start();
  publish(1, files_of(1));
  for (const std::string& text : {std::string("show w\n"), std::string("\n\n\n"),
                                  std::string(100, '\0') + "\n", std::string(2'000'000, 'a') + "\n",
                                  std::string("add w 1\nadd w 1\nshow w 1"), std::string("show ../w 1\n")}) {
    const auto fd = os::connect_unix(store_, std::string(kMountSocket));
    ASSERT_TRUE(fd);
    (void)os::send_all(fd->get(), as_bytes(text), {}, 5000);
  }
  EXPECT_THAT(*client_->list(), ElementsAre("w/1*"));
}

// --- ends ------------------------------------------------------------------------------------------------

struct Under {  // what readers met while servers were killed
  std::atomic<bool> stop = false;
  std::atomic<int> reads = 0, bad = 0, failed = 0;
  std::atomic<std::int64_t> longest_ns = 0;
};

void read_on(Under& under, const std::string& current) {
  for (int file = 0; !under.stop; file = (file + 1) % 40) {
    const auto begin = std::chrono::steady_clock::now();
    const auto bytes = os::read_file(current + fmt::format("/agents/d{}/a{}.md", file % 4, file), 1 << 20);
    const std::int64_t took = (std::chrono::steady_clock::now() - begin).count();
    if (took > under.longest_ns) under.longest_ns = took;
    ++under.reads;
    if (!bytes) {
      ++under.failed;
      continue;
    }
    const auto number = static_cast<GenerationNumber>(std::atoll(bytes->c_str() + 4));
    under.bad += *bytes != files_of(number)[static_cast<std::size_t>(file)].bytes;
  }
}

class KilledTest : public MountTest {
 protected:
  // Kills the server again and again while readers read files that no cache has.
  void kill_servers(Under& under, int kills) {
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 3; ++reader) readers.emplace_back([&] { read_on(under, current()); });
    GenerationNumber generation = 1;
    for (int kill = 0; kill < kills; ++kill) {
      ++generation;
      pack(generation, files_of(generation));
      const int server = server_pid();
      const int before = under.reads;
      if (kill % 3 != 0) (void)client_->show("w", generation);
      while (under.reads < before + 10) std::this_thread::yield();
      ::kill(server, SIGKILL);
      wait_for_end(server);
      client_ = std::make_unique<MountClient>(*MountClient::connect(store_));
      const Status shown = client_->show("w", generation);
      ASSERT_TRUE(shown) << shown.error().message;
    }
    under.stop = true;
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(under.bad, 0) << "of " << under.reads;
    EXPECT_EQ(*os::read_file(current() + "/agents/d1/a1.md", 1000), files_of(generation)[1].bytes);
    fmt::print("{} kills in {} reads, {} failed, the longest took {} us\n", kills, under.reads.load(),
               under.failed.load(), under.longest_ns / 1000);
  }
};

TEST_F(KilledTest, readers_of_a_killed_server_wait_for_the_next) {
  start();
  if (!can_resend_) GTEST_SKIP() << "this kernel cannot send requests again (before Linux 6.9)";
  publish(1, files_of(1));
  const os::Fd held(::open(current().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Under under;
  kill_servers(under, 20);
  EXPECT_EQ(under.failed, 0);
  EXPECT_EQ(read_beneath(held.get(), 0), 1u);
}

TEST_F(KilledTest, where_the_kernel_cannot_resend_the_mount_is_made_anew) {
  start({"--anew"});
  publish(1, files_of(1));
  Under under;
  kill_servers(under, 10);
}

TEST_F(MountTest, an_end_that_is_asked_for_leaves_nothing) {
  for (const int signal : {SIGTERM, SIGINT}) {
    start();
    publish(1, files_of(1));
    const int server = server_pid();
    const os::Fd inside(::open(current().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ::kill(keeper_.pid(), signal);
    EXPECT_EQ(keeper_.wait().code, 0);
    wait_for_end(server);
    EXPECT_FALSE(*os::mounted_at(mountpoint_));
    EXPECT_FALSE(os::exists(mountpoint_));
    EXPECT_FALSE(os::exists(store_ + "/" + std::string(kMountSocket)));
    EXPECT_EQ(MountClient::connect(store_).error().code, Code::kPanelDown);
  }
}

TEST_F(MountTest, a_killed_keeper_takes_nothing_away_and_is_there_again) {
  if (!can_resend_) GTEST_SKIP() << "this kernel makes the mount anew";
  start();
  publish(1, files_of(1));
  const os::Fd held(::open((current() + "/agents/d1/a1.md").c_str(), O_RDONLY | O_CLOEXEC));
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::thread reader([&] {
    for (GenerationNumber i = 0; !stop; ++i) {
      // Names that nobody asked for yet, so that the kernel asks the server.
      const std::string never = fmt::format("{}/agents/no{}", current(), i);
      if (!os::read_file(current() + "/agents/d3/a3.md", 1000) || ::access(never.c_str(), F_OK) == 0 ||
          errno != ENOENT)
        ++failed;
    }
  });
  int keeper = keeper_.pid();
  for (int round = 0; round < 5; ++round) {
    const int server = server_pid();
    ::kill(keeper, SIGKILL);
    if (round == 0) (void)keeper_.wait();
    wait_for_end(keeper);
    wait_for_end(server);
    std::vector<int> keepers;
    while (keepers.empty()) keepers = pids_with({"--keeper", mountpoint_});
    keeper = keepers.front();
    // A flip is answered by the next one, and the kernel knows the old nodes by the same numbers.
    auto client = MountClient::connect(store_);
    ASSERT_TRUE(client);
    pack(static_cast<GenerationNumber>(round) + 2, files_of(static_cast<GenerationNumber>(round) + 2));
    ASSERT_TRUE(client->show("w", static_cast<GenerationNumber>(round) + 2));
    EXPECT_EQ(*os::read_file(current() + "/agents/d1/a1.md", 1000),
              files_of(static_cast<GenerationNumber>(round) + 2)[1].bytes);
    const int next = server_pid();
    ::kill(next, SIGKILL);  // it keeps its own
    wait_for_end(next);
    client = MountClient::connect(store_);
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->list());
  }
  stop = true;
  reader.join();
  EXPECT_EQ(failed, 0);
  std::string bytes(1000, 0);
  const auto got = ::read(held.get(), bytes.data(), bytes.size());
  ASSERT_GT(got, 0);
  EXPECT_EQ(bytes.substr(0, static_cast<std::size_t>(got)), files_of(1)[1].bytes);
  ::kill(keeper, SIGTERM);
  wait_for_end(keeper);
  EXPECT_FALSE(*os::mounted_at(mountpoint_));
}

TEST_F(MountTest, where_the_kernel_cannot_resend_a_killed_keeper_mounts_anew) {
  start({"--anew"});
  publish(1, files_of(1));
  const int server = server_pid();
  ::kill(keeper_.pid(), SIGKILL);
  (void)keeper_.wait();
  wait_for_end(server);
  auto client = MountClient::connect(store_);
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->list());  // answered once it serves
  EXPECT_EQ(*os::read_file(current() + "/agents/d1/a1.md", 1000), files_of(1)[1].bytes);
}

TEST_F(MountTest, the_mount_ends_with_its_parent) {
  auto parent = os::spawn({.argv = {"cat"},
                           .env = os::own_environment(),
                           .directory = {},
                           .out = os::Wire::kNull,
                           .err = os::Wire::kNull,
                           .lifetime = os::Lifetime::kDetached,
                           .pass_fds = {}});
  ASSERT_TRUE(parent);
  start({"--parent", std::to_string(parent->pid())});
  publish(1, files_of(1));
  parent->kill();
  EXPECT_EQ(keeper_.wait().code, 0);
  EXPECT_FALSE(*os::mounted_at(mountpoint_));
}

TEST_F(MountTest, after_both_are_killed_the_next_one_clears_up_and_shows_the_same) {
  start();
  publish(1, files_of(1));
  publish(2, files_of(2));
  const int server = server_pid();
  ::kill(keeper_.pid(), SIGSTOP);  // so that neither acts on the other's end
  ::kill(server, SIGKILL);
  ::kill(keeper_.pid(), SIGKILL);
  (void)keeper_.wait();
  EXPECT_TRUE(*os::mounted_at(mountpoint_));
  EXPECT_FALSE(os::read_file(current() + "/agents/d3/a3.md", 1000));
  start();
  EXPECT_EQ(*os::read_file(current() + "/agents/d1/a1.md", 1000), files_of(2)[1].bytes);
  EXPECT_EQ(*os::read_file(mountpoint_ + "/w/claude/gen-1/agents/d1/a1.md", 1000), files_of(1)[1].bytes);
}

TEST_F(MountTest, whoever_unmounts_it_ends_it) {
  start();
  publish(1, files_of(1));
  ASSERT_TRUE(os::detach_mount(mountpoint_));
  EXPECT_EQ(keeper_.wait().code, 0);
}

TEST_F(MountTest, a_place_that_is_not_free_is_refused) {
  const auto refused = [&](Code code) {
    const Status kept =
        keep_mount({.place = {.store = store_, .mountpoint = mountpoint_}, .server = {"false"}});
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, code) << kept.error().message;
  };
  ASSERT_TRUE(os::make_directories(mountpoint_, 0700));
  ASSERT_TRUE(os::write_atomic(mountpoint_ + "/mine", "x", {}));
  refused(Code::kNameClash);
  EXPECT_EQ(*os::read_file(mountpoint_ + "/mine", 10), "x");
  ASSERT_TRUE(os::remove_file(mountpoint_ + "/mine"));
  refused(Code::kDriverFailed);  // a server that cannot start
  EXPECT_FALSE(*os::mounted_at(mountpoint_));
  start();
  refused(Code::kBusy);
}

}  // namespace
}  // namespace rtt::views
