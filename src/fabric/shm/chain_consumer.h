// SPDX-License-Identifier: Apache-2.0
// ChainConsumer: the reading end of a route direction over all its rings.
//
// It takes frames from the present ring and moves on when that one has ended: at FIN, or at its own cut,
// which it makes when the epoch has moved and no FIN can be expected (flip.h has the rules). Either way it
// leaves CLOSED(position) in its index page: what it has taken, for the producer and for whoever reads on. A
// consumer that takes over from another one starts when that one has said so or is dead, and learns from the
// first frame which id is due.
//
// Owns: its index pages, the producer's rings, the gate's page.   Thread: one.   Units: bytes.
// Fails: kBroken, then error(): kFrame (the producer wrote what it never may), kCancelled (the panel cut the
// route). add(): kNack, kLimit, kFrame.   Limits: kChainRingsMax rings at once.
#pragma once

#include <deque>
#include <optional>

#include "fabric/shm/chain_producer.h"
#include "fabric/shm/control_page.h"
#include "fabric/shm/flip.h"
#include "fabric/shm/ring_consumer.h"

namespace rtt::fabric::shm {

// kLeft: this end's last ring is over (FIN, or the flip went to another consumer): nothing more will come.
enum class ChainPoll : std::uint8_t { kFrame, kEmpty, kLeft, kBroken };
enum class ChainPulled : std::uint8_t { kMessage, kEmpty, kLeft, kTooLarge, kBroken };

class ChainConsumer {
 public:
  struct Ring {
    std::uint32_t number = 1;
    RingOptions options;          // frame_id_first counts for the first ring without a gate only
    os::Mapping lane;             // the producer's, mapped read-only
    os::Mapping index;            // created by us
    Peer producer = Peer::kSame;  // kOther: not the one of the ring before
    os::Mapping gate;             // index page of the consumer before us on ring number-1; not valid: none
    int bell = -1;
  };
  // REQUIRES: check() passed.
  ChainConsumer(ControlView control, Ring first);

  // Whether the producer's memory is the ring that was agreed on: kFrame.
  static Status check(const Ring& ring);
  Status add(Ring next);
  void drop_unused();
  Status adopt(ControlView control);
  // The writer of the present ring has died: what it committed is taken, then this end moves on.
  void producer_died() { producer_dead_ = true; }
  // The reader of the ring before has died, whatever it says in the gate's page.
  void gate_owner_died() { gate_owner_dead_ = true; }

  ChainPoll poll();
  // REQUIRES: poll() == kFrame, and no release() since.
  [[nodiscard]] const Header& header() const { return ring_->header(); }
  [[nodiscard]] ByteView payload() const { return ring_->payload(); }
  [[nodiscard]] bool verify() { return ring_->verify(); }
  [[nodiscard]] bool copy_out(MutableBytes into) { return ring_->copy_out(into); }
  void release();
  // One message, its fragments put together even where a flip comes between them.
  ChainPulled pull(Incoming& message);

  // Until a frame, an end, or the deadline; flips are followed meanwhile.
  Woke wait(const WaitBudget& budget);
  // For a consumer in an event loop, as RingConsumer's. No bell tells of the next step while restless(): poll
  // again soon.
  void lie_down();
  bool may_sleep();
  void disarm();
  // Its first frame is there and the gate is not open yet, or its ring is being left.
  [[nodiscard]] bool restless() const;

  [[nodiscard]] std::uint32_t number() const { return rings_.front().number; }
  [[nodiscard]] bool gated() const { return !ring_; }  // waits for the consumer before it
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  bool start();
  std::optional<ChainPoll> on_empty();
  ChainPoll leave();
  void advance();
  void enter(std::uint32_t frame_id_first);
  bool outstays();
  ChainPoll outstayed();
  ChainPoll broken(Error error);
  [[nodiscard]] WaitState gate_word() const;

  ControlView control_;
  std::deque<Ring> rings_;
  // The ring left last. Giving its memory back costs 100 µs (munmap and a shootdown), so the next ring's
  // first frame does not wait for it: it goes with the next add(), or when this end goes to sleep.
  std::optional<Ring> spent_;
  std::optional<RingConsumer> ring_;  // none while gated, or until another producer's first frame
  std::optional<Instant> empty_since_;
  std::optional<std::uint32_t> moved_at_;  // position at which the epoch was seen to have left this ring
  bool producer_dead_ = false, gate_owner_dead_ = false;
  bool closing_ = false, inside_message_ = false, left_ = false, broken_ = false;
  Error error_;
};

}  // namespace rtt::fabric::shm
