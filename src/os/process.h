// SPDX-License-Identifier: Apache-2.0
// Child processes: started in their own session with no_new_privs and rlimits, watched by pidfd, ended as a group.
//
// A child dies with its parent (PR_SET_PDEATHSIG, rechecked after the fork) unless Lifetime::kDetached. Environment is
// given whole: nothing leaks in from ours by accident. Secrets travel only in the environment, never in arguments.
//
// Owns: Child owns the pidfd and the pipe ends; destroying it kills the group if it is still running.
// Thread: one.   Fails: kDriverStart (exec failed, with errno and the command's name), kIo.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "os/fd.h"

namespace rtt::os {

enum class Lifetime : std::uint8_t { kWithParent, kDetached };
enum class Wire : std::uint8_t { kNull, kPipe, kInherit };

struct SpawnOptions {
  std::vector<std::string> argv;                                    // argv[0] is looked up on PATH of `env`
  std::vector<std::pair<std::string, std::string>> env;             // the whole environment
  std::string directory;                                            // empty = ours
  Wire in = Wire::kPipe, out = Wire::kPipe, err = Wire::kPipe;
  Lifetime lifetime = Lifetime::kWithParent;
  std::vector<std::pair<int, int>> pass_fds;                        // (ours, number in the child)
};

struct ExitState {
  int code = 0;    // exit code, or −1 if a signal ended it
  int signal = 0;
};

class Child {
 public:
  Child() = default;
  ~Child();
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;

  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }  // readable when it has ended
  Fd in, out, err;                                          // our ends, blocking descriptors we own

  std::optional<ExitState> poll();            // reaps; nothing while it runs
  ExitState wait();                           // blocks
  void signal_group(int signal);
  void kill();                                // SIGKILL to the whole group, then reaps
  int detach();                               // gives up ownership; returns the pid

 private:
  friend Result<Child> spawn(const SpawnOptions& options);
  int pid_ = 0;
  Fd pidfd_;
  std::optional<ExitState> ended_;
};

Result<Child> spawn(const SpawnOptions& options);
std::vector<std::pair<std::string, std::string>> own_environment();
std::optional<std::string> find_on_path(const std::string& program, const std::string& path);
std::string own_executable();                     // /proc/self/exe resolved
bool process_alive(int pid);
std::optional<std::uint64_t> process_start_time(int pid);  // clock ticks since boot; tells a reused pid apart
int own_pid();
unsigned own_uid();
void become_session_leader();                     // for daemons: setsid, stdio to /dev/null or a log
Status redirect_stdio(const std::string& log_path);
void harden_self();                               // no_new_privs, PR_SET_DUMPABLE=0 left to lanes, umask 077
void ignore_broken_pipes();

}  // namespace rtt::os
