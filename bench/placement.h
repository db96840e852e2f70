// SPDX-License-Identifier: Apache-2.0
// Placement: keeps this process and what it measures on one core or on two. Where the scheduler puts a pair
// moves a round trip fourfold, and it rarely puts two pairs alike, so a ratio holds only between pairs that
// are placed alike.
//
// Owns: the affinity of this process while it lives; children started meanwhile inherit it, those of later
// rows are placed freely again.   Thread: pins the calling thread.   Units: none.
// Fails: ends the bench with a message.   Limits: the first two cores this process may use.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <array>
#include <initializer_list>

namespace rtt::bench {

class Placement {
 public:
  Placement();
  ~Placement();
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;

  // This process on the first core, the servers on it too or on the second.
  void same_core(std::initializer_list<pid_t> servers) { place(servers, cpus_[0]); }
  void two_cores(std::initializer_list<pid_t> servers) { place(servers, cpus_[count_ - 1]); }
  // The calling thread alone, on the first (0) or the second (1) core.
  void thread_on(std::size_t core) const;

 private:
  void place(std::initializer_list<pid_t> servers, int cpu) const;

  cpu_set_t free_{};
  std::array<int, 2> cpus_{};
  std::size_t count_ = 0;
};

}  // namespace rtt::bench
