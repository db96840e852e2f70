// SPDX-License-Identifier: Apache-2.0
// ChainProducer: the writing end of a route direction over all its rings.
//
// It sends into the present ring and follows each flip at its next frame: FIN into the old ring, or, if the
// consumer closes that one first, the frames from the cut on again into the next, under the same ids (flip.h
// has the rules). Ids go on across rings. A frame that send() took is delivered unless the consumer dies with
// it: lost() counts what died so, and is never sent again, for it may have been taken.
//
// Owns: its rings' memory, the consumer's index pages, both control pages it has been given; a ring's memory
// goes when its frames are carried.   Thread: one.   Units: bytes, milliseconds.
// Fails: kBroken, then error(): kFrame (the consumer wrote what it never may), kCancelled (the panel cut the
// route), kLost (the consumer closed without a flip). add(): kNack, kLimit.
// Limits: kChainRingsMax rings at once.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "fabric/shm/control_page.h"
#include "fabric/shm/flip.h"
#include "fabric/shm/ring_producer.h"

namespace rtt::fabric::shm {

inline constexpr std::size_t kChainRingsMax = 8;

// kStalled: nothing went in; the consumer closes its ring and has not said how far it came. wait() and again.
enum class ChainSent : std::uint8_t { kDone, kFull, kStalled, kBroken };

class ChainProducer {
 public:
  struct Ring {
    std::uint32_t number = 1;  // of the chain; the first may have any, each further one is one more
    RingOptions options;       // frame_id_first counts for the chain's first ring only
    os::Mapping lane;          // created by us, lane_bytes(size)
    os::Mapping index;         // the consumer's, mapped read-only
    int bell = -1;
    bool reader_dead = false;
  };
  ChainProducer(ControlView control, Ring first);

  // Prepares the flip to `next`. kNack: not the number after the last one, another route, or a smaller arena
  // (frames on their way might not fit).
  Status add(Ring next);
  // Takes rings back that no epoch names yet: the flip was called off.
  void drop_unused();
  // Whoever reads ring `number` has died; a ring that is not here any more: nothing.
  void reader_died(std::uint32_t number);
  // The page of a panel that restarted; takes effect at the next frame. kNack: an older generation. The one
  // it has already: nothing.
  Status adopt(ControlView control);

  // One frame; flags without coverage and wrap.
  ChainSent send(std::uint16_t flags, ByteView payload);
  ChainSent push(Outgoing& message);  // again after kFull, kStalled
  // Follows the flip without a frame to send: an idle end does this when the control page changes.
  ChainSent follow();
  // The direction ends: FIN, and nothing may be sent after it.
  ChainSent finish();
  // Until it is worth trying again (room for `len`, the cut, a change of the control page), or the deadline.
  Woke wait(std::size_t len, const WaitBudget& budget);

  // For a producer in an event loop, as RingProducer's: the bell rings when there is room or the cut.
  void lie_down() {
    spent_.reset();
    ring_->lie_down();
  }
  bool may_sleep(std::size_t len) { return ring_->may_sleep(len); }
  void disarm() { ring_->disarm(); }

  [[nodiscard]] std::uint32_t number() const { return rings_.front().number; }      // of the present ring
  [[nodiscard]] std::uint32_t last_number() const { return rings_.back().number; }  // of the newest prepared
  [[nodiscard]] std::uint32_t frame_id() const { return ring_->frame_id(); }        // of the next frame
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::size_t carrying() const;  // frames of left rings that are not in the present one yet
  // Frames that no reader has released yet, those being carried included.
  [[nodiscard]] std::size_t in_flight() { return ring_->in_flight() + carrying(); }
  // Frames wait for the cut or for room: call follow() or wait() until it is false, or they stay behind.
  [[nodiscard]] bool pending() const;
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  // What a left ring still has to hand over; its memory lives until then.
  struct Left {
    Ring ring;
    std::unique_ptr<RingProducer> producer;
    std::uint32_t next = 0, end = 0;  // positions
  };

  ChainSent settle();
  ChainSent after_closing();
  Woke wait_cut(const WaitBudget& budget);
  ChainSent look();
  ChainSent leave(std::uint32_t cut);
  ChainSent carry();
  void enter(std::uint32_t frame_id_first);
  ChainSent answer(Sent sent);
  ChainSent broken(Error error);

  ControlView control_;
  std::deque<Ring> rings_;  // front: the present one; then those prepared
  std::unique_ptr<RingProducer> ring_;
  std::deque<Left> left_;      // oldest ids first
  std::optional<Left> spent_;  // the one that handed over last: as ChainConsumer's
  std::uint64_t lost_ = 0;
  bool broken_ = false, over_ = false, inside_message_ = false;
  Error error_;
};

}  // namespace rtt::fabric::shm
