// SPDX-License-Identifier: Apache-2.0
// Layout of one ring: what lies where in the producer's and in the consumer's memory (docs/formats/ring.md).
//
//     lane memory (the producer writes):   lane page · slots × 128 bytes · arena
//     index page  (the consumer writes):   index · wait word
//
// Latency is where the bytes lie: one cache line handed over costs 140–165 ns one way, each further dependent
// line as much again. So the frame header sits in the slot, 40 bytes of payload in its line and 104 in the
// slot, and the commit is one aligned store of 8 bytes into that line: no tail index is read. Longer payloads
// lie in the arena, in order; both sides derive the place from the lengths and the wrap flag, so no offset is
// ever read from the peer. What is polled and what is written by the other side share no pair of lines.
//
// Thread: any (constants and layouts).   Units: bytes.   Fails: check_lane_page: kFrame.   Limits:
// model/limits.h.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "fabric/frame.h"
#include "model/contract.h"
#include "model/limits.h"
#include "os/futex.h"

namespace rtt::fabric::shm {

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kSlotBytes = 128;  // an adjacent pair of lines: processors prefetch in pairs
inline constexpr std::size_t kSlotPayloadBytes = kSlotBytes - kHeaderBytes;
inline constexpr std::size_t kCommitAt = 8;  // route_id and frame_id of the header, as one u64
inline constexpr std::size_t kArenaAlign = 64;
// Copies from here on are cut through: sent as fragments, so that the reader copies one while the writer does
// the next.
inline constexpr std::size_t kCutThroughBytes = std::size_t{16} << 10;
inline constexpr std::size_t kCutBytes = std::size_t{8} << 10;
static_assert(kSlotPayloadBytes == 104 && kHeaderBytes == 24 && kCommitAt % 8 == 0 && kSlotBytes % 64 == 0);

struct LanePage {
  std::uint64_t magic = 0;  // "RTTLANE1"; the producer fills the page before it passes the memory on
  std::uint32_t version = 0;
  std::uint32_t slots = 0;
  std::uint64_t arena_bytes = 0;
  std::uint64_t generation = 0;
  std::uint32_t route_id = 0;
  std::uint32_t frame_id_first = 0;
  std::byte reserved[88] = {};
  std::uint64_t wait_word = 0;  // the producer waits for space: state | index it saw << 32
};
static_assert(offsetof(LanePage, wait_word) == 128 && sizeof(LanePage) <= kPageBytes);

struct IndexPage {
  std::uint32_t index = 0;  // slots released so far, modulo 2^32
  std::byte reserved[124] = {};
  std::uint64_t wait_word = 0;  // state | position << 32
};
static_assert(offsetof(IndexPage, wait_word) == 128 && sizeof(IndexPage) <= kPageBytes);

inline constexpr std::uint64_t kLaneMagic = 0x31454E414C545452;  // "RTTLANE1"
inline constexpr std::uint32_t kLaneVersion = 1;

// A wait word is a u64: the low half is a state, the high half the position it speaks of. While asleep that
// is the position whose frame is waited for, so the other side wakes for exactly that frame, once, and keeps
// no account of tickets; when closed it is the cut, the first position the consumer has not taken.
inline constexpr std::uint32_t kWordAsleep = 1;  // the ticket (bits 0–29) is odd
inline constexpr std::uint32_t kTicketMask = (std::uint32_t{1} << 30) - 1;
inline constexpr std::uint32_t kWordClosing = std::uint32_t{1} << 30;
inline constexpr std::uint32_t kWordClosed = std::uint32_t{1} << 31;

struct WaitState {
  std::uint32_t state = 0;
  std::uint32_t position = 0;
  [[nodiscard]] bool asleep_at(std::uint32_t p) const {
    return state < kWordClosing && (state & kWordAsleep) != 0 && position == p;
  }
  [[nodiscard]] bool closing() const { return (state & (kWordClosing | kWordClosed)) != 0; }
  [[nodiscard]] bool closed() const { return (state & kWordClosed) != 0; }
};
constexpr std::uint64_t pack(WaitState s) { return s.state | std::uint64_t{s.position} << 32; }
constexpr WaitState unpack(std::uint64_t w) {
  return {.state = static_cast<std::uint32_t>(w), .position = static_cast<std::uint32_t>(w >> 32)};
}

// slots: a power of two within limits::kRingSlotsMin…Max. arena_bytes: pages, at most
// limits::kRingArenaBytesMax.
struct RingSize {
  std::uint32_t slots = 256;
  std::size_t arena_bytes = std::size_t{256} << 10;
  friend bool operator==(const RingSize&, const RingSize&) = default;
};
[[nodiscard]] bool valid(const RingSize& size);
[[nodiscard]] std::size_t lane_bytes(const RingSize& size);  // of the producer's memory
// Of them the page and the slots, which every message touches. The arena is for long ones, and most lanes
// carry none.
[[nodiscard]] std::size_t lane_bytes_touched(const RingSize& size);
inline constexpr std::size_t kIndexBytes = kPageBytes;  // of the consumer's

// What the route asks for, as a ring. `message_bytes`: the largest message expected often, 0 = unknown.
[[nodiscard]] RingSize ring_size(const model::Qos& qos, std::size_t message_bytes);

enum class CrcPolicy : std::uint8_t { kFull, kHeader, kSampled, kOff };

// What both ends know from the handshake; neither reads it from the other's memory.
struct RingOptions {
  RingSize size;
  std::uint32_t route_id = 0;  // REQUIRES: >= 1, or an untouched slot would look committed
  std::uint64_t generation = 0;
  std::uint32_t frame_id_first = 1;  // REQUIRES: >= 1; larger where the ring takes over from an earlier one
  CrcPolicy crc = CrcPolicy::kFull;
  std::uint32_t sample_every = 64;     // kSampled: frames with frame_id mod this = 0 are covered in full
  os::Fence fence = os::Fence::kFull;  // kMembarrier only if both ends registered it
};
[[nodiscard]] bool valid(const RingOptions& options);
// Coverage flag bits a frame gets, and the least a receiver takes.
[[nodiscard]] std::uint16_t coverage_of(const RingOptions& options, std::uint32_t frame_id);

// The identity in the lane page against what was agreed: a descriptor of another lane is refused before use.
Status check_lane_page(const RingOptions& options, ByteView lane);

// The id of the frame `steps` before / after one with `id`, skipping 0.
[[nodiscard]] std::uint32_t frame_id_back(std::uint32_t id, std::uint32_t steps);
[[nodiscard]] std::uint32_t frame_id_ahead(std::uint32_t id, std::uint32_t steps);

constexpr std::uint64_t commit_word(std::uint32_t route_id, std::uint32_t frame_id) {
  return route_id | std::uint64_t{frame_id} << 32;
}

// Why a side gave its ring up: the peer wrote something it never may. Stays for good.
enum class Fault : std::uint8_t {
  kNone,
  kCommit,
  kMagic,
  kFlags,
  kReserved,
  kLength,
  kWrap,
  kCoverage,
  kChecksum,
  kIndex,
  kCut,
};
Error error_of(Fault fault, const RingOptions& options, std::uint32_t frame_id);

enum class Woke : std::uint8_t { kReady, kOther, kDeadline, kBroken };
// How long to look before sleeping, when to give up, and words of others that end the wait (the route's
// epoch).
struct WaitBudget {
  Nanos spin{20'000};
  Instant deadline;
  std::span<const os::WaitWord> others;  // at most kOtherWordsMax, each read-only mapped
};
inline constexpr std::size_t kOtherWordsMax = 4;
[[nodiscard]] bool changed(std::span<const os::WaitWord> words);

// Wakes an end that sleeps in an event loop: one byte, never blocking. A socket and no eventfd: whoever
// shares an eventfd can fill its counter and clear its O_NONBLOCK, and so hang the one who rings; a send
// takes its flag with it.
void ring_bell(int socket);

// Words in shared memory, read and written whole. Reading needs no write access to the page.
template <typename Word>
Word load_word(const std::byte* at, std::memory_order order) {
  static_assert(std::atomic_ref<Word>::is_always_lock_free);
  return std::atomic_ref<Word>(*reinterpret_cast<Word*>(const_cast<std::byte*>(at))).load(order);
}
template <typename Word>
void store_word(std::byte* at, Word value, std::memory_order order) {
  std::atomic_ref<Word>(*reinterpret_cast<Word*>(at)).store(value, order);
}

}  // namespace rtt::fabric::shm
