// SPDX-License-Identifier: Apache-2.0
// Shared-memory rows: round trips of a copying, checksumming ring pair between two spinning processes on
// different processors, against what the machine itself needs: a cache line handed over and back (64 B), a
// blocking unix stream (64 KiB). One process pair measures all, in blocks of about a millisecond that take
// turns, so that a busy machine meets the row and its reference alike.
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

#include "client.h"
#include "fabric/shm/ring_consumer.h"
#include "fabric/shm/ring_producer.h"
#include "os/memfd.h"
#include "report.h"

namespace rtt::bench {
namespace {

using namespace fabric::shm;

constexpr std::size_t kSmallBytes = 64, kLargeBytes = std::size_t{64} << 10;
// Round trips a sample: a clock read costs 22 ns, a line's round trip 300.
constexpr int kPerSample = 16;

enum class Mode : std::uint32_t { kIdle, kLine, kSmall, kLarge, kStream, kEnd };

// One line a word: what the two processes tell each other, and the bare ping-pong.
struct Board {
  alignas(128) std::atomic<std::uint64_t> order;  // block number << 8 | mode
  alignas(128) std::atomic<std::uint64_t> done;
  alignas(128) std::atomic<std::uint64_t> ping;
  alignas(128) std::atomic<std::uint64_t> pong;
  std::atomic<std::uint64_t> rounds;
};

void stay_on(std::size_t processor) {
  cpu_set_t allowed, one;
  CPU_ZERO(&one);
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  for (std::size_t cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed) && seen++ == processor) CPU_SET(cpu, &one);
  }
  ::sched_setaffinity(0, sizeof one, &one);  // with one processor alone: no placement
}

// One direction, made before the fork: each process uses its own end.
struct Direction {
  explicit Direction(const RingOptions& options)
      : lane(os::create_shared_memory("bench lane", lane_bytes(options.size)).value()),
        index(os::create_shared_memory("bench index", kIndexBytes).value()),
        lane_seen(os::map_shared_memory(lane.readable.get(), lane_bytes(options.size)).value()),
        index_seen(os::map_shared_memory(index.readable.get(), kIndexBytes).value()),
        producer(options, {.lane = lane.memory.writable(), .index = index_seen.bytes()}),
        consumer(options, {.lane = lane_seen.bytes(), .index = index.memory.writable()}) {}
  os::SharedMemory lane, index;
  os::Mapping lane_seen, index_seen;
  RingProducer producer;
  RingConsumer consumer;
};

