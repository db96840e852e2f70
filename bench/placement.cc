// SPDX-License-Identifier: Apache-2.0
#include "placement.h"

#include <algorithm>

#include "client.h"

namespace rtt::bench {
namespace {

void pin(pid_t process, int cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  if (::sched_setaffinity(process, sizeof cpus, &cpus) != 0) give_up("cannot pin a process to a core");
}

}  // namespace

Placement::Placement() {
  if (::sched_getaffinity(0, sizeof free_, &free_) != 0) give_up("cannot read where this process may run");
  for (int cpu = 0; cpu < CPU_SETSIZE && count_ < cpus_.size(); ++cpu) {
    if (CPU_ISSET(cpu, &free_)) cpus_[count_++] = cpu;
  }
}

Placement::~Placement() { ::sched_setaffinity(0, sizeof free_, &free_); }

void Placement::thread_on(std::size_t core) const { pin(0, cpus_[std::min(core, count_ - 1)]); }

void Placement::place(std::initializer_list<pid_t> servers, int cpu) const {
  pin(0, cpus_[0]);
  for (const pid_t server : servers) pin(server, cpu);
}

}  // namespace rtt::bench
