// SPDX-License-Identifier: Apache-2.0
// Keeper: the small process between us and a child, which ends everything the child has started.
//
// A process group or a parent-death signal reaches only those who stay in it or ask for it: a server that
// daemonizes (setsid, double fork) escapes both. The keeper is the child's parent and its subreaper
// (PR_SET_CHILD_SUBREAPER), so whatever loses its parent below it becomes the keeper's; it waits for our end
// by pidfd and for the child's by SIGCHLD, then kills and reaps until it has no children left, and ends as
// the child ended. It holds no descriptor, no environment and no memory of its own beside what the fork
// shared.
//
// Should somebody kill the keeper (SIGKILL; it blocks all else), the child dies by the kernel's parent-death
// signal, and what else was below it goes to the nearest subreaper above. A process that hosts servers is one
// (adopt_orphans) and ends them when it reaps that keeper. Who is an orphan is told by its session: keepers
// stay in ours, and all that runs under them began with setsid(), which nobody can undo.
//
// What runs in the keeper is async-signal-safe. A kernel without /proc/PID/task/TID/children
// (CONFIG_PROC_CHILDREN) is common, so /proc is read as a whole, and only when there is somebody to end.
//
// Owns: nothing.   Thread: one.   Fails: adopt_orphans: kIo.   Limits: kRoundsMax rounds of killing.
#pragma once

#include <optional>

#include "base/result.h"

namespace rtt::os {

struct KeeperFds {
  int parent = -1;   // a pidfd: readable when our parent has ended
  int signals = -1;  // a signalfd for SIGCHLD
};
// What must be open before the child is there: a failure is then still the child's failure to start.
std::optional<KeeperFds> open_keeper(int parent_pid);
// Ends as `child` ends. REQUIRES: all signals blocked; `child` is a child of this process.
[[noreturn]] void keep_child(int child, const KeeperFds& fds);
// By which signal a child ended, told by the one that ended its keeper; 0: the keeper itself was killed.
int signal_behind(int keeper_signal);

Status adopt_orphans();
// Ends and reaps what a killed keeper left to this process; nothing unless adopt_orphans() was called.
void end_orphans();

}  // namespace rtt::os
