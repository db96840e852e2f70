// SPDX-License-Identifier: Apache-2.0
// RingConsumer: the reading end of one ring.
//
//   poll()      is there a next frame? its header is copied once, checked, then used; repeatable until
//   release() loan        verify() → payload() → release()           in place; for peers of one's own trust
//   domain copy        copy_out(into) → release()                 copies and checks in one pass; for every
//   peer message     pull(incoming), again after kEmpty         puts fragments together in the caller's
//   buffer end         begin_close() → drain with poll/release → finish_close()       the consumer's cut
//
// Busy path: no system call, no lock, no allocation. A frame is there when the slot's commit word is exactly
// that of the next frame; nothing (0), or the frame of one lap before, means not yet; anything else breaks
// the ring. Places in the arena come from our own account. The index is published when a part of the ring was
// released, when a look finds nothing for a while, and before sleeping, so that a busy pair does not hand its
// line to and fro on each frame.
//
// A checksum over shared memory is no security check when it is done in place: the peer can write after it.
// What copy_out() gave is what was checked, and belongs to the caller.
//
// Owns: its position; neither memory nor descriptors (both outlive it).   Thread: one.   Units: bytes,
// positions (frames since the ring began, modulo 2^32).   Fails: Poll::kBroken, then fault() and error():
// kFrame; it stays broken.   Limits: the ring's size.
#pragma once

#include <optional>

#include "base/crc32c.h"
#include "fabric/shm/layout.h"

namespace rtt::fabric::shm {

enum class Poll : std::uint8_t { kFrame, kEmpty, kBroken };
enum class Pulled : std::uint8_t { kMessage, kEmpty, kFin, kTooLarge, kBroken };

// A message being put together: pull() goes on where it was.
struct Incoming {
  MutableBytes into;  // the caller's; message bytes fill its front
  std::size_t size = 0;
  std::uint16_t flags = 0;     // of its first frame, without kMore
  std::uint32_t frame_id = 0;  // of its first frame: the id of the message
  std::uint32_t reply_to = 0;  // with kReply
  bool started = false;
};

class RingConsumer {
 public:
  struct Memory {
    ByteView lane;       // map_shared_memory(lane_bytes(size)) of the producer's
    MutableBytes index;  // create_shared_memory(kIndexBytes); zero
  };
  // REQUIRES: valid(options), sizes as stated, check_lane_page() passed.
  RingConsumer(const RingOptions& options, Memory memory);

  // As RingProducer::set_bell, for a producer that waits for space in an event loop.
  void set_bell(int socket) { bell_ = socket; }

  Poll poll();
  // The rest REQUIRES: poll() == kFrame, and no release() since.
  [[nodiscard]] const Header& header() const { return header_; }
  [[nodiscard]] ByteView payload() const { return payload_; }  // in the peer's memory
  [[nodiscard]] bool verify();                                 // false: the ring is broken now
  [[nodiscard]] bool copy_out(MutableBytes into);              // REQUIRES: into.size() >= payload().size()
  void release();

  // One frame at a time into `message`. kFin: the producer's last frame came (taken, released). kTooLarge:
  // the message does not fit `into`; it is skipped as far as pull() is called on, and reported once at its
  // end.
  Pulled pull(Incoming& message);

  [[nodiscard]] std::uint32_t position() const {
    return static_cast<std::uint32_t>(position_);
  }  // of the next frame
  [[nodiscard]] std::uint32_t frame_id() const { return frame_id_; }  // of the next frame
  [[nodiscard]] const RingOptions& options() const { return options_; }
  void publish_index();  // and wakes a producer that waits for space

  // Looks for budget.spin, then sleeps until a frame, one of budget.others, or the deadline. kReady: poll()
  // again.
  Woke wait(const WaitBudget& budget);
  // For a consumer in an event loop: lie_down(), os::sleeper_fence() once for all rings that are put to sleep
  // together (with membarrier it costs some µs), then of each may_sleep(): true = the producer rings the bell
  // for the next frame; false = there is one (or the ring broke) now. disarm() when awake.
  void lie_down();
  bool may_sleep();
  bool arm();  // the three, of this ring alone
  void disarm();

  // The cut. After begin_close() every frame whose commit came before it is in the ring and visible; take
  // them with poll()/release(), then finish_close() tells the producer how far that was. Both wake it.
  void begin_close();
  void finish_close();
  void reopen();  // takes begin_close() back. REQUIRES: not closed
  [[nodiscard]] bool closed() const { return closed_; }

  [[nodiscard]] Fault fault() const { return fault_; }
  [[nodiscard]] Error error() const { return error_of(fault_, options_, frame_id_); }

 private:
  [[nodiscard]] const std::byte* slot() const;
  bool take_header(const std::byte* at);
  bool locate(std::uint16_t flags);
  [[nodiscard]] std::uint32_t header_crc() const;
  bool break_off(Fault fault);
  void set_state(WaitState state);
  void wake_producer(std::size_t word_at) const;
  bool take_part(Incoming& message);

  RingOptions options_;
  Memory memory_;
  std::uint64_t position_ = 0, published_ = 0;
  std::uint32_t frame_id_, stale_id_ = 0;  // of the next frame; of the one a lap before it
  std::size_t arena_offset_ = 0, arena_next_ = 0;
  std::size_t arena_unpublished_ = 0;
  std::uint32_t frames_unpublished_max_;
  std::uint32_t idle_polls_ = 0;
  Header header_;
  Crc32cHead crc_head_{};  // the header with crc = 0
  ByteView payload_;
  bool held_ = false, closing_ = false, closed_ = false, too_large_ = false;
  std::uint32_t ticket_ = 0, woken_ = 0;
  int bell_ = -1;
  Fault fault_ = Fault::kNone;
};

}  // namespace rtt::fabric::shm
