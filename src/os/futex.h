// SPDX-License-Identifier: Apache-2.0
// Sleeping on words of shared memory (futex), and the fence that makes sleeping safe.
//
// Who waits writes "I sleep" and then looks once more at the word it waits for; who wakes writes that word
// and then looks whether somebody sleeps. Either of them must see the other's write, so between the two steps
// both need a full fence. With membarrier(GLOBAL_EXPEDITED) the sleeper pays for both (some microseconds,
// next to a sleep) and the other side pays nothing on each frame; where seccomp forbids membarrier both
// pay 6.5 ns. Both ends must use the same kind: it is agreed when they meet. A word may lie in memory that is
// mapped read-only: the kernel knows a word by file and offset.
//
// Thread: any.   Units: nanoseconds.   Fails: never; a wait may end early (kChanged), so callers look again.
// Limits: kWaitWordsMax words a wait.
#pragma once

#include <cstdint>
#include <span>

#include "base/units.h"

namespace rtt::os {

inline constexpr std::size_t kWaitWordsMax = 8;

// Sleeps while *word == expected. REQUIRES: word is mapped (read-only is enough) and aligned.
struct WaitWord {
  const std::uint32_t* word = nullptr;
  std::uint32_t expected = 0;
};
enum class WaitEnd : std::uint8_t { kChanged, kDeadline };

// Until one of the words changes and its writer wakes, or a signal, or the deadline. kChanged: look again.
WaitEnd wait_any(std::span<const WaitWord> words, Instant deadline);
void wake_all(const std::uint32_t* word);

enum class Fence : std::uint8_t { kMembarrier, kFull };

// Registers this process, once at start is enough. kFull where the kernel or seccomp does not allow
// membarrier. REQUIRES: after fork a child calls it again before it takes part.
Fence register_fence();
void sleeper_fence(Fence fence);  // between "I sleep" and looking once more

inline void full_fence() {
#if defined(__x86_64__)
  asm volatile("lock orq $0, (%%rsp)" ::: "memory", "cc");
#else
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
// Between writing the word and looking whether somebody sleeps on it.
inline void waker_fence(Fence fence) {
  if (fence == Fence::kFull)
    full_fence();
  else
    asm volatile("" ::: "memory");
}

inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace rtt::os
