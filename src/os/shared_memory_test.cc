// SPDX-License-Identifier: Apache-2.0
// Shared memory that only its creator can write: whatever the holder of the passed descriptor tries, the
// kernel refuses it; whatever a peer sends that is not such memory, we refuse.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "os/clock.h"
#include "os/futex.h"
#include "os/memfd.h"

namespace rtt::os {
namespace {

constexpr std::size_t kBytes = std::size_t{64} << 10;

Fd reopened(int fd, int flags) {
  return Fd(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), flags | O_CLOEXEC));
}

TEST(shared_memory, reader_sees_what_the_writer_wrote_and_begins_zero) {
  auto shared = create_shared_memory("test", kBytes).value();
  const auto seen = map_shared_memory(shared.readable.get(), kBytes).value();
  for (const std::byte b : seen.bytes()) ASSERT_EQ(b, std::byte{0});
  shared.memory.writable()[kBytes - 1] = std::byte{42};
  EXPECT_EQ(seen.bytes()[kBytes - 1], std::byte{42});
}

TEST(shared_memory, holder_of_the_descriptor_can_neither_write_nor_cut_nor_unseal_it) {
  auto shared = create_shared_memory("test", kBytes).value();
  struct stat info{};
  ASSERT_EQ(::fstat(shared.readable.get(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0400u);
  // Opening for writing is denied by the mode, but for root; for root the seals are what holds.
  const Fd again = reopened(shared.readable.get(), O_RDWR);
  for (const int fd : {shared.readable.get(), again.get()}) {
    if (fd < 0) continue;
    EXPECT_NE(::write(fd, "x", 1), 1);
    EXPECT_NE(::ftruncate(fd, 4096), 0);
    EXPECT_NE(::ftruncate(fd, 1 << 20), 0);
    EXPECT_EQ(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    EXPECT_NE(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
    EXPECT_NE(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
  }
  void* at = ::mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, shared.readable.get(), 0);
  ASSERT_NE(at, MAP_FAILED);
  EXPECT_NE(::mprotect(at, kBytes, PROT_READ | PROT_WRITE), 0);
  ::munmap(at, kBytes);
}

TEST(shared_memory, receiver_refuses_what_lacks_a_seal_or_has_another_size) {
  const std::array<int, 4> seals{F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL};
  for (const int missing : seals) {
    const Fd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(fd.get(), kBytes), 0);
    int some = 0;
    for (const int seal : seals) some |= seal == missing ? 0 : seal;
    ASSERT_EQ(::fcntl(fd.get(), F_ADD_SEALS, some), 0);
    const auto refused = map_shared_memory(fd.get(), kBytes);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::kFrame);
  }
  auto shared = create_shared_memory("test", kBytes).value();
  for (const std::size_t other : {kBytes - 4096, kBytes + 4096}) {
    const auto refused = map_shared_memory(shared.readable.get(), other);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::kFrame);
  }
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const Fd in(pipe[0]), out(pipe[1]), file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  for (const int fd : {in.get(), file.get()})
    EXPECT_EQ(map_shared_memory(fd, kBytes).error().code, Code::kFrame);
}

// In a child: the limit stands for a machine without room.
TEST(shared_memory, no_room_is_an_error_at_creation) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{.rlim_cur = 4096, .rlim_max = 4096};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const auto refused = create_shared_memory("test", kBytes);
    ::_exit(!refused && refused.error().code == Code::kNoSpace ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Instant patience() { return now() + Nanos{20'000'000'000}; }

// The waiter has the word mapped read-only; the waker has its own mapping.
TEST(futex, wakes_across_mappings_whichever_word_changes) {
  auto a = create_shared_memory("a", 4096).value();
  auto b = create_shared_memory("b", 4096).value();
  const auto a_seen = map_shared_memory(a.readable.get(), 4096).value();
  const auto b_seen = map_shared_memory(b.readable.get(), 4096).value();
  const auto word = [](ByteView bytes) { return reinterpret_cast<const std::uint32_t*>(bytes.data()); };
  for (const bool second : {false, true}) {
    auto& changed = second ? b : a;
    std::thread waker([&] {
      auto* at = reinterpret_cast<std::uint32_t*>(changed.memory.writable().data());
      __atomic_store_n(at, 1, __ATOMIC_SEQ_CST);
      wake_all(at);
    });
    const std::array<WaitWord, 2> words{{{word(a_seen.bytes()), 0}, {word(b_seen.bytes()), 0}}};
    const std::uint32_t* const waited = word(second ? b_seen.bytes() : a_seen.bytes());
    while (__atomic_load_n(waited, __ATOMIC_ACQUIRE) == 0)
      ASSERT_EQ(wait_any(words, patience()), WaitEnd::kChanged);
    waker.join();
    __atomic_store_n(reinterpret_cast<std::uint32_t*>(changed.memory.writable().data()), 0, __ATOMIC_SEQ_CST);
  }
}

TEST(futex, deadline_ends_a_wait_on_one_word_and_on_two) {
  auto shared = create_shared_memory("test", 4096).value();
  const auto* word = reinterpret_cast<const std::uint32_t*>(shared.memory.bytes().data());
  const std::array<WaitWord, 2> words{{{word, 0}, {word + 1, 0}}};
  for (const std::size_t count : {1u, 2u}) {
    WaitEnd end = WaitEnd::kChanged;
    const Instant deadline = now() + Nanos{1'000'000};
    while (end == WaitEnd::kChanged) end = wait_any(std::span(words).first(count), deadline);
    EXPECT_GE(now(), deadline);
  }
}

// On one processor nothing can overtake anything. Where there is only one, the test holds of itself.
void stay_on_another_processor(int than) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  CPU_CLR(static_cast<std::size_t>(than), &allowed);
  if (CPU_COUNT(&allowed) > 0) ::sched_setaffinity(0, sizeof allowed, &allowed);
}
void stay_on_processor(int number) {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(static_cast<std::size_t>(number), &here);
  ::sched_setaffinity(0, sizeof here, &here);
}

// The law the whole of sleeping rests on: of two that each write and then look, one sees the other. Without
// either fence this fails within a few thousand rounds, for a store waits in the processor's buffer while the
// load passes it.
TEST(futex, of_sleeper_and_waker_one_sees_the_other) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  for (const Fence fence : {register_fence(), Fence::kFull}) {
    constexpr std::uint32_t kRounds = 8000;
    // The waker writes a frame of lines that the other core holds before its word, as a ring does: until they
    // are fetched its stores wait.
    alignas(128) static std::uint32_t words[3 * 32];
    alignas(128) static std::uint32_t frame[16 * 32];
    std::uint32_t &asleep = words[0], &written = words[32], &gate = words[64];
    asleep = written = gate = 0;
    std::vector<char> waker_saw(kRounds + 1), sleeper_saw(kRounds + 1);
    const auto meet = [&](std::uint32_t round) {
      __atomic_fetch_add(&gate, 1, __ATOMIC_SEQ_CST);
      for (int spins = 0; __atomic_load_n(&gate, __ATOMIC_ACQUIRE) < 2 * round; ++spins) {
        if (spins > 100'000) std::this_thread::yield();
      }
    };
    ::sched_setaffinity(0, sizeof before, &before);
    const int here = ::sched_getcpu();
    std::thread waker([&, here] {
      stay_on_another_processor(here);
      for (std::uint32_t round = 1; round <= kRounds; ++round) {
        meet(round);
        (void)__atomic_load_n(&asleep, __ATOMIC_RELAXED);
        for (std::size_t line = 0; line < 16; ++line)
          __atomic_store_n(&frame[line * 32], round, __ATOMIC_RELAXED);
        __atomic_store_n(&written, round, __ATOMIC_RELEASE);
        waker_fence(fence);
        waker_saw[round] = __atomic_load_n(&asleep, __ATOMIC_ACQUIRE) == round;
      }
    });
    stay_on_processor(here);
    for (std::uint32_t round = 1; round <= kRounds; ++round) {
      for (std::size_t line = 0; line < 16; ++line)
        __atomic_fetch_add(&frame[line * 32], 1, __ATOMIC_RELAXED);
      (void)__atomic_load_n(&written, __ATOMIC_RELAXED);
      meet(round);
      for (std::uint32_t i = 0; i < round % 16; ++i) spin_pause();  // meets the waker at every offset
      __atomic_store_n(&asleep, round, __ATOMIC_RELEASE);
      sleeper_fence(fence);
      sleeper_saw[round] = __atomic_load_n(&written, __ATOMIC_ACQUIRE) == round;
    }
    waker.join();
    int neither = 0;
    for (std::uint32_t round = 1; round <= kRounds; ++round)
      neither += !waker_saw[round] && !sleeper_saw[round];
    EXPECT_EQ(neither, 0);
    ::sched_setaffinity(0, sizeof before, &before);
  }
}

}  // namespace
}  // namespace rtt::os
