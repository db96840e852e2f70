// SPDX-License-Identifier: Apache-2.0
#include "os/futex.h"

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/assert.h"
#include "os/clock.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

namespace rtt::os {
namespace {

// As in linux/futex.h since 5.16; older headers lack it.
struct WaitvEntry {
  std::uint64_t value = 0;
  std::uint64_t address = 0;
  std::uint32_t flags = 0;
  std::uint32_t reserved = 0;
};
constexpr std::uint32_t kWaitv32 = 2;
// How long a wait on one of several words may miss a change of the others where futex_waitv is missing.
constexpr std::int64_t kSliceNs = 1'000'000;

std::uint32_t load(const std::uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

timespec to_timespec(Instant time) {
  timespec out{};
  out.tv_sec = time.ns / 1'000'000'000;
  out.tv_nsec = time.ns % 1'000'000'000;
  return out;
}

WaitEnd end_of(long result) {
  return result < 0 && errno == ETIMEDOUT ? WaitEnd::kDeadline : WaitEnd::kChanged;
}

WaitEnd wait_one(const WaitWord& on, Instant deadline) {
  const timespec until = to_timespec(deadline);
  // FUTEX_WAIT_BITSET takes an absolute monotonic time, FUTEX_WAIT a relative one.
  return end_of(
      ::syscall(SYS_futex, on.word, FUTEX_WAIT_BITSET, on.expected, &until, nullptr, FUTEX_BITSET_MATCH_ANY));
}

}  // namespace

WaitEnd wait_any(std::span<const WaitWord> words, Instant deadline) {
  RTT_ASSERT(!words.empty() && words.size() <= kWaitWordsMax);
  if (words.size() == 1) return wait_one(words[0], deadline);
  std::array<WaitvEntry, kWaitWordsMax> entries{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    entries[i].value = words[i].expected;
    entries[i].address = reinterpret_cast<std::uintptr_t>(words[i].word);
    entries[i].flags = kWaitv32;
  }
  const timespec until = to_timespec(deadline);
  const long result = ::syscall(SYS_futex_waitv, entries.data(), words.size(), 0U, &until, CLOCK_MONOTONIC);
  if (result >= 0 || (errno != ENOSYS && errno != EPERM)) return end_of(result);
  for (const WaitWord& on : words) {
    if (load(on.word) != on.expected) return WaitEnd::kChanged;
  }
  const Instant slice = std::min(deadline, now() + Nanos{kSliceNs});
  const WaitEnd end = wait_one(words[0], slice);
  return end == WaitEnd::kDeadline && slice < deadline ? WaitEnd::kChanged : end;
}

void wake_all(const std::uint32_t* word) {
  ::syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

Fence register_fence() {
  const long can = ::syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
  if (can < 0 || (can & MEMBARRIER_CMD_GLOBAL_EXPEDITED) == 0) return Fence::kFull;
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) != 0) return Fence::kFull;
  return Fence::kMembarrier;
}

void sleeper_fence(Fence fence) {
  full_fence();
  // It was allowed at registration; a filter put on later must not turn into lost wakes, so it is asserted.
  if (fence == Fence::kMembarrier)
    RTT_ASSERT(::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0);
}

}  // namespace rtt::os
