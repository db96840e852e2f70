// SPDX-License-Identifier: Apache-2.0
// ShmOffer: one end's part of a shared-memory lane, made before the other end is known.
//
// Each end makes what it alone writes: the ring it fills (requests at `from`, replies at `to`) and the index
// page of the ring it reads. BIND takes the read-only descriptors to the panel, which passes them across;
// with what READY brings the offer becomes a carrier (shm_carrier.h). All memory is there before BIND, so a
// full machine is a failed attempt and never a fault later.
//
// Owns: its memory and descriptors.   Thread: any (a move-only value).   Units: bytes.
// Fails: make: kPermission (memfd is denied: the next attempt is a socket), kNoSpace, kLimit.
// Limits: fabric/shm/layout.h.
#pragma once

#include <vector>

#include "endpoint/binding.h"
#include "fabric/handshake_message.h"
#include "fabric/shm/layout.h"
#include "os/memfd.h"

namespace rtt::endpoint {

// What both ends are told of the rings.
struct ShmParams {
  std::uint32_t ring = 1;  // number of the request ring in its chain
  fabric::shm::RingSize size;
  os::Fence fence = os::Fence::kFull;
  std::uint64_t control = 1;  // generation of the control page
  fabric::shm::CrcPolicy crc = fabric::shm::CrcPolicy::kFull;
  std::uint32_t sample_every = 64;
};
ShmParams shm_params(const fabric::LaneParams& agreed);

fabric::shm::RingOptions request_ring(const Binding& binding, const ShmParams& params);
fabric::shm::RingOptions reply_ring(const Binding& binding, const ShmParams& params);

struct ShmOffer {
  os::SharedMemory ring;   // written here
  os::SharedMemory index;  // of the ring the other end writes

  static Result<ShmOffer> make(const Binding& binding, const ShmParams& params);
  // Copies of the read-only descriptors, ring first: what goes to the panel.
  [[nodiscard]] Result<std::vector<os::Fd>> descriptors() const;
};

}  // namespace rtt::endpoint
