// SPDX-License-Identifier: Apache-2.0
// A route direction between processes that share nothing else than descriptors, whose ends are killed -9 in
// the middle of a lane: the other end goes on with the next ring in order, nobody hangs, nothing stays open.
// RTT_SOAK_KILLS asks for more than the 20 kills of the ordinary run (make soak).
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "fabric/shm/chain_consumer.h"
#include "fabric/shm/chain_producer.h"
#include "os/clock.h"
#include "os/memfd.h"
#include "os/unix_socket.h"

namespace rtt::fabric::shm {
namespace {

constexpr std::int64_t kPatienceMs = 20'000;
const RingSize kSize{.slots = 64, .arena_bytes = 64U << 10};

int kills_asked() {
  const char* asked = std::getenv("RTT_SOAK_KILLS");
  return asked == nullptr ? 20 : std::atoi(asked);
}
std::size_t open_fds() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    count += entry.exists() ? 1U : 0U;
  return count;
}
RingOptions options_of(std::uint32_t number, os::Fence fence) {
  return {.size = kSize, .route_id = 7, .generation = number, .fence = fence};
}
WaitBudget budget(std::int64_t ms = kPatienceMs) {
  return {.spin = Nanos{10'000}, .deadline = os::now() + nanos_from_ms(ms), .others = {}};
}
ByteView bytes_of(const std::uint64_t& value) { return std::as_bytes(std::span(&value, 1)); }

void give(int socket, std::initializer_list<int> fds) {
  const std::byte hello{1};
  RTT_ASSERT(os::send_all(socket, {&hello, 1}, fds).has_value());
}
std::vector<os::Fd> get(int socket, int count) {
  std::byte hello{};
  auto got = os::receive_wait(socket, {&hello, 1}, count, kPatienceMs);
  RTT_ASSERT(got.has_value() && got->fds.size() == static_cast<std::size_t>(count));
  return std::move(got->fds);
}

// What one end makes for a ring, and what it passes on.
struct Lane {
  explicit Lane(const RingOptions& options)
      : memory(os::create_shared_memory("lane", lane_bytes(kSize)).value()) {
    RingProducer::write_lane_page(options, memory.memory.writable());
  }
  os::SharedMemory memory;
};
os::SharedMemory make_index() { return os::create_shared_memory("index", kIndexBytes).value(); }
os::Mapping map(const os::Fd& fd, std::size_t bytes) {
  return os::map_shared_memory(fd.get(), bytes).value();
}
ControlView view_of(int fd) { return ControlView::open(fd, {.generation = 1, .route_id = 7}).value(); }

struct Child {
  pid_t pid = -1;
  os::Fd socket;
  void kill_and_reap() const {
    ::kill(pid, SIGKILL);
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status));
  }
};
template <typename Body>
Child start(Body body) {
  auto ends = os::socket_pair().value();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ends.first.reset();
    ::_exit(body(ends.second.get()));
  }
  return {.pid = pid, .socket = std::move(ends.first)};
}

// A producer's process: counts up from 1 until it is killed.
int produce(int socket, std::uint32_t number) {
  const RingOptions options = options_of(number, os::register_fence());
  Lane lane(options);
  give(socket, {lane.memory.readable.get()});
  const auto fds = get(socket, 2);  // index, control
  ChainProducer chain(view_of(fds[1].get()), {.number = number,
                                              .options = options,
                                              .lane = std::move(lane.memory.memory),
                                              .index = map(fds[0], kIndexBytes)});
  for (std::uint64_t value = 1;;) {
    const ChainSent sent = chain.send(0, bytes_of(value));
    if (sent == ChainSent::kBroken) return 20;
    if (sent == ChainSent::kDone)
      ++value;
    else if (chain.wait(8, budget()) == Woke::kDeadline)
      return 21;
  }
}

TEST(chain_process, a_producer_killed_mid_lane_is_followed_by_another) {
  const os::Fence fence = os::register_fence();
  const std::size_t before = open_fds();
  {
    auto control = ControlPage::create({.generation = 1, .route_id = 7}, 1).value();
    std::optional<ChainConsumer> chain;
    for (std::uint32_t number = 1; number <= static_cast<std::uint32_t>(kills_asked()); ++number) {
      const Child child = start([&](int socket) { return produce(socket, number); });
      const auto lane = get(child.socket.get(), 1);
      os::SharedMemory index = make_index();
      give(child.socket.get(), {index.readable.get(), control.readable()});
      ChainConsumer::Ring ring{.number = number,
                               .options = options_of(number, fence),
                               .lane = map(lane[0], lane_bytes(kSize)),
                               .index = std::move(index.memory),
                               .producer = number == 1 ? Peer::kSame : Peer::kOther,
                               .gate = {}};
      if (!chain) {
        chain.emplace(view_of(control.readable()), std::move(ring));
      } else {
        ASSERT_TRUE(chain->add(std::move(ring)));
        control.flip(number);
      }
      std::uint64_t taken = 0;
      const std::uint64_t enough = 1000 + number * 37;
      bool killed = false;
      for (;;) {
        const ChainPoll polled = chain->poll();
        if (polled == ChainPoll::kLeft) break;
        if (polled == ChainPoll::kEmpty) {
          ASSERT_EQ(chain->wait(budget()), Woke::kReady) << "ring " << number;
          continue;
        }
        ASSERT_EQ(polled, ChainPoll::kFrame) << chain->error().message;
        std::uint64_t value = 0;
        ASSERT_TRUE(chain->copy_out(std::as_writable_bytes(std::span(&value, 1))));
        ASSERT_EQ(value, ++taken);
        chain->release();
        if (taken < enough || killed) continue;
        child.kill_and_reap();
        chain->producer_died();
        killed = true;
      }
      EXPECT_TRUE(killed);
    }
  }
  EXPECT_EQ(open_fds(), before);
}

