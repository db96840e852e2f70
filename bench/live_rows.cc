// SPDX-License-Identifier: Apache-2.0
// Rows of living endpoints: what a counted frame costs more than an uncounted one, and how long a flip takes
// to the first frame of the new ring under load.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "client.h"
#include "fabric/shm/chain_consumer.h"
#include "fabric/shm/chain_producer.h"
#include "os/clock.h"
#include "placement.h"
#include "report.h"
#include "telemetry/recorder.h"

namespace rtt::bench {
namespace {

using namespace fabric::shm;

// What a lane's end does for each message that it asks and has answered: three counts, a depth, a latency,
// the clock read twice.
void telemetry_row(const Settings& settings, Report& report) {
  auto page = os::create_shared_memory("bench telemetry", telemetry::kPageBytes).value();
  telemetry::Recorder recorder(page.memory.writable(), 1, 1);
  const int frames = 2'000'000 / settings.scale;
  Samples on, off;
  volatile std::uint64_t sink = 0;
  for (int round = 0; round < 21; ++round) {
    const std::int64_t begin = now_ns();
    for (int i = 0; i < frames; ++i) sink = sink + static_cast<std::uint64_t>(i);
    const std::int64_t between = now_ns();
    for (int i = 0; i < frames; ++i) {
      sink = sink + static_cast<std::uint64_t>(i);
      const Instant since = os::now();
      recorder.sent();
      recorder.queue_depth(1);
      recorder.received();
      recorder.latency(static_cast<std::uint64_t>((os::now() - since).value));
    }
    const std::int64_t end = now_ns();
    off.add((between - begin) * 1000 / frames);
    on.add((end - between) * 1000 / frames);
  }
  // Two frames a call: the request and its reply.
  report.add({"telemetry.per_frame.first", (on.median() - off.median()) / 1000.0 / 2.0, "ns", {}, {}});
}

struct Ring {
  ChainProducer::Ring producer;
  ChainConsumer::Ring consumer;
};

Ring make_ring(std::uint32_t number, os::Fence fence) {
  const RingOptions options{
      .size = {256, std::size_t{256} << 10}, .route_id = 1, .generation = number, .fence = fence};
  auto lane = os::create_shared_memory("bench lane", lane_bytes(options.size)).value();
  auto index = os::create_shared_memory("bench index", kIndexBytes).value();
  RingProducer::write_lane_page(options, lane.memory.writable());
  Ring ring;
  ring.consumer = {.number = number, .options = options};
  ring.consumer.lane = os::map_shared_memory(lane.readable.get(), lane_bytes(options.size)).value();
  ring.producer = {.number = number, .options = options};
  ring.producer.index = os::map_shared_memory(index.readable.get(), kIndexBytes).value();
  ring.producer.lane = std::move(lane.memory);
  ring.consumer.index = std::move(index.memory);
  return ring;
}

// Rings are handed to the two threads through one place each, behind one atomic.
template <typename Item>
class Slot {
 public:
  void put(Item item) {
    item_ = std::move(item);
    full_.store(true, std::memory_order_release);
    full_.wait(true, std::memory_order_acquire);
  }
  template <typename Take>
  void take(Take consume) {
    if (!full_.load(std::memory_order_acquire)) return;
    consume(std::move(item_));
    full_.store(false, std::memory_order_release);
    full_.notify_one();
  }

 private:
  Item item_{};
  std::atomic<bool> full_ = false;
};

// Flip store to the first frame of the new ring at the consumer, a producer sending all the while. Whoever
// flips sleeps until then, so that the two ends have a core each; moved about, the row would tell the
// scheduler's slices (milliseconds) rather than the flip (microseconds).
void flip_row(const Settings& settings, Report& report) {
  const Placement placement;
  const os::Fence fence = os::register_fence();
  auto control = ControlPage::create({.generation = 1, .route_id = 1}, 1).value();
  const auto view = [&] {
    return ControlView::open(control.readable(), {.generation = 1, .route_id = 1}).value();
  };
  Ring first = make_ring(1, fence);
  ChainProducer producer(view(), std::move(first.producer));
  ChainConsumer consumer(view(), std::move(first.consumer));
  Slot<ChainProducer::Ring> to_producer;
  Slot<ChainConsumer::Ring> to_consumer;
  std::atomic<std::uint32_t> ring_read = 1;
  std::atomic<std::int64_t> first_frame_ns = 0;
  std::atomic<bool> stop = false;
  std::thread sender([&] {
    placement.thread_on(0);
    std::uint64_t value = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      to_producer.take([&](ChainProducer::Ring ring) {
        if (!producer.add(std::move(ring))) give_up("a ring was refused by its producer");
      });
      for (int i = 0; i < 16; ++i) {
        value +=
            producer.send(0, {reinterpret_cast<const std::byte*>(&value), sizeof value}) == ChainSent::kDone;
      }
      // On one processor the reader needs its turn.
      if (producer.pending()) std::this_thread::yield();
    }
  });
  std::thread reader([&] {
    placement.thread_on(1);
    std::uint64_t expected = 0;
    std::array<std::byte, 256> into{};
    while (!stop.load(std::memory_order_relaxed)) {
      to_consumer.take([&](ChainConsumer::Ring ring) {
        if (!consumer.add(std::move(ring))) give_up("a ring was refused by its consumer");
      });
      if (consumer.poll() != ChainPoll::kFrame) continue;
      if (!consumer.copy_out(into)) give_up("a frame is damaged");
      std::uint64_t value = 0;
      std::memcpy(&value, into.data(), sizeof value);
      if (value != expected++) give_up("a frame was lost, doubled or reordered");
      const std::uint32_t number = consumer.number();
      consumer.release();
      if (number != ring_read.load(std::memory_order_relaxed)) {
        first_frame_ns.store(now_ns(), std::memory_order_relaxed);
        ring_read.store(number, std::memory_order_release);
        ring_read.notify_one();
      }
    }
  });
  Samples flips;
  for (std::uint32_t number = 2; number < 2 + 2000U / static_cast<std::uint32_t>(settings.scale); ++number) {
    Ring next = make_ring(number, fence);
    to_producer.put(std::move(next.producer));
    to_consumer.put(std::move(next.consumer));
    const std::int64_t begin = now_ns();
    control.flip(number);
    ring_read.wait(number - 1, std::memory_order_acquire);
    flips.add(first_frame_ns.load(std::memory_order_relaxed) - begin);
  }
  stop = true;
  sender.join();
  reader.join();
  report.add({"qc.flip.first", flips.percentile(99), "ns", {}, {}});
  report.add({"qc.flip.first.p50", flips.median(), "ns", {}, {}});
}

}  // namespace

void live_rows(const Settings& settings, Report& report) {
  telemetry_row(settings, report);
  flip_row(settings, report);
}

}  // namespace rtt::bench
