// SPDX-License-Identifier: Apache-2.0
// The messages of a lane's handshake (docs/formats/handshake.md): what the two step machines of handshake.h
// say to each other, as values.
//
//     endpoint                                   panel
//        ── SYN(nonce, saddr, caps, contract, lanes) ──►      what I have and can do
//        ◄── ACK(nonce, generation, caps, lane, params) ──    what we both can: make this lane   (or NACK)
//        ── BIND(nonce, generation, fds) ──────────────►      here is my side of it
//        ◄── READY(nonce, generation, fds) ────────────       here is the other side
//        ── READY ─────────────────────────────────────►      wired
//
// A nonce names one attempt: an endpoint never uses one twice and each is larger than the one before, so
// "old" is one comparison. A generation names one lane of the panel, for ever.
//
// Owns: its strings.   Thread: any (values).   Fails: never.   Limits: kCapabilitiesMax, kLaneKindsMax.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "model/config.h"

namespace rtt::fabric {

using Nonce = Id<struct NonceTag, std::uint64_t>;            // 0 = none
using Generation = Id<struct GenerationTag, std::uint64_t>;  // 0 = none
// One end of one lane: what a handshake is about, and travels beside each of its messages. 0 = none.
using LaneEnd = Id<struct LaneEndTag, std::uint64_t>;

inline constexpr std::size_t kLaneKindsMax = 4;

// How a sleeping consumer and its producer order their stores: membarrier(2) costs the sleeper alone, a
// seq_cst fence costs every commit and works where seccomp forbids membarrier.
enum class WaitFence : std::uint8_t { kMembarrier, kSeqCst };

// How much of each frame the checksum must cover (docs/formats/ring.md).
enum class LaneChecksum : std::uint8_t { kFull, kHeader, kSampled, kOff };

struct LaneParams {
  std::uint32_t route_id = 0;  // in the frames of this lane; >= 1
  std::uint32_t ring_slots = 256;
  std::uint32_t arena_bytes = 256U << 10;
  LaneChecksum checksum = LaneChecksum::kFull;
  std::uint32_t sample_every = 64;  // kSampled
  WaitFence fence = WaitFence::kMembarrier;
  std::uint32_t ring = 1;  // shm: number of the request ring in its chain
  Generation control{1};   // shm: of the control page the chain follows
  friend bool operator==(const LaneParams&, const LaneParams&) = default;
};

struct Syn {
  Nonce nonce;
  std::string saddr;                   // canonical
  std::vector<std::string> caps;       // sorted, unique
  Digest contract;                     // hash of the contract the endpoint was built for
  std::vector<model::LaneKind> lanes;  // it can make, best first
  WaitFence fence = WaitFence::kMembarrier;
  friend bool operator==(const Syn&, const Syn&) = default;
};
struct Ack {
  Nonce nonce;
  Generation generation;
  std::vector<std::string> caps;  // what both have
  model::LaneKind lane = model::LaneKind::kShm;
  LaneParams params;
  friend bool operator==(const Ack&, const Ack&) = default;
};
struct Nack {  // no: and asking again will not change it
  Nonce nonce;
  Error reason;
  friend bool operator==(const Nack&, const Nack&) = default;
};
struct Bind {  // its descriptors travel beside it
  Nonce nonce;
  Generation generation;
  friend bool operator==(const Bind&, const Bind&) = default;
};

// READY and TRIP either ask for an answer or are one; an answer is never answered, so two ends cannot keep
// each other busy.
enum class Tone : std::uint8_t { kAsks, kTells };

struct Ready {
  Nonce nonce;
  Generation generation;
  model::LaneKind lane = model::LaneKind::kShm;
  Tone tone = Tone::kAsks;
  friend bool operator==(const Ready&, const Ready&) = default;
};

enum class TripAdvice : std::uint8_t { kTryAgain, kOtherLane };

struct Trip {
  Nonce nonce;
  Error reason;
  TripAdvice advice = TripAdvice::kTryAgain;
  Tone tone = Tone::kAsks;
  friend bool operator==(const Trip&, const Trip&) = default;
};

using HandshakeMessage = std::variant<Syn, Ack, Nack, Bind, Ready, Trip>;

// "SYN 7", "READY 7/3 asks": for logs and tests.
std::string describe(const HandshakeMessage& message);

}  // namespace rtt::fabric
