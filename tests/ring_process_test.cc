// SPDX-License-Identifier: Apache-2.0
// One ring between two processes that share nothing else than descriptors: every frame verified by what its
// id says it holds. RTT_RING_FRAMES asks for more than the million of the ordinary run (make soak: 10^8).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "fabric/shm/ring_consumer.h"
#include "fabric/shm/ring_producer.h"
#include "os/clock.h"
#include "os/memfd.h"
#include "os/unix_socket.h"

namespace rtt::fabric::shm {
namespace {

constexpr std::int64_t kPatienceMs = 20'000;

std::uint64_t frames_asked() {
  const char* asked = std::getenv("RTT_RING_FRAMES");
  return asked == nullptr ? 1'000'000 : std::strtoull(asked, nullptr, 10);
}

std::uint64_t mix(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

// Mostly small, some in the arena, few large.
std::size_t size_of(std::uint64_t number) {
  const std::uint64_t chance = mix(number);
  if (chance % 1000 == 0) return chance >> 10 & 0xffff;
  if (chance % 10 == 0) return chance >> 10 & 0x3ff;
  return chance >> 10 & 0x7f;
}

void fill(MutableBytes payload, std::uint64_t number) {
  std::uint64_t word = mix(number ^ 0x5bd1e995);
  for (std::size_t at = 0; at < payload.size(); at += 8, word = word * 6364136223846793005u + 1)
    std::memcpy(payload.data() + at, &word, std::min<std::size_t>(8, payload.size() - at));
}

WaitBudget budget(Nanos spin) {
  return {.spin = spin, .deadline = os::now() + nanos_from_ms(kPatienceMs), .others = {}};
}

// The reading process: its own index page, the writer's lane by descriptor. Its exit status is the verdict.
int read_frames(int socket, RingOptions options, std::uint64_t frames, Nanos spin) {
  if (os::register_fence() == os::Fence::kFull) options.fence = os::Fence::kFull;
  auto index = os::create_shared_memory("index", kIndexBytes);
  std::byte hello{};
  auto got = os::receive_wait(socket, {&hello, 1}, 1, kPatienceMs);
  if (!index || !got || got->fds.size() != 1) return 10;
  const auto lane = os::map_shared_memory(got->fds[0].get(), lane_bytes(options.size));
  if (!lane || !check_lane_page(options, lane->bytes())) return 11;
  if (!os::send_all(socket, {&hello, 1}, {index->readable.get()})) return 12;
  RingConsumer consumer(options, {.lane = lane->bytes(), .index = index->memory.writable()});
  Bytes expected(1 << 16), copy(1 << 16);
  for (std::uint64_t number = 0; number < frames; ++number) {
    if (consumer.poll() != Poll::kFrame && consumer.wait(budget(spin)) != Woke::kReady) return 13;
    const std::size_t size = size_of(number);
    if (consumer.header().len != size || !consumer.copy_out(copy)) return 14;
    fill(MutableBytes(expected).first(size), number);
    if (size > 0 && std::memcmp(expected.data(), copy.data(), size) != 0) return 15;
    consumer.release();
  }
  Incoming last;
  if (consumer.poll() != Poll::kFrame && consumer.wait(budget(spin)) != Woke::kReady) return 16;
  return consumer.pull(last) == Pulled::kFin ? 0 : 17;
}

void write_frames(int socket, const RingOptions& options, std::uint64_t frames, Nanos spin) {
  auto lane = os::create_shared_memory("lane", lane_bytes(options.size)).value();
  RingProducer::write_lane_page(options, lane.memory.writable());
  std::byte hello{1};
  ASSERT_TRUE(os::send_all(socket, {&hello, 1}, {lane.readable.get()}).has_value());
  auto got = os::receive_wait(socket, {&hello, 1}, 1, kPatienceMs);
  ASSERT_TRUE(got.has_value() && got->fds.size() == 1);
  const auto index = os::map_shared_memory(got->fds[0].get(), kIndexBytes).value();
  RingProducer producer(options, {.lane = lane.memory.writable(), .index = index.bytes()});
  for (std::uint64_t number = 0; number < frames;) {
    const std::size_t size = size_of(number);
    const auto into = producer.reserve(size);
    if (!into) {
      ASSERT_EQ(producer.blocked(), Sent::kFull) << producer.error().message;
      ASSERT_EQ(producer.wait_room(size, budget(spin)), Woke::kReady) << "frame " << number;
      continue;
    }
    fill(*into, number++);
    ASSERT_EQ(producer.commit(0, size), Sent::kDone);
  }
  ASSERT_EQ(producer.send_fin(), Sent::kDone);
}

void run_pair(const RingOptions& options, std::uint64_t frames, Nanos spin) {
  auto ends = os::socket_pair().value();
  const pid_t child = ::fork();
  if (child == 0) {
    ends.first.reset();
    ::_exit(read_frames(ends.second.get(), options, frames, spin));
  }
  ends.second.reset();
  write_frames(ends.first.get(), options, frames, spin);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ring_process, every_frame_arrives_as_its_id_says) {
  const os::Fence fence = os::register_fence();
  run_pair({.route_id = 7, .generation = 1, .frame_id_first = 0xffff0000u, .fence = fence}, frames_asked(),
           {20'000});
}

TEST(ring_process, sleeping_ends_lose_no_wake) {
  const os::Fence fence = os::register_fence();
  run_pair({.size = {64, 68 << 10}, .route_id = 7, .fence = fence}, frames_asked() / 10, {0});
  run_pair({.size = {64, 68 << 10}, .route_id = 7, .fence = os::Fence::kFull}, frames_asked() / 10, {0});
}

}  // namespace
}  // namespace rtt::fabric::shm
