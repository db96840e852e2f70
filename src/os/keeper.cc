// SPDX-License-Identifier: Apache-2.0
#include "os/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace rtt::os {
namespace {

constexpr int kRoundsMax = 1'000'000;  // each ends a process: what forks faster than that has won anyhow

struct Kin {
  int parent = 0, session = 0;
};

// The decimal number at `at`, which is moved behind it and the space that follows.
int number_at(const char*& at) {
  int value = 0;
  while (*at >= '0' && *at <= '9') value = value * 10 + (*at++ - '0');
  if (*at == ' ') ++at;
  return value;
}

// proc(5): "pid (comm) state ppid pgrp session …"; comm may hold anything.
std::optional<Kin> kin_of(int proc, const char* pid) {
  std::array<char, 64> path{};
  const std::size_t length = ::strnlen(pid, 16);
  std::memcpy(path.data(), pid, length);
  std::memcpy(path.data() + length, "/stat", 6);
  const int fd = ::openat(proc, path.data(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::array<char, 512> text{};
  const ssize_t got = ::read(fd, text.data(), text.size() - 1);
  (void)::close(fd);
  if (got <= 0) return std::nullopt;
  const char* at = std::strrchr(text.data(), ')');
  if (at == nullptr || std::strlen(at) < 5) return std::nullopt;
  at += 4;  // ") S "
  Kin kin;
  kin.parent = number_at(at);
  (void)number_at(at);
  kin.session = number_at(at);
  return kin;
}

// Calls `each(pid, session)` for every child of this process.
template <typename Each>
void for_children(const Each& each) {
  const int proc = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return;
  const int self = ::getpid();
  alignas(8) std::array<char, 16384> entries{};
  for (;;) {
    const long got = ::syscall(SYS_getdents64, proc, entries.data(), entries.size());
    if (got <= 0) break;
    for (long at = 0; at < got;) {
      // struct linux_dirent64: inode (8), offset (8), length (2), type (1), name.
      const char* entry = entries.data() + at;
      unsigned short length = 0;
      std::memcpy(&length, entry + 16, sizeof length);
      const char* name = entry + 19;
      at += length;
      if (*name < '1' || *name > '9') continue;
      const auto kin = kin_of(proc, name);
      if (kin && kin->parent == self) each(number_at(name), kin->session);
    }
  }
  (void)::close(proc);
}

// Until nothing is left: what a killed process leaves becomes ours before we hear of its end.
void end_children() {
  for (int round = 0; round < kRoundsMax; ++round) {
    const int ended = ::waitpid(-1, nullptr, WNOHANG);
    if (ended > 0 || (ended < 0 && errno == EINTR)) continue;
    if (ended < 0) return;  // ECHILD
    for_children([](int pid, int) { (void)::kill(pid, SIGKILL); });
    (void)::waitpid(-1, nullptr, 0);
  }
}

// Reaps orphans; whether the child itself has ended (it stays a zombie, so its number stays its own).
bool child_ended(int child, siginfo_t& info) {
  for (;;) {
    info.si_pid = 0;
    if (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
        info.si_pid == child) {
      return true;
    }
    siginfo_t other{};
    if (::waitid(P_ALL, 0, &other, WEXITED | WNOWAIT | WNOHANG) != 0 || other.si_pid == 0) return false;
    if (other.si_pid != child) (void)::waitpid(other.si_pid, nullptr, 0);
  }
}

[[noreturn]] void end_as(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) ::_exit(info.si_status);
  const int signal = info.si_status == SIGKILL ? SIGRTMAX : info.si_status;
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  (void)::sigaction(signal, &standard, nullptr);
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
  sigset_t unblocked;
  ::sigemptyset(&unblocked);
  (void)::kill(::getpid(), signal);
  (void)::sigprocmask(SIG_SETMASK, &unblocked, nullptr);
  ::_exit(127);
}

}  // namespace

std::optional<KeeperFds> open_keeper(int parent_pid) {
  KeeperFds fds;
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  fds.parent = static_cast<int>(::syscall(SYS_pidfd_open, parent_pid, 0));
  fds.signals = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fds.parent < 0 || fds.signals < 0 || ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    return std::nullopt;
  return fds;
}

void keep_child(int child, const KeeperFds& fds) {
  constexpr int kParent = 0, kSignals = 1;
  const int signals = ::fcntl(fds.signals, F_DUPFD_CLOEXEC, 3);
  if (::dup2(fds.parent, kParent) == kParent && ::dup2(signals, kSignals) == kSignals)
    (void)::syscall(SYS_close_range, 2U, ~0U, 0);
  (void)!::chdir("/");
  siginfo_t info{};
  std::array<pollfd, 2> events{
      {{.fd = kParent, .events = POLLIN, .revents = 0}, {.fd = kSignals, .events = POLLIN, .revents = 0}}};
  bool ended = child_ended(child, info);
  while (!ended) {
    if (::poll(events.data(), events.size(), -1) < 0 && errno != EINTR) break;
    if (events[0].revents != 0) break;
    signalfd_siginfo drained{};
    while (::read(kSignals, &drained, sizeof drained) > 0) {
    }
    ended = child_ended(child, info);
  }
  (void)::kill(-child, SIGKILL);
  end_children();
  if (ended) end_as(info);
  ::_exit(127);
}

int signal_behind(int keeper_signal) {
  if (keeper_signal == SIGKILL) return 0;
  return keeper_signal == SIGRTMAX ? SIGKILL : keeper_signal;
}

Status adopt_orphans() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    return fail(Code::kIo, "this process cannot adopt what its children leave");
  return {};
}

void end_orphans() {
  int adopts = 0;
  if (::prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0) != 0 || adopts == 0) return;
  const int own = ::getsid(0);  // 0, here and in /proc, where its leader is outside of our pid namespace
  for (int round = 0; round < kRoundsMax; ++round) {
    int found = 0;
    for_children([&](int pid, int session) {
      if (session == own) return;
      ++found;
      (void)::kill(pid, SIGKILL);
      (void)::waitpid(pid, nullptr, 0);
    });
    if (found == 0) return;
  }
}

}  // namespace rtt::os
