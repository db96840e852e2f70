// SPDX-License-Identifier: Apache-2.0
// Child processes: started in their own session with rlimits and, unless said otherwise, no_new_privs,
// watched by pidfd, ended as a group.
//
// A child and all that it started, daemons included, die with their parent unless Lifetime::kDetached: a
// keeper between the two sees to it (keeper.h). When a kWithParent child ends, what it leaves is killed
// before its end is told. Environment is given whole: nothing leaks in from ours by accident; of our
// descriptors only pass_fds cross. Secrets travel only in the environment, never in arguments. fork() and
// exec() rather than vfork: a failed exec is reported through a pipe with its errno, and everything between
// the two calls is async-signal-safe.
//
// Owns: Child owns the pidfd and the pipe ends; destroying it kills the group if it is still running.
// Thread: one.   Fails: kDriverStart (exec failed, with errno and the command's name), kIo, kLimit.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "os/fd.h"
#include "os/sandbox.h"

namespace rtt::os {

enum class Lifetime : std::uint8_t { kWithParent, kDetached };
enum class Wire : std::uint8_t { kNull, kPipe, kInherit };

// Whether a setuid program that it runs counts: fusermount3 mounts for users other than root by being one.
enum class Setuid : std::uint8_t { kIgnored, kCounts };

struct SpawnOptions {
  std::vector<std::string> argv;                         // argv[0] is looked up on PATH of `env`
  std::vector<std::pair<std::string, std::string>> env;  // the whole environment
  std::string directory;                                 // empty = ours
  Wire in = Wire::kPipe, out = Wire::kPipe, err = Wire::kPipe;
  Lifetime lifetime = Lifetime::kWithParent;
  Setuid setuid = Setuid::kIgnored;           // kIgnored: no_new_privs
  std::vector<std::pair<int, int>> pass_fds;  // (ours, number in the child); wins over wires
  Sandbox sandbox;  // what it may reach; kDriverStart where the kernel cannot hold it
};

struct ExitState {
  int code = 0;  // exit code, or −1 if a signal ended it
  int signal = 0;
};

class Child {
 public:
  Child() = default;
  ~Child();
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;

  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }  // readable when it and all of its own have ended
  Fd in, out, err;                                          // our ends, blocking descriptors we own

  [[nodiscard]] bool running() const { return pid_ > 0 && !ended_; }  // not reaped yet
  std::optional<ExitState> poll();                                    // reaps; nothing while it runs
  ExitState wait();                                                   // blocks
  void signal_group(int signal);
  void kill();   // SIGKILL to the whole group, then reaps
  int detach();  // gives up ownership; returns the pid

 private:
  friend Result<Child> spawn(const SpawnOptions& options);
  std::optional<ExitState> reap(int flags);

  int pid_ = 0;
  int keeper_ = 0;  // our own child: the keeper, or a detached child itself
  Lifetime lifetime_ = Lifetime::kWithParent;
  Fd pidfd_;
  std::optional<ExitState> ended_;
};

Result<Child> spawn(const SpawnOptions& options);
// Does `life` in a copy of this process that is nobody's child and has a session of its own, so that neither
// a terminal nor who waits for all its children sees it; of our descriptors it has `keep`. REQUIRES: one
// thread.
Status run_apart(const char* name, std::vector<int> keep, const std::function<int()>& life);
// Becomes this program (looked up on PATH) with our environment, descriptors and terminal; returns only why
// it could not.
Error become_program(const std::vector<std::string>& argv);
std::vector<std::pair<std::string, std::string>> own_environment();
std::optional<std::string> find_on_path(const std::string& program, const std::string& path);
std::string own_executable();  // /proc/self/exe resolved
// Readable once that process has ended; kLost if it is gone already or its pid belongs to another one by now;
// kLimit, kIo: it cannot be told.
Result<Fd> watch_process(int pid, std::uint64_t start_time);
void await_end(const Fd& process);  // blocks
// Of a live one, in clock ticks since boot: tells a reused pid apart. kLost: there is none; anything else: it
// cannot be told (no descriptor is left), which must not be taken for death.
Result<std::uint64_t> process_start_time(int pid);
void signal_process(int pid, int signal);  // one that is gone already: nothing
int own_pid();
unsigned own_uid();
unsigned own_gid();
void become_session_leader();  // for daemons: setsid; nothing if it is one already
Status redirect_stdio(
    const std::string& log_path);  // stdin: /dev/null; stdout, stderr: the log, or /dev/null if empty
// No core files, umask 077, no_new_privs unless setuid counts (DUMPABLE is the lanes' matter).
void harden_self(Setuid setuid = Setuid::kIgnored);
bool setuid_counts();        // for this process and what it starts
void ignore_broken_pipes();  // nor files that may not grow (SIGXFSZ): such a write fails

}  // namespace rtt::os
