// SPDX-License-Identifier: Apache-2.0
#include "endpoint/shm_offer.h"

#include "fabric/shm/ring_producer.h"

namespace rtt::endpoint {
namespace {

using fabric::shm::RingOptions;

RingOptions ring_of(const Binding& binding, const ShmParams& params) {
  return {.size = params.size,
          .route_id = binding.route.id.value,
          .generation = binding.generation,
          .frame_id_first = 1,
          .crc = params.crc,
          .sample_every = params.sample_every,
          .fence = params.fence};
}

}  // namespace

ShmParams shm_params(const fabric::LaneParams& agreed) {
  static_assert(static_cast<int>(fabric::LaneChecksum::kOff) ==
                static_cast<int>(fabric::shm::CrcPolicy::kOff));
  return {.ring = agreed.ring,
          .size = {.slots = agreed.ring_slots, .arena_bytes = agreed.arena_bytes},
          .fence = agreed.fence == fabric::WaitFence::kMembarrier ? os::Fence::kMembarrier : os::Fence::kFull,
          .control = agreed.control.value,
          .crc = static_cast<fabric::shm::CrcPolicy>(agreed.checksum),
          .sample_every = agreed.sample_every};
}

RingOptions request_ring(const Binding& binding, const ShmParams& params) { return ring_of(binding, params); }

// A ring of its own with a count of its own: replies name requests, not each other.
RingOptions reply_ring(const Binding& binding, const ShmParams& params) { return ring_of(binding, params); }

Result<ShmOffer> ShmOffer::make(const Binding& binding, const ShmParams& params) {
  ShmOffer offer;
  RTT_TRY_SET(offer.ring, os::create_shared_memory("rtt-ring", fabric::shm::lane_bytes(params.size),
                                                   fabric::shm::lane_bytes_touched(params.size)));
  RTT_TRY_SET(offer.index, os::create_shared_memory("rtt-index", fabric::shm::kIndexBytes));
  const RingOptions options =
      binding.side == Side::kFrom ? request_ring(binding, params) : reply_ring(binding, params);
  fabric::shm::RingProducer::write_lane_page(options, offer.ring.memory.writable());
  return offer;
}

Result<std::vector<os::Fd>> ShmOffer::descriptors() const {
  std::vector<os::Fd> fds;
  for (const os::Fd* fd : {&ring.readable, &index.readable}) {
    RTT_TRY_SET(os::Fd copy, fd->duplicate());
    fds.push_back(std::move(copy));
  }
  return fds;
}

}  // namespace rtt::endpoint
