// SPDX-License-Identifier: Apache-2.0
// Processes: nothing leaks into a child, nothing is left behind by one, and a program that cannot start says
// why.
#include "os/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "os/keeper.h"
#include "os/output_of.h"
#include "os/pipe.h"
#include "os/process_watch.h"
#include "os/temp_dir.h"

namespace rtt::os {
namespace {

SpawnOptions shell(const std::string& script) {
  return {.argv = {"sh", "-c", script}, .env = {{"PATH", "/usr/bin:/bin"}}};
}

std::string read_all(const Fd& fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::string said_by(const std::string& script) {
  auto child = spawn(shell(script));
  EXPECT_TRUE(child) << child.error().message;
  std::string text = read_all(child->out);
  (void)child->wait();
  return text;
}

// Ends when the process is gone, by the kernel's word; fails by the test's own time limit otherwise.
void wait_until_gone(int pid) {
  while (process_start_time(pid).has_value()) std::this_thread::yield();
}

TEST(Process, pipes_environment_directory_and_exit_code) {
  const auto temp = TempDir::create();
  auto options = shell("cat; echo \"$SECRET in $(pwd)\"; echo oops >&2; exit 7");
  options.env.emplace_back("SECRET", "s3");
  options.directory = temp->path();
  auto child = spawn(options);
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_FALSE(child->poll());
  EXPECT_TRUE(process_start_time(child->pid()).has_value());
  ASSERT_TRUE(write_nowait(child->in.get(), as_bytes("from stdin\n")));
  child->in.reset();
  EXPECT_EQ(read_all(child->out), "from stdin\ns3 in " + *real_path(temp->path()) + "\n");
  EXPECT_EQ(read_all(child->err), "oops\n");
  pollfd ended{.fd = child->pidfd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&ended, 1, -1), 1);
  const auto state = child->poll();
  ASSERT_TRUE(state);
  EXPECT_EQ(state->code, 7);
  EXPECT_EQ(state->signal, 0);
  EXPECT_FALSE(child->running());
}

TEST(Process, environment_is_only_what_is_given) {
  ASSERT_EQ(::setenv("RTT_TEST_LEAK", "leaked", 1), 0);
  EXPECT_EQ(said_by("echo ${RTT_TEST_LEAK:-clean}"), "clean\n");
  const auto own = own_environment();
  EXPECT_NE(std::find(own.begin(), own.end(), std::pair<std::string, std::string>{"RTT_TEST_LEAK", "leaked"}),
            own.end());
}

TEST(Process, only_the_passed_descriptors_cross_even_when_numbers_collide) {
  const auto leaking = *make_pipe();
  ASSERT_EQ(::fcntl(leaking.first.get(), F_SETFD, 0), 0);  // somebody forgot close-on-exec
  auto a = *make_pipe(), b = *make_pipe();
  auto options = shell("printf A >&5; printf B >&4; ls /proc/self/fd | sort -n | tr '\\n' ' '");
  options.pass_fds = {{a.second.get(), 5}, {b.second.get(), 4}};
  // Ask for targets that are the sources' own numbers, crossed.
  auto crossed = shell("printf A >&" + std::to_string(b.second.get()) + "; printf B >&" +
                       std::to_string(a.second.get()));
  crossed.pass_fds = {{a.second.get(), b.second.get()}, {b.second.get(), a.second.get()}};
  for (const auto* each : {&options, &crossed}) {
    if (a.second.get() > 9 || b.second.get() > 9) continue;  // sh knows one-digit descriptors only
    auto child = spawn(*each);
    ASSERT_TRUE(child) << child.error().message;
    const std::string listing = read_all(child->out);
    EXPECT_EQ(child->wait().code, 0) << read_all(child->err);
    Bytes got(8);
    ASSERT_EQ(read_nowait(a.first.get(), got)->bytes, 1u);
    EXPECT_EQ(got[0], std::byte{'A'});
    ASSERT_EQ(read_nowait(b.first.get(), got)->bytes, 1u);
    EXPECT_EQ(got[0], std::byte{'B'});
    if (each == &options) {
      EXPECT_EQ(listing, "0 1 2 3 4 5 ");
    }  // 3 is ls reading the folder
  }
}

TEST(Process, passed_descriptor_may_stand_for_a_standard_one) {
  auto pair = *make_pipe();
  auto options = shell("echo direct");
  options.out = Wire::kNull;
  options.pass_fds = {{pair.second.get(), 1}};
  auto child = spawn(options);
  ASSERT_TRUE(child);
  pair.second.reset();
  EXPECT_EQ(read_all(pair.first), "direct\n");
}

TEST(Process, starts_clean_own_session_no_new_privs_no_core_no_blocked_signals) {
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
  ignore_broken_pipes();
  auto child =
      spawn(shell("cat /proc/self/status /proc/self/limits; cut -d' ' -f5,6 /proc/$$/stat; echo $$"));
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
  ASSERT_TRUE(child);
  const std::string text = read_all(child->out);
  const std::string pid = std::to_string(child->pid());
  EXPECT_NE(text.find("NoNewPrivs:\t1"), std::string::npos);
  EXPECT_NE(text.find("SigBlk:\t0000000000000000"), std::string::npos);
  EXPECT_NE(text.find("SigIgn:\t0000000000000000"), std::string::npos);
  EXPECT_NE(text.find("Max core file size        0 "), std::string::npos);
  EXPECT_TRUE(text.ends_with(pid + " " + pid + "\n" + pid + "\n")) << text;  // group and session are its own
}

TEST(Process, what_cannot_start_names_the_command_and_the_cause) {
  const auto temp = TempDir::create();
  const auto absent = spawn({.argv = {"no-such-program-here"}});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Code::kDriverStart);
  EXPECT_NE(absent.error().message.find("no-such-program-here"), std::string::npos);
  const auto no_file = spawn({.argv = {*temp / "gone"}});
  ASSERT_FALSE(no_file);
  EXPECT_EQ(no_file.error().code, Code::kDriverStart);
  EXPECT_NE(no_file.error().message.find("No such file"), std::string::npos);
  ASSERT_TRUE(write_atomic(*temp / "plain", "text", {.mode = 0600}));
  const auto not_executable = spawn({.argv = {*temp / "plain"}});
  ASSERT_FALSE(not_executable);
  EXPECT_NE(not_executable.error().message.find("Permission denied"), std::string::npos);
  auto nowhere = shell("true");
  nowhere.directory = *temp / "absent";
  const auto no_folder = spawn(nowhere);
  ASSERT_FALSE(no_folder);
  EXPECT_NE(no_folder.error().message.find("absent"), std::string::npos);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // and no zombie of the attempts is left
}

TEST(Process, script_without_interpreter_line_runs_in_the_shell) {
  const auto temp = TempDir::create();
  ASSERT_TRUE(write_atomic(*temp / "script", "echo script got $1\n", {.mode = 0700}));
  auto child = spawn({.argv = {*temp / "script", "one"}});
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_EQ(read_all(child->out), "script got one\n");
}

TEST(Process, kill_ends_the_whole_group) {
  auto child = spawn(shell("sleep 1000 & echo $!; wait"));
  ASSERT_TRUE(child);
  char buffer[32];
  const ssize_t got = ::read(child->out.get(), buffer, sizeof buffer);
  ASSERT_GT(got, 0);
  const int grandchild = std::stoi(std::string(buffer, static_cast<std::size_t>(got)));
  EXPECT_TRUE(process_start_time(grandchild).has_value());
  child->kill();
  EXPECT_EQ(child->poll()->signal, SIGKILL);
  wait_until_gone(grandchild);
}

TEST(Process, grandchildren_do_not_outlive_a_child_that_ends_by_itself) {
  auto child = spawn(shell("sleep 1000 >/dev/null 2>&1 & echo $!"));
  ASSERT_TRUE(child);
  const int grandchild = std::stoi(read_all(child->out));
  EXPECT_EQ(child->wait().code, 0);
  wait_until_gone(grandchild);
}

TEST(Process, destroying_the_handle_ends_the_child_and_detaching_does_not) {
  int pid = 0;
  {
    const auto child = spawn(shell("exec sleep 1000"));
    ASSERT_TRUE(child);
    pid = child->pid();
  }
  EXPECT_FALSE(process_start_time(pid).has_value());
  int detached = 0;
  {
    auto options = shell("exec sleep 1000");
    options.lifetime = Lifetime::kDetached;
    auto child = spawn(options);
    ASSERT_TRUE(child);
    detached = child->detach();
  }
  EXPECT_TRUE(process_start_time(detached).has_value());
  ASSERT_EQ(::kill(detached, SIGKILL), 0);
  ASSERT_EQ(::waitpid(detached, nullptr, 0), detached);
}

TEST(Process, child_dies_with_its_parent_by_the_kernels_hand) {
  auto report = *make_pipe();
  const int parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {  // a parent that is killed without any chance to clean up
    auto child = spawn(shell("exec sleep 1000"));
    const int pid = child ? child->pid() : -1;
    (void)!::write(report.second.get(), &pid, sizeof pid);
    ::raise(SIGKILL);
  }
  int pid = 0;
  ASSERT_EQ(::read(report.first.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  wait_until_gone(pid);
}

TEST(Process, what_a_child_started_in_the_background_dies_with_its_parent_too) {
  auto report = *make_pipe();
  const int parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    // Deaf to every polite signal, as a stubborn server's own child may be.
    auto child = spawn(shell("(trap '' TERM HUP INT; exec sleep 1000) >/dev/null 2>&1 & echo $!; wait"));
    char buffer[32];
    const ssize_t got = child ? ::read(child->out.get(), buffer, sizeof buffer) : 0;
    const int pid = got > 0 ? std::stoi(std::string(buffer, static_cast<std::size_t>(got))) : -1;
    (void)!::write(report.second.get(), &pid, sizeof pid);
    ::raise(SIGKILL);
  }
  int pid = 0;
  ASSERT_EQ(::read(report.first.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  wait_until_gone(pid);
}

TEST(Process, a_keeper_ends_and_is_reaped_with_its_child) {
  auto child = spawn(shell("cat; wait"));  // a program that waits for all of its children is not held up
  ASSERT_TRUE(child);
  child->in.reset();
  EXPECT_EQ(child->wait().code, 0);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// A daemon: its own session, its parent gone, deaf to what can be ignored. Says its pid.
constexpr std::string_view kDaemon =
    "setsid sh -c 'trap \"\" TERM HUP INT; (exec sleep 1000 >/dev/null 2>&1 & echo $!)' ";

int number_from(const Fd& fd) {
  std::array<char, 32> buffer{};
  const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
  return got > 0 ? std::stoi(std::string(buffer.data(), static_cast<std::size_t>(got))) : -1;
}

TEST(Process, a_daemon_does_not_outlive_the_child_that_started_it) {
  for (const std::string_view then : {"; cat", "; exit 3"}) {
    auto child = spawn(shell(std::string(kDaemon) + std::string(then)));
    ASSERT_TRUE(child) << child.error().message;
    const int daemon = number_from(child->out);
    ASSERT_GT(daemon, 0);
    if (then == "; cat") child->kill();
    EXPECT_EQ(child->wait().code, then == "; cat" ? -1 : 3);
    EXPECT_FALSE(process_start_time(daemon).has_value());  // gone before the end of the child is told
  }
}

TEST(Process, a_daemon_of_a_child_dies_with_the_parent) {
  auto report = *make_pipe();
  const int parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    auto child = spawn(shell(std::string(kDaemon) + "; cat"));
    const int pid = child ? number_from(child->out) : -1;
    (void)!::write(report.second.get(), &pid, sizeof pid);
    ::raise(SIGKILL);
  }
  int pid = 0;
  ASSERT_EQ(::read(report.first.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  wait_until_gone(pid);
}

int parent_of(int pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096).value_or("");
  return std::stoi(text.substr(text.rfind(')') + 4));
}

TEST(Process, a_daemon_does_not_outlive_a_killed_keeper_where_orphans_are_adopted) {
  const int host = ::fork();
  ASSERT_GE(host, 0);
  if (host == 0) {  // a process of its own: a subreaper stays one
    if (!adopt_orphans()) ::_exit(1);
    auto detach = shell("exec sleep 1000");
    detach.lifetime = Lifetime::kDetached;
    auto apart = spawn(detach);  // is nobody's orphan
    auto other = spawn(shell("exec sleep 1000"));
    auto child = spawn(shell(std::string(kDaemon) + "; exec sleep 1000"));
    if (!apart || !other || !child) ::_exit(2);
    const int detached = apart->detach(), daemon = number_from(child->out);
    if (::kill(parent_of(child->pid()), SIGKILL) != 0 || child->wait().signal != SIGKILL) ::_exit(3);
    if (process_start_time(daemon) || process_start_time(child->pid())) ::_exit(4);
    if (!other->running() || other->poll()) ::_exit(5);
    if (!process_start_time(detached)) ::_exit(6);
    ::_exit(::kill(detached, SIGKILL) == 0 ? 0 : 7);
  }
  int state = 0;
  ASSERT_EQ(::waitpid(host, &state, 0), host);
  if (state != 0)
    FAIL() << "the host ended at step " << WEXITSTATUS(state) << " by signal " << WTERMSIG(state);
}

TEST(Process, how_a_child_ended_is_told_through_its_keeper) {
  EXPECT_EQ(spawn(shell("kill -TERM $$"))->wait().signal, SIGTERM);
  EXPECT_EQ(spawn(shell("kill -KILL $$"))->wait().signal, SIGKILL);
  EXPECT_EQ(spawn(shell("exit 200"))->wait().code, 200);
}

TEST(Process, start_time_tells_processes_apart_and_absent_ones_have_none) {
  ASSERT_TRUE(process_start_time(own_pid()));
  EXPECT_EQ(process_start_time(own_pid()).value(), process_start_time(own_pid()).value());
  EXPECT_EQ(process_start_time(0x3fffffff).error().code, Code::kLost);
}

// Else a panel without a descriptor to spare would give up every lane whose end it looks at.
TEST(Process, one_that_cannot_be_looked_at_is_not_taken_for_dead) {
  const ProcessId own = own_process().value();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto start_time = process_start_time(own.pid);
  const auto watched = watch_process(own.pid, own.start_time);
  const bool alive = is_alive(own), absent = is_alive({.pid = 0x3fffffff, .start_time = 1});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(start_time);
  EXPECT_NE(start_time.error().code, Code::kLost);
  ASSERT_FALSE(watched);
  EXPECT_NE(watched.error().code, Code::kLost);
  EXPECT_TRUE(alive);
  EXPECT_FALSE(absent);
  EXPECT_FALSE(is_alive({.pid = own.pid, .start_time = own.start_time + 1}));
}

TEST(Process, one_that_ended_has_no_start_time_before_it_is_reaped) {
  auto options = shell("exit 0");
  options.lifetime = Lifetime::kDetached;
  auto child = spawn(options);
  ASSERT_TRUE(child);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child->pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(process_start_time(child->pid()));
}

TEST(ProcessWatch, each_is_told_once_in_order_and_one_descriptor_watches_a_process) {
  const auto loop = Loop::create().value();
  ProcessWatch watch(*loop);
  auto child = spawn(shell("read wait"));
  ASSERT_TRUE(child);
  const ProcessId process{.pid = child->pid(), .start_time = process_start_time(child->pid()).value()};
  std::vector<int> told;
  std::array<ProcessWatch::Id, 4> ids{};
  for (int i = 0; i < 4; ++i) {
    ids[static_cast<std::size_t>(i)] = watch
                                           .watch(process,
                                                  [&, i] {
                                                    told.push_back(i);
                                                    if (i == 0) watch.forget(ids[2]);
                                                  })
                                           .value();
  }
  EXPECT_EQ(watch.processes(), 1U);
  watch.forget(ids[1]);
  watch.forget(ids[1]);
  EXPECT_FALSE(loop->run_once({0}));
  child->in.reset();
  for (int turns = 0; turns < 2000 && told.size() < 2; ++turns) loop->run_once(nanos_from_ms(10));
  EXPECT_EQ(told, (std::vector{0, 3}));
  EXPECT_EQ(watch.processes(), 0U);
  (void)child->wait();
  EXPECT_EQ(watch.watch(process, [] {}).error().code, Code::kLost);
}

TEST(OutputOf, a_program_that_does_not_end_is_given_up_and_killed) {
  const auto temp = TempDir::create();
  const std::string pids = *temp / "pids";
  const OutputLimits limits{.bytes_max = 1000, .time_max = nanos_from_ms(300)};
  // One that says nothing, and one that closes its output and stays.
  for (const char* script : {"sleep 1000", "exec >&-; sleep 1000"}) {
    auto options = shell("echo $$ > " + pids + "; " + script);
    const auto said = output_of(options, limits);
    ASSERT_FALSE(said) << script;
    EXPECT_EQ(said.error().code, Code::kDeadline) << script;
    if (const auto pid = read_file(pids, 100); pid && !pid->empty()) wait_until_gone(std::stoi(*pid));
  }
  const OutputLimits enough{.bytes_max = 1000, .time_max = nanos_from_ms(600'000)};
  EXPECT_EQ(output_of(shell("echo yes"), enough).value(), "yes\n");
  EXPECT_EQ(output_of(shell("exit 3"), enough).value(), std::nullopt);
  EXPECT_EQ(output_of(shell("yes | head -c 100000"), enough).error().code, Code::kLimit);
}

TEST(Process, path_lookup_takes_the_first_runnable_file) {
  const auto temp = TempDir::create();
  ASSERT_TRUE(make_directories(*temp / "a/tool"));  // a folder of that name is no program
  ASSERT_TRUE(make_directories(*temp / "b"));
  ASSERT_TRUE(make_directories(*temp / "c"));
  ASSERT_TRUE(write_atomic(*temp / "b/tool", "", {.mode = 0600}));
  ASSERT_TRUE(write_atomic(*temp / "c/tool", "", {.mode = 0700}));
  const std::string path = (*temp / "a") + ":" + (*temp / "b") + ":" + (*temp / "c");
  EXPECT_EQ(find_on_path("tool", path), *temp / "c/tool");
  EXPECT_EQ(find_on_path("other", path), std::nullopt);
  EXPECT_EQ(find_on_path("", path), std::nullopt);
  EXPECT_EQ(find_on_path(*temp / "c/tool", ""), *temp / "c/tool");
}

TEST(Process, what_runs_apart_is_nobodys_child_and_holds_only_what_it_was_given) {
  auto [ours, theirs] = *make_pipe();
  Fd other(::dup(theirs.get()));
  const int session = ::getsid(0);
  ASSERT_TRUE(run_apart("rtt-apart", {theirs.get()}, [&out = theirs, &other, session] {
    const std::string text = current_directory().value_or("?") +
                             (::getsid(0) == session ? " the same session" : " a session of its own") +
                             (::fcntl(other.get(), F_GETFD) < 0 ? ", closed" : ", open");
    return ::write(out.get(), text.data(), text.size()) < 0 ? 1 : 0;
  }));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  theirs.reset();
  other.reset();
  EXPECT_EQ(read_all(ours), "/ a session of its own, closed");  // until it has ended
}

}  // namespace
}  // namespace rtt::os
