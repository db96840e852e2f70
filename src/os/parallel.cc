// SPDX-License-Identifier: Apache-2.0
#include "os/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace rtt::os {
namespace {

// Taken at a time: enough that the counter's cache line is no matter, few enough that none waits long for
// the last.
constexpr std::size_t kTaken = 8;

std::size_t cores() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  return static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed)));
}

}  // namespace

void in_parallel(std::size_t count, const std::function<void(std::size_t piece)>& work,
                 std::size_t pieces_min) {
  std::atomic<std::size_t> next = 0;
  const std::size_t taken = count >= kTaken * kParallelThreadsMax ? kTaken : 1;
  const auto some = [&] {
    for (std::size_t begin = next.fetch_add(taken); begin < count; begin = next.fetch_add(taken)) {
      for (std::size_t piece = begin; piece < std::min(begin + taken, count); ++piece) work(piece);
    }
  };
  std::vector<std::jthread> others;  // joined when it goes, before what they work on
  const std::size_t threads = count < pieces_min ? 1 : std::min(cores(), kParallelThreadsMax);
  try {
    while (others.size() + 1 < threads) others.emplace_back(some);
  } catch (const std::system_error&) {  // no thread is to be had: those that are do it
  }
  some();
}

}  // namespace rtt::os