// A consumer's process: takes frames, each one more than the one before, until the direction ends.
int consume(int socket, std::uint32_t number, int tell) {
  const RingOptions options = options_of(number, os::register_fence());
  os::SharedMemory index = make_index();
  give(socket, {index.readable.get()});
  const auto fds = get(socket, number == 1 ? 2 : 3);  // lane, control, gate
  ChainConsumer chain(view_of(fds[1].get()),
                      {.number = number,
                       .options = options,
                       .lane = map(fds[0], lane_bytes(kSize)),
                       .index = std::move(index.memory),
                       .gate = number == 1 ? os::Mapping() : map(fds[2], kIndexBytes)});
  if (number > 1) chain.gate_owner_died();  // it was killed before this one started
  std::uint64_t last = 0;
  for (std::uint64_t taken = 0;;) {
    const ChainPoll polled = chain.poll();
    if (polled == ChainPoll::kBroken) return 30;
    if (polled == ChainPoll::kLeft) return taken > 0 ? 0 : 31;
    if (polled == ChainPoll::kEmpty) {
      if (chain.wait(budget()) != Woke::kReady) return 32;
      continue;
    }
    std::uint64_t value = 0;
    if (!chain.copy_out(std::as_writable_bytes(std::span(&value, 1)))) return 33;
    if (taken > 0 && value != last + 1) return 34;
    last = value;
    chain.release();
    const std::byte enough{1};
    if (++taken == 500 && !os::send_all(tell, {&enough, 1}, {})) return 35;
  }
}

TEST(chain_process, a_consumer_killed_mid_lane_is_followed_by_another) {
  const os::Fence fence = os::register_fence();
  const std::size_t before = open_fds();
  for (int round = 0; round < kills_asked() / 4 + 1; ++round) {
    auto control = ControlPage::create({.generation = 1, .route_id = 7}, 1).value();
    const Child first = start([](int socket) { return consume(socket, 1, socket); });
    const auto index_one = get(first.socket.get(), 1);
    Lane one(options_of(1, fence));
    give(first.socket.get(), {one.memory.readable.get(), control.readable()});
    ChainProducer chain(view_of(control.readable()), {.number = 1,
                                                      .options = options_of(1, fence),
                                                      .lane = std::move(one.memory.memory),
                                                      .index = map(index_one[0], kIndexBytes)});
    std::uint64_t value = 0;
    const auto send_many = [&](std::uint64_t count) {
      for (const std::uint64_t end = value + count; value < end;) {
        const ChainSent sent = chain.send(0, bytes_of(value + 1));
        ASSERT_NE(sent, ChainSent::kBroken) << chain.error().message;
        if (sent == ChainSent::kDone)
          ++value;
        else
          ASSERT_EQ(chain.wait(8, budget()), Woke::kReady);
      }
    };
    send_many(2000);
    std::byte enough{};
    ASSERT_TRUE(os::receive_wait(first.socket.get(), {&enough, 1}, 0, kPatienceMs).has_value());
    first.kill_and_reap();
    const Child second = start([](int socket) { return consume(socket, 2, socket); });
    const auto index_two = get(second.socket.get(), 1);
    Lane two(options_of(2, fence));
    give(second.socket.get(), {two.memory.readable.get(), control.readable(), index_one[0].get()});
    ASSERT_TRUE(chain.add({.number = 2,
                           .options = options_of(2, fence),
                           .lane = std::move(two.memory.memory),
                           .index = map(index_two[0], kIndexBytes)}));
    chain.reader_died(1);
    control.flip(2);
    send_many(2000);
    EXPECT_LE(chain.lost(), kSize.slots);
    while (chain.finish() != ChainSent::kDone) ASSERT_EQ(chain.wait(0, budget()), Woke::kReady);
    int status = 0;
    ASSERT_EQ(::waitpid(second.pid, &status, 0), second.pid);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  EXPECT_EQ(open_fds(), before);
}

}  // namespace
}  // namespace rtt::fabric::shm