class Pair {
 public:
  Pair()
      : options_{.size = {64, std::size_t{256} << 10}, .route_id = 1, .fence = os::register_fence()},
        there_(options_),
        back_(options_),
        buffer_(kLargeBytes) {
    void* at = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) give_up("no shared memory");
    board_ = new (at) Board{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets_.data()) != 0) give_up("socketpair failed");
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(sockets_[0]);
      options_.fence = os::register_fence();
      stay_on(1);
      serve();
      ::_exit(0);
    }
    ::close(sockets_[1]);
    ::sched_getaffinity(0, sizeof before_, &before_);
    stay_on(0);
  }
  ~Pair() {
    order(Mode::kEnd, 0);
    ::close(sockets_[0]);
    ::waitpid(child_, nullptr, 0);
    ::munmap(board_, sizeof(Board));
    ::sched_setaffinity(0, sizeof before_, &before_);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  // A block of `rounds` round trips; every `per_sample` of them are a sample of their mean.
  void block(Mode mode, int rounds, int per_sample, Samples& into) {
    order(mode, rounds);
    for (int i = 0; i < rounds; i += per_sample) {
      const std::int64_t begin = now_ns();
      for (int j = 0; j < per_sample; ++j) call(mode);
      into.add((now_ns() - begin) / per_sample);
    }
    while (board_->done.load(std::memory_order_acquire) != blocks_) os::spin_pause();
  }

 private:
  void order(Mode mode, int rounds) {
    board_->rounds.store(static_cast<std::uint64_t>(rounds), std::memory_order_relaxed);
    board_->order.store(++blocks_ << 8 | static_cast<std::uint64_t>(mode), std::memory_order_release);
  }
  void call(Mode mode) {
    switch (mode) {
      case Mode::kLine: {
        const std::uint64_t next = ++pings_;
        board_->ping.store(next, std::memory_order_release);
        while (board_->pong.load(std::memory_order_acquire) != next) {
        }
        break;
      }
      case Mode::kSmall:
        send_small(there_.producer);
        take_small(back_.consumer);
        break;
      case Mode::kLarge:
        send_large(there_.producer);
        take_large(back_.consumer);
        break;
      case Mode::kStream:
        write_whole(sockets_[0]);
        read_whole(sockets_[0]);
        break;
      case Mode::kIdle:
      case Mode::kEnd:
        break;
    }
  }
  void answer(Mode mode) {
    switch (mode) {
      case Mode::kLine: {
        const std::uint64_t next = ++pings_;
        while (board_->ping.load(std::memory_order_acquire) != next) {
        }
        board_->pong.store(next, std::memory_order_release);
        break;
      }
      case Mode::kSmall:
        take_small(there_.consumer);
        send_small(back_.producer);
        break;
      case Mode::kLarge:
        take_large(there_.consumer);
        send_large(back_.producer);
        break;
      case Mode::kStream:
        read_whole(sockets_[1]);
        write_whole(sockets_[1]);
        break;
      case Mode::kIdle:
      case Mode::kEnd:
        break;
    }
  }
  void serve() {
    for (std::uint64_t block = 1;; ++block) {
      std::uint64_t order = 0;
      while ((order = board_->order.load(std::memory_order_acquire)) >> 8 != block) os::spin_pause();
      const auto mode = static_cast<Mode>(order & 255);
      if (mode == Mode::kEnd) return;
      const std::uint64_t rounds = board_->rounds.load(std::memory_order_relaxed);
      for (std::uint64_t i = 0; i < rounds; ++i) answer(mode);
      board_->done.store(block, std::memory_order_release);
    }
  }

  void send_small(RingProducer& producer) {
    while (producer.send(0, ByteView(buffer_).first(kSmallBytes)) == Sent::kFull) {
    }
  }
  void take_small(RingConsumer& consumer) {
    Poll polled;
    while ((polled = consumer.poll()) == Poll::kEmpty) {
    }
    if (polled != Poll::kFrame || !consumer.copy_out(buffer_)) give_up("a frame did not verify");
    consumer.release();
  }
  void send_large(RingProducer& producer) {
    Outgoing message{.payload = buffer_};
    while (producer.push(message) == Sent::kFull) {
    }
  }
  void take_large(RingConsumer& consumer) {
    Incoming message{.into = buffer_};
    Pulled pulled;
    while ((pulled = consumer.pull(message)) == Pulled::kEmpty) {
    }
    if (pulled != Pulled::kMessage || message.size != kLargeBytes) give_up("a message did not verify");
  }
  void read_whole(int fd) {
    for (std::size_t at = 0; at < kLargeBytes;) {
      const ssize_t got = ::read(fd, buffer_.data() + at, kLargeBytes - at);
      if (got <= 0) ::_exit(1);
      at += static_cast<std::size_t>(got);
    }
  }
  void write_whole(int fd) {
    for (std::size_t at = 0; at < kLargeBytes;) {
      const ssize_t put = ::write(fd, buffer_.data() + at, kLargeBytes - at);
      if (put <= 0) ::_exit(1);
      at += static_cast<std::size_t>(put);
    }
  }

  RingOptions options_;
  Direction there_, back_;
  Bytes buffer_;
  Board* board_ = nullptr;
  std::array<int, 2> sockets_{};
  pid_t child_ = 0;
  std::uint64_t blocks_ = 0, pings_ = 0;
  cpu_set_t before_{};
};

}  // namespace

void shm_rows(const Settings& settings, Report& report) {
  Pair pair;
  Samples line, small, large, stream, unused;
  const auto round = [&](Samples& l, Samples& s, Samples& b, Samples& u) {
    pair.block(Mode::kLine, 200 * kPerSample, kPerSample, l);
    pair.block(Mode::kSmall, 150 * kPerSample, kPerSample, s);
    pair.block(Mode::kLarge, 80, 1, b);
    pair.block(Mode::kStream, 40, 1, u);
  };
  for (int i = 0; i < 25 / settings.scale + 1; ++i) round(unused, unused, unused, unused);  // warm-up
  for (int i = 0; i < 300 / settings.scale; ++i) round(line, small, large, stream);
  report.add_with_reference({"shm.64B.copy_crc.p50.first", small.median(), "ns", {}, {}},
                            {"line_rtt.p50", line.median(), "ns", {}, {}});
  report.add_with_reference({"shm.64KiB.copy_crc.p50.first", large.median(), "ns", {}, {}},
                            {"uds.64KiB.p50", stream.median(), "ns", {}, {}});
  report.add({"shm.64KiB.copy_crc.p99", large.percentile(99), "ns", {}, {}});
}

}  // namespace rtt::bench
