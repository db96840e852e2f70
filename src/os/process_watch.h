// SPDX-License-Identifier: Apache-2.0
// ProcessWatch: who is to be told when another process has ended, on an event loop.
//
// One pidfd a process, however many wait for its end (pidfd_open(2)); told apart by start time from a later
// process with the same number.
//
// Owns: the pidfds, the tasks.   Thread: the loop's.   Units: clock ticks since boot (start time).
// Fails: watch: kLost (it has ended already), kLimit (descriptors).   Limits: none of its own.
#pragma once

#include <functional>
#include <map>

#include "os/fd.h"
#include "os/loop.h"

namespace rtt::os {

struct ProcessId {
  int pid = 0;  // 0: none
  std::uint64_t start_time = 0;
};
Result<ProcessId> own_process();
// One whose start time cannot be read counts as alive while its pid is in use.
bool is_alive(const ProcessId& process);

class ProcessWatch {
 public:
  using Task = std::function<void()>;
  using Id = std::uint64_t;  // 0: none

  explicit ProcessWatch(Loop& loop) : loop_(loop) {}
  ~ProcessWatch();
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

  // Runs `ended` once. Tasks of one process run in the order they were given, and may watch and forget.
  Result<Id> watch(const ProcessId& process, Task ended);
  void forget(Id id);  // unknown, run or 0: nothing
  [[nodiscard]] std::size_t processes() const { return processes_.size(); }

 private:
  using Key = std::pair<int, std::uint64_t>;  // pid, start time
  struct Process {
    Fd pidfd;
    std::map<Id, Task> tasks;
  };
  void ended(Key key);

  Loop& loop_;
  std::map<Key, Process> processes_;
  std::map<Id, Key> ids_;
  Id last_ = 0;
};

}  // namespace rtt::os
