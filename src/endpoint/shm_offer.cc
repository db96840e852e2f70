// SPDX-License-Identifier: Apache-2.0
#include "endpoint/shm_offer.h"

#include <algorithm>

#include "fabric/shm/ring_producer.h"

namespace rtt::endpoint {
namespace {

using fabric::shm::RingOptions;
using text::Json;

constexpr std::string_view kMembarrier = "membarrier", kFull = "seq_cst";

RingOptions ring_of(const Binding& binding, const ShmParams& params) {
  return {.size = params.size,
          .route_id = binding.route.id.value,
          .generation = binding.generation,
          .frame_id_first = 1,
          .fence = params.fence};
}

}  // namespace

Json to_json(const ShmParams& params) {
  return Json::object({{"arena_bytes", params.size.arena_bytes},
                       {"control", params.control},
                       {"fence", params.fence == os::Fence::kMembarrier ? kMembarrier : kFull},
                       {"ring", params.ring},
                       {"slots", params.size.slots}});
}

Result<ShmParams> shm_params_from_json(const Json& json) {
  ShmParams params;
  const auto number = [&](std::string_view key) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(json.int_or(key, 0), 0));
  };
  params.ring = static_cast<std::uint32_t>(number("ring"));
  params.size = {.slots = static_cast<std::uint32_t>(number("slots")), .arena_bytes = number("arena_bytes")};
  params.fence = json.string_or("fence") == kMembarrier ? os::Fence::kMembarrier : os::Fence::kFull;
  params.control = number("control");
  if (params.ring == 0 || params.control == 0 || !fabric::shm::valid(params.size))
    return fail(Code::kPanelProtocol, "these are no parameters of a shared-memory lane");
  return params;
}

RingOptions request_ring(const Binding& binding, const ShmParams& params) { return ring_of(binding, params); }

// A ring of its own with a count of its own: replies name requests, not each other.
RingOptions reply_ring(const Binding& binding, const ShmParams& params) { return ring_of(binding, params); }

Result<ShmOffer> ShmOffer::make(const Binding& binding, const ShmParams& params) {
  ShmOffer offer;
  RTT_TRY_SET(offer.ring, os::create_shared_memory("rtt-ring", fabric::shm::lane_bytes(params.size)));
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
