// SPDX-License-Identifier: Apache-2.0
// RingProducer: the writing end of one ring.
//
//   loan    reserve(len) → write into the span → commit(flags, len)       the bytes are written where they
//   are read copy    send(flags, payload)                                          one frame
//           push(outgoing), again after kFull                             one message: cut through from 16
//           KiB on
//   end     send_fin()                                                    a slot is always kept for it
//
// Busy path: no system call, no lock, no allocation. A frame costs one release store into its slot, then a
// look at the consumer's wait word: asleep on exactly this frame → one wake; closing → kDoneClosing, and the
// caller follows the flip: wait_cut(), then the frames from the cut on (sent_frame) go to the next ring under
// the same ids. The consumer's index is taken only within [last seen, own position]; anything else breaks the
// ring for good. Where each frame lies in the arena is kept privately, so a peer cannot move our writes.
//
// Owns: its account of the arena; neither memory nor descriptors (both outlive it).   Thread: one.   Units:
// bytes, positions (frames since the ring began, modulo 2^32).   Fails: Sent::kBroken, then fault() and
// error(): kFrame. Limits: the ring's size; a frame's payload is at most payload_bytes_max().
#pragma once

#include <optional>
#include <vector>

#include "base/crc32c.h"
#include "fabric/shm/layout.h"

namespace rtt::fabric::shm {

enum class Sent : std::uint8_t {
  kDone,
  kFull,         // nothing (more) went in; wait_room(), then again
  kDoneClosing,  // the frame is in the ring, but the consumer closes it: the cut decides whether it was taken
  kClosing,      // the consumer closes the ring (or FIN was sent): nothing (more) went in
  kBroken,
};

// A message on its way: push() goes on where it was.
struct Outgoing {
  std::uint16_t flags = 0;     // kReply, kErrorReply, kCongestion; push() adds kMore and the coverage
  std::uint32_t reply_to = 0;  // with kReply: begins each frame's payload
  ByteView payload;            // without that id
  std::size_t sent = 0;        // bytes that are in the ring
  bool started = false;
  std::uint32_t frame_id = 0;  // of its first frame, once started: what replies will name
};

class RingProducer {
 public:
  struct Memory {
    MutableBytes lane;  // create_shared_memory(lane_bytes(size)); zero
    ByteView index;     // map_shared_memory(kIndexBytes) of the consumer's
  };
  // Fills the lane page. REQUIRES: valid(options), sizes as stated.
  RingProducer(const RingOptions& options, Memory memory);
  // Prepares the lane page alone, for a consumer that maps it before this side has the index page.
  static void write_lane_page(const RingOptions& options, MutableBytes lane);

  // A consumer that sleeps in an event loop is woken by one byte on this socket (never blocks) instead of its
  // futex. The descriptor outlives the ring; −1: futex.
  void set_bell(int socket) { bell_ = socket; }

  [[nodiscard]] std::size_t payload_bytes_max() const { return options_.size.arena_bytes; }
  // Nothing: blocked() says why. The span is valid until the next call of any other function.
  std::optional<MutableBytes> reserve(std::size_t len);
  [[nodiscard]] Sent blocked() const { return blocked_; }
  // REQUIRES: reserve() came before, len <= reserved; flags without coverage and wrap.
  Sent commit(std::uint16_t flags, std::size_t len);
  Sent send(std::uint16_t flags, ByteView payload);
  Sent push(Outgoing& message);
  Sent send_fin();  // kFull never; nothing may be sent after it

  [[nodiscard]] std::uint32_t position() const {
    return static_cast<std::uint32_t>(position_);
  }  // of the next frame
  [[nodiscard]] std::uint32_t frame_id() const { return frame_id_; }  // of the next frame
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] const RingOptions& options() const { return options_; }

  // Waiting for space: looks, then sleeps; the consumer wakes when it publishes its index. kReady: look again
  // (space, or the consumer closes).
  Woke wait_room(std::size_t len, const WaitBudget& budget);
  // For a producer in an event loop, as RingConsumer's: it may sleep until there is room for `len`, unless
  // there is (or the consumer closes, or the ring broke) now.
  void lie_down();
  bool may_sleep(std::size_t len);
  void disarm();

  // The cut. peer_closing(): the wait word as it stands. wait_cut(): until CLOSED(pos) or the deadline; the
  // cut lies within [last index seen, position()], else the ring is broken.
  [[nodiscard]] bool peer_closing() const;
  Woke wait_cut(const WaitBudget& budget);
  [[nodiscard]] std::optional<std::uint32_t> cut();  // CLOSED position, if closed

  struct SentFrame {
    std::uint16_t flags = 0;  // without coverage and wrap
    std::uint32_t frame_id = 0;
    ByteView payload;  // in our own memory; valid while this ring sends nothing more
  };
  // A frame that the consumer did not release. REQUIRES: position in [last index seen, position()).
  [[nodiscard]] SentFrame sent_frame(std::uint32_t position) const;
  [[nodiscard]] std::uint32_t in_flight();  // frames not released, by the latest index

  [[nodiscard]] Fault fault() const { return fault_; }
  [[nodiscard]] Error error() const { return error_of(fault_, options_, frame_id_); }

 private:
  struct ArenaFrame {
    std::uint64_t position = 0;
    std::uint64_t start = 0, end = 0;  // bytes of arena since the ring began, skipped ones included
  };
  struct Place {
    std::uint64_t start = 0;
    bool wrap = false;
  };

  [[nodiscard]] std::byte* slot(std::uint64_t position) const;
  [[nodiscard]] std::optional<Place> place(std::size_t len, std::size_t run) const;
  bool refresh();
  bool look_for_room(std::size_t len, std::size_t run, std::uint32_t slots_kept);
  std::optional<MutableBytes> reserve_run(std::size_t len, std::size_t run, std::uint32_t slots_kept);
  Sent publish(std::uint16_t flags, std::size_t len, std::uint32_t crc);
  std::uint16_t frame_flags(std::uint16_t flags, std::size_t len) const;
  Crc32cHead crc_head(std::uint16_t flags, std::size_t len) const;
  std::uint32_t header_crc(std::uint16_t flags, std::size_t len) const;
  Sent send_parts(std::uint16_t flags, ByteView head, ByteView body, std::size_t run);
  Sent after_commit(std::uint32_t position);
  Sent break_off(Fault fault);

  RingOptions options_;
  Memory memory_;
  std::uint64_t position_ = 0, seen_ = 0;
  std::uint32_t frame_id_;
  std::uint64_t arena_tail_ = 0, arena_freed_ = 0;
  std::size_t arena_offset_ = 0;  // arena_tail_ within the arena
  // Frames whose payload lies in the arena, oldest first: a ring of its own, so that small frames touch none
  // of it.
  std::vector<ArenaFrame> arena_frames_;
  std::uint64_t arena_first_ = 0, arena_last_ = 0;
  std::optional<Place> reserved_;  // in the arena
  std::size_t reserved_len_ = 0;
  bool has_reserved_ = false, finished_ = false;
  std::uint32_t ticket_ = 0;
  std::uint32_t asleep_at_ = 0;  // the consumer index it sleeps on
  int bell_ = -1;
  Sent blocked_ = Sent::kDone;
  Fault fault_ = Fault::kNone;
};

}  // namespace rtt::fabric::shm
