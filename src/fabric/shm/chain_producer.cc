// SPDX-License-Identifier: Apache-2.0
#include "fabric/shm/chain_producer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "os/clock.h"

namespace rtt::fabric::shm {
namespace {

// A consumer that set CLOSING drains what is there and sets CLOSED: microseconds, unless it is preempted.
constexpr Nanos kCutWait{2'000'000};

}  // namespace

ChainProducer::ChainProducer(ControlView control, Ring first) : control_(std::move(control)) {
  const std::uint32_t id = first.options.frame_id_first;
  rings_.push_back(std::move(first));
  enter(id);
}

// The front ring becomes the present one.
void ChainProducer::enter(std::uint32_t frame_id_first) {
  Ring& ring = rings_.front();
  ring.options.frame_id_first = frame_id_first;
  ring_ = std::make_unique<RingProducer>(
      ring.options, RingProducer::Memory{.lane = ring.lane.writable(), .index = ring.index.bytes()});
  ring_->set_bell(ring.bell);
}

Status ChainProducer::add(Ring next) {
  const Ring& last = rings_.back();
  if (rings_.size() + left_.size() >= kChainRingsMax) {
    return fail(Code::kLimit, fmt::format("route {} has {} rings already", last.options.route_id,
                                          rings_.size() + left_.size()));
  }
  if (next.number != ring_after(last.number) || next.options.route_id != last.options.route_id ||
      next.options.size.arena_bytes < last.options.size.arena_bytes) {
    return fail(Code::kNack, fmt::format("ring {} of route {} ({} bytes of arena) cannot follow ring {} of "
                                         "route {} ({} bytes)",
                                         next.number, next.options.route_id, next.options.size.arena_bytes,
                                         last.number, last.options.route_id, last.options.size.arena_bytes));
  }
  spent_.reset();
  rings_.push_back(std::move(next));
  return {};
}

void ChainProducer::drop_unused() {
  while (rings_.size() > 1 && moved_on(rings_.back().number, control_.epoch())) rings_.pop_back();
}

Status ChainProducer::adopt(ControlView control) {
  if (control.generation() == control_.generation()) return {};
  if (control.generation() < control_.generation()) {
    return fail(Code::kNack, fmt::format("control page of generation {} is older than {}",
                                         control.generation(), control_.generation()));
  }
  control_ = std::move(control);
  return {};
}

void ChainProducer::reader_died(std::uint32_t number) {
  for (Ring& ring : rings_) ring.reader_dead = ring.reader_dead || ring.number == number;
}

std::size_t ChainProducer::carrying() const {
  std::size_t frames = 0;
  for (const Left& each : left_) frames += each.end - each.next;
  return frames;
}

ChainSent ChainProducer::broken(Error error) {
  broken_ = true;
  error_ = std::move(error);
  return ChainSent::kBroken;
}

ChainSent ChainProducer::answer(Sent sent) {
  switch (sent) {
    case Sent::kDone:
    case Sent::kDoneClosing:  // it is in the ring; settle() of the next call follows the cut
      return ChainSent::kDone;
    case Sent::kFull:
      return ChainSent::kFull;
    case Sent::kClosing:
      return ChainSent::kStalled;
    case Sent::kBroken:
      return broken(ring_->error());
  }
  return ChainSent::kStalled;
}

// The present ring ends at `cut`: what lies behind it goes to the next ring, before what earlier rings still
// have to hand over, for its ids are lower.
ChainSent ChainProducer::leave(std::uint32_t cut) {
  if (rings_.size() < 2) {
    return broken({.code = Code::kLost,
                   .message = fmt::format("the reader of route {} closed its end and no other is prepared",
                                          ring_->options().route_id)});
  }
  std::uint32_t end = ring_->position();
  const std::uint32_t behind = end - cut;
  std::uint32_t id = ring_->frame_id();
  if (behind > 0) {
    id = frame_id_back(id, behind);
    // FIN is nothing to carry; its id is free again.
    if ((ring_->sent_frame(end - 1).flags & kFin) != 0) --end;
  }
  Left left{.ring = std::move(rings_.front()), .producer = std::move(ring_), .next = cut, .end = end};
  rings_.pop_front();
  if (left.end != left.next) {
    left_.push_front(std::move(left));
  } else {
    spent_ = std::move(left);
  }
  enter(id);
  return ChainSent::kDone;
}

// One look at epoch and wait word, and what follows from it. kDone: the present ring is open for frames.
ChainSent ChainProducer::look() {
  const bool epoch_moved = moved_on(control_.epoch(), rings_.front().number);
  const bool closing = ring_->peer_closing();
  const std::optional<std::uint32_t> cut = closing ? ring_->cut() : std::nullopt;
  if (ring_->fault() != Fault::kNone) return broken(ring_->error());
  if (over_ && ring_->finished() && (!cut || *cut == ring_->position())) return ChainSent::kDone;
  switch (producer_move({.epoch_moved = epoch_moved,
                         .fin_sent = ring_->finished(),
                         .inside_message = inside_message_ || !left_.empty(),
                         .closing = closing,
                         .closed = cut.has_value(),
                         .consumer_dead = rings_.front().reader_dead})) {
    case ProducerMove::kSend:
      return ChainSent::kDone;
    case ProducerMove::kFin: {
      if (rings_.size() < 2) return ChainSent::kDone;  // the epoch of a flip we were not prepared for
      const Sent sent = ring_->send_fin();
      if (sent == Sent::kBroken) return broken(ring_->error());
      if (sent == Sent::kDone) return leave(ring_->position());
      return ChainSent::kStalled;
    }
    case ProducerMove::kAwaitCut:
      return ChainSent::kStalled;
    case ProducerMove::kFollowCut:
      return leave(*cut);
    case ProducerMove::kAbandon:
      lost_ += ring_->in_flight();
      if (ring_->fault() != Fault::kNone) return broken(ring_->error());
      return leave(ring_->position());
  }
  return ChainSent::kStalled;
}

ChainSent ChainProducer::carry() {
  while (!left_.empty()) {
    Left& from = left_.front();
    while (from.next != from.end) {
      const RingProducer::SentFrame frame = from.producer->sent_frame(from.next);
      RTT_ASSERT(frame.frame_id == ring_->frame_id());
      const Sent sent = ring_->send(frame.flags, frame.payload);
      if (sent == Sent::kDone || sent == Sent::kDoneClosing) ++from.next;
      if (sent != Sent::kDone) return answer(sent == Sent::kDoneClosing ? Sent::kClosing : sent);
    }
    spent_ = std::move(left_.front());
    left_.pop_front();
  }
  return ChainSent::kDone;
}

// Until the present ring is open and nothing is left to carry. Two rounds a ring: each is left once, and
// carried from once.
ChainSent ChainProducer::settle() {
  if (broken_) return ChainSent::kBroken;
  if (control_.poisoned()) {
    return broken({.code = Code::kCancelled,
                   .message = fmt::format("route {} was cut by the panel", ring_->options().route_id)});
  }
  for (;;) {
    const std::uint32_t number = rings_.front().number;
    const ChainSent seen = look();
    if (seen != ChainSent::kDone) return seen;
    if (rings_.front().number != number) continue;
    const bool carries = !left_.empty();
    const ChainSent carried = carry();
    if (carried == ChainSent::kDone && carries) continue;  // the epoch may have left this ring meanwhile
    if (carried == ChainSent::kDone && over_ && !ring_->finished()) return answer(ring_->send_fin());
    if (carried != ChainSent::kStalled) return carried;
    if (!ring_->peer_closing()) return carried;
    if (!ring_->cut()) return ring_->fault() == Fault::kNone ? carried : broken(ring_->error());
  }
}

ChainSent ChainProducer::send(std::uint16_t flags, ByteView payload) {
  RTT_ASSERT(!over_);
  for (std::size_t tries = 0; tries <= kChainRingsMax; ++tries) {
    const ChainSent open = settle();
    if (open != ChainSent::kDone) return open;
    const Sent sent = ring_->send(flags, payload);
    if (sent == Sent::kDone || sent == Sent::kDoneClosing) inside_message_ = (flags & kMore) != 0;
    if (sent == Sent::kDoneClosing) return after_closing();
    if (sent != Sent::kClosing) return answer(sent);
  }
  return ChainSent::kStalled;
}

ChainSent ChainProducer::push(Outgoing& message) {
  RTT_ASSERT(!over_);
  for (;;) {
    const ChainSent open = settle();
    if (open != ChainSent::kDone) return open;
    const Sent sent = ring_->push(message);
    const bool whole = message.started && message.sent >= message.payload.size();
    inside_message_ = message.started && !whole;
    if (whole && sent == Sent::kDoneClosing) return after_closing();
    if (sent != Sent::kDoneClosing && sent != Sent::kClosing) return answer(sent);
  }
}

// Rule 3: the frame is in the ring, the cut decides from which ring it is taken. Waits for the cut, bounded,
// because there may be no next frame that would look again.
ChainSent ChainProducer::after_closing() {
  const Instant deadline = os::now() + kCutWait;
  while (settle() == ChainSent::kStalled && os::now() < deadline) {
    const auto words = control_.words();
    (void)wait_cut({.spin = {}, .deadline = deadline, .others = words});
  }
  return broken_ ? ChainSent::kBroken : ChainSent::kDone;
}

bool ChainProducer::pending() const {
  if (broken_) return false;
  if (!left_.empty()) return true;
  if (!ring_->peer_closing()) return false;
  // The reader's answer to the direction's FIN leaves nothing to do.
  return !over_ || !ring_->finished() || ring_->cut() != ring_->position();
}

// Until the wait word changes: the cut, or the consumer opens the ring again.
Woke ChainProducer::wait_cut(const WaitBudget& budget) {
  const auto* word = reinterpret_cast<const std::uint32_t*>(rings_.front().index.bytes().data() +
                                                            offsetof(IndexPage, wait_word));
  std::array<os::WaitWord, 1 + kOtherWordsMax> words;
  words[0] = {.word = word, .expected = __atomic_load_n(word, __ATOMIC_ACQUIRE)};
  std::copy(budget.others.begin(), budget.others.end(), words.begin() + 1);
  if (ring_->cut() || !ring_->peer_closing()) return Woke::kReady;
  if (ring_->fault() != Fault::kNone) return Woke::kBroken;
  const os::WaitEnd end = os::wait_any({words.data(), 1 + budget.others.size()}, budget.deadline);
  return end == os::WaitEnd::kDeadline ? Woke::kDeadline : Woke::kReady;
}

ChainSent ChainProducer::follow() { return settle(); }

ChainSent ChainProducer::finish() {
  if (over_) return settle();
  const ChainSent open = settle();
  if (open != ChainSent::kDone) return open;
  over_ = true;
  return answer(ring_->send_fin());
}

Woke ChainProducer::wait(std::size_t len, const WaitBudget& budget) {
  const auto words = control_.words();
  const std::uint32_t number = rings_.front().number;
  const ChainSent now = settle();
  if (now == ChainSent::kBroken) return Woke::kBroken;
  WaitBudget inner = budget;
  inner.others = words;
  const bool stalled = now == ChainSent::kStalled;
  if (rings_.front().number != number) return Woke::kReady;
  const Woke woke = stalled ? wait_cut(inner) : ring_->wait_room(len, inner);
  if (woke == Woke::kBroken) (void)broken(ring_->error());
  return woke == Woke::kOther ? Woke::kReady : woke;
}

}  // namespace rtt::fabric::shm
