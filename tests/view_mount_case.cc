// SPDX-License-Identifier: Apache-2.0
#include "view_mount_case.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "os/file.h"
#include "os/mount.h"
#include "views/fuse_view.h"
#include "views/mount_keeper.h"
#include "views/pack_write.h"

namespace rtt::views {

void wait_for_end(int pid) {
  const auto start = os::process_start_time(pid);
  if (!start) return;
  const auto pidfd = os::watch_process(pid, *start);
  if (!pidfd) return;
  pollfd entry{.fd = pidfd->get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&entry, 1, kWaitMs), 1) << "process " << pid << " does not end";
}

std::vector<int> pids_with(const std::vector<std::string>& words) {
  std::vector<int> found;
  const auto names = os::list_directory("/proc");
  for (const std::string& name : *names) {
    const auto line = os::read_file("/proc/" + name + "/cmdline", 65536);
    if (!line || !std::ranges::all_of(words, [&](const std::string& word) {
          return line->find(word + std::string(1, '\0')) != std::string::npos;
        }))
      continue;
    if (os::process_start_time(std::atoi(name.c_str()))) found.push_back(std::atoi(name.c_str()));
  }
  return found;
}

std::vector<TreeFile> files_of(GenerationNumber generation, int count) {
  std::vector<TreeFile> files;
  for (int i = 0; i < count; ++i) {
    files.push_back({.path = fmt::format("agents/d{}/a{}.md", i % 4, i),
                     .bytes = fmt::format("gen {}\n", generation) +
                              std::string(static_cast<std::size_t>(i) * 37, 'x') +
                              fmt::format("\nend {}\n", generation)});
  }
  return files;
}

void MountTest::SetUp() {
  auto dir = os::TempDir::create();
  ASSERT_TRUE(dir);
  dir_ = std::make_unique<os::TempDir>(std::move(*dir));
  store_ = *dir_ / "store";
  mountpoint_ = *dir_ / "mnt";
  ASSERT_TRUE(os::make_directories(*dir_ / "probe", 0700));
  const auto probe = mount_views(*dir_ / "probe");
  if (!probe) GTEST_SKIP() << "no FUSE mount can be made here: " << probe.error().message;
  can_resend_ = os::resend_requests(probe->get()).has_value();
  (void)os::detach_mount(*dir_ / "probe");
}

void MountTest::TearDown() {
  for (const int pid : pids_with({"--server", mountpoint_})) servers_.push_back(pid);
  if (keeper_.running()) {
    ::kill(keeper_.pid(), SIGTERM);
    (void)keeper_.wait();
  }
  for (const int pid : pids_with({"--keeper", mountpoint_})) {  // that took over
    ::kill(pid, SIGTERM);
    servers_.push_back(pid);
  }
  for (const int pid : servers_) wait_for_end(pid);
  if (dir_) {
    EXPECT_FALSE(os::mounted_at(mountpoint_).value_or(std::nullopt));
  }
}

std::vector<std::string> MountTest::keeper_words(std::vector<std::string> more) const {
  std::vector<std::string> words{os::own_executable(), "--keeper", store_, mountpoint_};
  words.insert(words.end(), more.begin(), more.end());
  if (more.empty() || more.front() != "--parent") {  // a test that is killed leaves no mount either
    words.insert(words.end(), {"--parent", std::to_string(os::own_pid())});
  }
  return words;
}

void MountTest::start(std::vector<std::string> more) {
  auto child = os::spawn({.argv = keeper_words(std::move(more)),
                          .env = os::own_environment(),
                          .directory = {},
                          .in = os::Wire::kNull,
                          .out = os::Wire::kPipe,
                          .err = os::Wire::kInherit,
                          .lifetime = os::Lifetime::kDetached,
                          .pass_fds = {}});
  ASSERT_TRUE(child) << child.error().message;
  keeper_ = std::move(*child);
  char ready = 0;
  ASSERT_EQ(::read(keeper_.out.get(), &ready, 1), 1) << "the keeper ended before it served";
  auto client = MountClient::connect(store_);
  ASSERT_TRUE(client) << client.error().message;
  client_ = std::make_unique<MountClient>(std::move(*client));
}

int MountTest::server_pid() const {
  for (;;) {
    const auto found = pids_with({"--server", mountpoint_});
    if (!found.empty()) return found.front();
    std::this_thread::yield();
  }
}

void MountTest::pack(GenerationNumber generation, std::vector<TreeFile> files,
                     const std::vector<std::string>& providers) {
  const auto tree = Tree::of(std::move(files));
  ASSERT_TRUE(tree) << tree.error().message;
  std::vector<NamedTree> named;
  for (const std::string& name : providers) named.push_back({name, &*tree});
  ASSERT_TRUE(os::make_directories(store_ + "/w", 0700));
  const Status written =
      write_pack(PackStore(store_).pack_path("w", generation), named, {.time_s = kTime, .block_bytes = 8192});
  ASSERT_TRUE(written) << written.error().message;
}

void MountTest::publish(GenerationNumber generation, std::vector<TreeFile> files) {
  pack(generation, std::move(files));
  const Status shown = client_->show("w", generation);
  ASSERT_TRUE(shown) << shown.error().message;
}

std::string MountTest::current(const std::string& provider) const {
  return mountpoint_ + "/w/" + provider + "/cur";
}

namespace {

int run_as(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const MountPlace place{.store = words[1], .mountpoint = words[2]};
  std::vector<std::string> server = words, keeper = words;  // they hand on what each was told
  server.insert(server.begin(), os::own_executable());
  server[1] = "--server";
  keeper.insert(keeper.begin(), os::own_executable());
  keeper[1] = "--keeper";
  if (std::ranges::find(keeper, "--take-over") == keeper.end()) keeper.emplace_back("--take-over");
  if (words[0] == "--server") return serve_views(place, std::move(keeper));
  KeepOptions options{
      .place = place, .server = std::move(server), .ready = [] { (void)!::write(STDOUT_FILENO, "r", 1); }};
  for (std::size_t i = 3; i < words.size(); ++i) {
    if (words[i] == "--take-over") options.begin = KeepOptions::Begin::kTakeOver;
    if (words[i] == "--anew") options.again = KeepOptions::Again::kAnew;
    if (words[i] == "--parent") {
      const int pid = std::atoi(words[i + 1].c_str());
      options.parent = {.pid = pid, .start_time = os::process_start_time(pid).value_or(0)};
    }
  }
  const Status kept = keep_mount(options);
  if (!kept) fmt::print(stderr, "keeper: {}\n", kept.error().message);
  return kept ? 0 : 1;
}

}  // namespace
}  // namespace rtt::views

int main(int argc, char** argv) {
  if (argc > 3 && std::string_view(argv[1]).starts_with("--keeper")) return rtt::views::run_as(argc, argv);
  if (argc > 3 && std::string_view(argv[1]).starts_with("--server")) return rtt::views::run_as(argc, argv);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
