// SPDX-License-Identifier: Apache-2.0
// Processes: those on this machine that a command line tells, and what they have used.
//
// Thread: any.   Units: cpu in ns (the kernel's own count, not its 10 ms ticks), memory in bytes.
// Fails: never; a process that ends meanwhile counts as nothing.
#pragma once

#include <string>
#include <vector>

namespace rtt::bench {

// Whose command line (arguments joined by NUL) holds every one of these; never this process.
std::vector<int> processes_with(const std::vector<std::string>& words);

struct Usage {
  double cpu_ns = 0, resident_bytes = 0;
};
Usage usage_of(const std::vector<int>& pids);  // all threads

}  // namespace rtt::bench
