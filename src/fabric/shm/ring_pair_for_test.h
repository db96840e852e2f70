// SPDX-License-Identifier: Apache-2.0
// Both ends of one ring over real shared memory, in one process: each end has the mappings it has in earnest.
//
// Owns: the memory and the ends.   Thread: as the ends.   Fails: by aborting.
#pragma once

#include <memory>
#include <random>

#include "fabric/shm/ring_consumer.h"
#include "fabric/shm/ring_producer.h"
#include "os/clock.h"
#include "os/memfd.h"

namespace rtt::fabric::shm {

inline Instant patience() { return os::now() + Nanos{20'000'000'000}; }

inline Bytes random_bytes(std::size_t size, std::uint32_t seed) {
  Bytes bytes(size);
  std::minstd_rand generator(seed + 1);
  for (std::byte& b : bytes) b = static_cast<std::byte>(generator() >> 3);
  return bytes;
}

struct RingPair {
  explicit RingPair(const RingOptions& wanted = {.route_id = 7})
      : options(wanted),
        lane(os::create_shared_memory("lane", lane_bytes(options.size)).value()),
        index(os::create_shared_memory("index", kIndexBytes).value()),
        lane_seen(os::map_shared_memory(lane.readable.get(), lane_bytes(options.size)).value()),
        index_seen(os::map_shared_memory(index.readable.get(), kIndexBytes).value()),
        producer(options, {.lane = lane.memory.writable(), .index = index_seen.bytes()}),
        consumer(options, {.lane = lane_seen.bytes(), .index = index.memory.writable()}) {}

  std::byte* slot(std::size_t number) {
    return lane.memory.writable().data() + kPageBytes + number * kSlotBytes;
  }

  RingOptions options;
  os::SharedMemory lane, index;
  os::Mapping lane_seen, index_seen;
  RingProducer producer;
  RingConsumer consumer;
};

}  // namespace rtt::fabric::shm
