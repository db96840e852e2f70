// SPDX-License-Identifier: Apache-2.0
// ShmOffer: one end's part of a shared-memory lane, made before the other end is known.
//
// Each end makes what it alone writes: the ring it fills (requests at `from`, replies at `to`) and the index
// page of the ring it reads. The panel passes the read-only descriptors across; with what comes back the
// offer becomes a carrier (shm_carrier.h). All memory is there before the answer, so a full machine is a
// refused prepare and never a fault later.
//
// Owns: its memory and descriptors.   Thread: any (a move-only value).   Units: bytes.
// Fails: make: kPermission (memfd is denied: the panel falls back to a socket), kNoSpace, kLimit.
// Limits: fabric/shm/layout.h.
#pragma once

#include <vector>

#include "endpoint/binding.h"
#include "fabric/shm/layout.h"
#include "os/memfd.h"

namespace rtt::endpoint {

// What both ends are told of the rings.
struct ShmParams {
  std::uint32_t ring = 1;  // number of the request ring in its chain
  fabric::shm::RingSize size;
  os::Fence fence = os::Fence::kFull;
  std::uint64_t control = 1;  // generation of the control page
};
text::Json to_json(const ShmParams& params);
Result<ShmParams> shm_params_from_json(const text::Json& json);

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
