// SPDX-License-Identifier: Apache-2.0
// Nature: what the simulated processes have instead of a kernel: one clock, one source of chance, process
// numbers, and a disk.
//
// Everything else of src/os is real: loops wait on real sockets of this process, lanes lie in real shared
// memory. The functions of src/os that would let the outside in (the clocks, randomness, who a process is,
// and writes that a disk may refuse) are taken by the linker instead (--wrap, world.cmake), so the product
// has no switch for it. While no Nature is set they are what they are everywhere.
//
// A moment of time passes only when the world says so: whatever runs, runs at one instant.
//
// Owns: the ends of processes.   Thread: one.   Fails: as src/os.
#pragma once

#include <deque>
#include <map>

#include "base/units.h"
#include "disk.h"
#include "os/loop.h"
#include "os/pipe.h"
#include "os/process.h"
#include "random.h"

namespace rtt::sim {

// A driver host that the panel started, and that the world has to bring up.
struct Birth {
  int pid = 0;
  std::string instance;
};

class Nature {
 public:
  explicit Nature(std::uint64_t seed) : chance(seed) {}
  ~Nature();
  Nature(const Nature&) = delete;
  Nature& operator=(const Nature&) = delete;
  void rule();               // from now on it is this one
  static Nature* current();  // nothing: the real one
  void workspace_stays();    // what is read of it now is remembered (remembered.cc)
  [[nodiscard]] bool remembers() const { return remembers_; }

  int born();  // the number of a new process, which lives
  void died(int pid, os::ExitState how);
  [[nodiscard]] std::optional<os::ExitState> ended(int pid) const;  // nothing: it lives
  [[nodiscard]] Result<std::uint64_t> start_time(int pid) const;
  Result<os::Fd> watch(int pid, std::uint64_t start_time);

  Instant time{1'000'000'000'000};
  std::int64_t wall_us = 1'764'000'000'000'000;  // less the monotonic clock: what the wall clock is ahead
  Random chance;
  Disk disk;
  std::unique_ptr<os::Loop> waiting = os::Loop::create().value();  // for all processes' loops at once
  int running = 0;                                                 // whose turn it is
  int panel = 0;
  std::deque<int> at_the_door;  // who connected to the panel and is not accepted yet, in order
  std::deque<Birth> births;     // started, and not running yet
  Instant no_births_until;      // whoever wants to start a process before that cannot

 private:
  struct Life {
    std::uint64_t start_time = 0;
    os::Fd end;  // closed when it dies
    std::vector<os::Fd> spare;
  };
  std::map<int, Life> lives_;
  std::map<int, os::ExitState> ended_;
  bool remembers_ = false;
  int last_pid_ = 1 << 30;  // above PID_MAX_LIMIT: what the product may signal in earnest is no process
};

}  // namespace rtt::sim
