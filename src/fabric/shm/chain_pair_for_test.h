// SPDX-License-Identifier: Apache-2.0
// What the panel does for a chain, in one process: rings over real shared memory with both ends' mappings.
//
// Owns: the control page.   Thread: one.   Fails: by aborting.
#pragma once

#include <gtest/gtest.h>

#include <cstring>

#include "fabric/shm/chain_consumer.h"
#include "fabric/shm/chain_producer.h"
#include "os/clock.h"
#include "os/memfd.h"

namespace rtt::fabric::shm {

struct RingEnds {
  ChainProducer::Ring producer;
  ChainConsumer::Ring consumer;
  os::Fd index;  // read-only: the gate of whoever reads on
};

inline RingEnds make_ring(std::uint32_t number, RingSize size = {.slots = 64, .arena_bytes = 64U << 10},
                          os::Fence fence = os::Fence::kFull) {
  const RingOptions options{.size = size, .route_id = 7, .generation = 100 + number, .fence = fence};
  os::SharedMemory lane = os::create_shared_memory("lane", lane_bytes(size)).value();
  os::SharedMemory index = os::create_shared_memory("index", kIndexBytes).value();
  RingProducer::write_lane_page(options, lane.memory.writable());
  RingEnds ends;
  ends.producer = {.number = number,
                   .options = options,
                   .lane = std::move(lane.memory),
                   .index = os::map_shared_memory(index.readable.get(), kIndexBytes).value()};
  ends.consumer = {.number = number,
                   .options = options,
                   .lane = os::map_shared_memory(lane.readable.get(), lane_bytes(size)).value(),
                   .index = std::move(index.memory),
                   .gate = {}};
  ends.index = std::move(index.readable);
  return ends;
}

inline ControlPage make_control(std::uint64_t generation = 1, std::uint32_t epoch = 1) {
  return ControlPage::create({.generation = generation, .route_id = 7}, epoch).value();
}
inline ControlView view_of(const ControlPage& page, std::uint64_t generation = 1) {
  return ControlView::open(page.readable(), {.generation = generation, .route_id = 7}).value();
}

struct ChainPair {
  explicit ChainPair(RingSize size = {.slots = 64, .arena_bytes = 64U << 10})
      : first(make_ring(1, size)),
        producer(view_of(control), std::move(first.producer)),
        consumer(view_of(control), std::move(first.consumer)) {}

  void prepare(std::uint32_t number, RingSize size = {.slots = 64, .arena_bytes = 64U << 10}) {
    RingEnds ends = make_ring(number, size);
    RTT_ASSERT(producer.add(std::move(ends.producer)) && consumer.add(std::move(ends.consumer)));
  }

  ControlPage control = make_control();
  RingEnds first;
  ChainProducer producer;
  ChainConsumer consumer;
};

inline ByteView view_of(const std::uint64_t& value) { return std::as_bytes(std::span(&value, 1)); }

inline Instant patience() { return os::now() + Nanos{60'000'000'000}; }

inline void send(ChainProducer& producer, std::uint64_t value) {
  ASSERT_EQ(producer.send(0, view_of(value)), ChainSent::kDone) << producer.error().message;
}

struct Taken {
  ChainPoll poll = ChainPoll::kEmpty;
  std::uint64_t value = 0;
  std::uint32_t id = 0;
  friend bool operator==(const Taken&, const Taken&) = default;
};

template <typename Consumer>
Taken take(Consumer& consumer) {
  const ChainPoll polled = consumer.poll();
  if (polled != ChainPoll::kFrame) return {.poll = polled};
  Taken taken{.poll = polled, .id = consumer.header().frame_id};
  EXPECT_GE(consumer.payload().size(), sizeof taken.value);
  std::vector<std::byte> copy(consumer.payload().size());
  EXPECT_TRUE(consumer.copy_out(copy));
  std::memcpy(&taken.value, copy.data(), sizeof taken.value);
  consumer.release();
  return taken;
}

inline Taken frame(std::uint64_t value, std::uint32_t id) { return {ChainPoll::kFrame, value, id}; }

// Polls until the consumer stands on ring `number`; what it takes on the way is a failure.
inline void settle_on(ChainConsumer& consumer, std::uint32_t number) {
  const Instant end = patience();
  while (consumer.number() != number && os::now() < end) ASSERT_EQ(take(consumer).poll, ChainPoll::kEmpty);
  ASSERT_EQ(consumer.number(), number);
}

}  // namespace rtt::fabric::shm
