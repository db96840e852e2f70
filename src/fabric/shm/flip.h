// SPDX-License-Identifier: Apache-2.0
// Flip: when an end of a route leaves its ring for the next one. The rules, without memory or clock.
//
// A route direction is a chain of rings, numbered from 1 by one. The panel builds ring n+1 beside ring n and
// then stores n+1 into the control page's epoch. Four rules make that lossless:
//   (1) both ends move by one ring at a time (jumping to the newest: stale and lost frames);
//   (2) one cut ends a ring: the producer's FIN, or the consumer's CLOSED(position) when no FIN can be
//       expected: the producer is dead or another one, or the ring stayed empty for kEmptyNs after the epoch
//       moved (moving on from an empty ring without a cut lost 934 frames; FIN alone waits as long as the
//       producer idles);
//   (3) the producer looks at the consumer's wait word after every commit; once it says closing, it waits for
//       the cut and carries the frames from there on to the next ring, under the same ids;
//   (4) another consumer starts when the old one has passed its cut or is dead (ungated: 92,601 of 1.4 M
//       frames out of order).
// Neither end ends a ring inside a message: FIN waits for its last fragment, and a consumer that finds itself
// inside one after CLOSING opens the ring again. Another consumer never gets the tail of a message.
// ChainProducer and ChainConsumer ask these functions, and so does the explorer in flip_test.cc, which runs
// every interleaving of both over a memory with store buffers.
//
// Owns: nothing.   Thread: any.   Units: nanoseconds.   Fails: never.   Limits: none.
#pragma once

#include <cstdint>

namespace rtt::fabric::shm {

inline constexpr std::int64_t kEmptyNs = 50'000;  // a producer in a burst commits within a few hundred ns

enum class Peer : std::uint8_t { kSame, kOther, kDead };  // of the end across, seen from the next ring

// `epoch` is ahead of ring `number`; numbers wrap.
constexpr bool moved_on(std::uint32_t epoch, std::uint32_t number) {
  return static_cast<std::int32_t>(epoch - number) > 0;
}
constexpr std::uint32_t ring_after(std::uint32_t number) { return number + 1; }

enum class ProducerMove : std::uint8_t {
  kSend,       // into this ring
  kFin,        // the ring's last frame, then on to the next ring
  kAwaitCut,   // the consumer closes: nothing more into this ring
  kFollowCut,  // carry the frames from the cut on to the next ring
  kAbandon,    // the consumer is dead: what it has not taken is lost; on to the next ring
};
struct ProducerView {
  bool epoch_moved = false;
  bool fin_sent = false;
  bool inside_message = false;  // more fragments are to come
  bool closing = false, closed = false;
  bool consumer_dead = false;
};
constexpr ProducerMove producer_move(const ProducerView& view) {
  if (view.closed) return ProducerMove::kFollowCut;
  if (view.consumer_dead && (view.closing || view.epoch_moved)) return ProducerMove::kAbandon;
  if (view.closing || view.fin_sent) return ProducerMove::kAwaitCut;
  return view.epoch_moved && !view.inside_message ? ProducerMove::kFin : ProducerMove::kSend;
}

enum class ConsumerMove : std::uint8_t {
  kWait,
  kBeginCut,   // CLOSING, fence, then look again
  kFinishCut,  // CLOSED(position), then on to the next ring
  kReopen,     // take CLOSING back: the rest of a message comes first
};
struct ConsumerView {
  bool epoch_moved = false;
  bool closing = false;
  bool inside_message = false;  // the last frame taken was not its message's last
  Peer producer = Peer::kSame;
  std::int64_t empty_ns = 0;  // since the first look that found nothing after the epoch moved
};
// Of a consumer that found its ring empty.
constexpr ConsumerMove consumer_move(const ConsumerView& view) {
  if (view.producer == Peer::kDead) return view.closing ? ConsumerMove::kFinishCut : ConsumerMove::kBeginCut;
  if (view.closing) return view.inside_message ? ConsumerMove::kReopen : ConsumerMove::kFinishCut;
  if (!view.epoch_moved || view.inside_message) return ConsumerMove::kWait;
  if (view.producer == Peer::kOther || view.empty_ns >= kEmptyNs) return ConsumerMove::kBeginCut;
  return ConsumerMove::kWait;
}

struct GateView {
  bool closed = false;
  std::uint32_t cut = 0, index = 0;  // of the old consumer
  bool owner_dead = false;
};
// Whether another consumer than the one before may start on its ring.
constexpr bool gate_open(const GateView& view) {
  return view.owner_dead || (view.closed && view.index == view.cut);
}

}  // namespace rtt::fabric::shm
