// SPDX-License-Identifier: Apache-2.0
#include "fabric/shm/chain_consumer.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/clock.h"

namespace rtt::fabric::shm {
namespace {

constexpr std::uint32_t kOutstayLook = 64;
constexpr std::uint32_t kMessageFragmentsMax = limits::kFramePayloadBytesMax / kCutBytes + 1;

}  // namespace

ChainConsumer::ChainConsumer(ControlView control, Ring first) : control_(std::move(control)) {
  const std::uint32_t id = first.options.frame_id_first;
  const bool waits = first.gate.valid();
  rings_.push_back(std::move(first));
  if (!waits) enter(id);
}

void ChainConsumer::enter(std::uint32_t frame_id_first) {
  Ring& ring = rings_.front();
  ring.options.frame_id_first = frame_id_first;
  ring_.emplace(ring.options,
                RingConsumer::Memory{.lane = ring.lane.bytes(), .index = ring.index.writable()});
  ring_->set_bell(ring.bell);
  empty_since_.reset();
  closing_ = false;
}

Status ChainConsumer::check(const Ring& ring) { return check_lane_page(ring.options, ring.lane.bytes()); }

Status ChainConsumer::add(Ring next) {
  const Ring& last = rings_.back();
  if (rings_.size() >= kChainRingsMax) {
    return fail(Code::kLimit,
                fmt::format("route {} has {} rings already", last.options.route_id, rings_.size()));
  }
  if (next.number != ring_after(last.number) || next.options.route_id != last.options.route_id) {
    return fail(Code::kNack, fmt::format("ring {} of route {} cannot follow ring {} of route {}", next.number,
                                         next.options.route_id, last.number, last.options.route_id));
  }
  RTT_TRY(check(next));
  spent_.reset();
  rings_.push_back(std::move(next));
  if (left_) advance();  // its producer was dead before another one was prepared
  return {};
}

void ChainConsumer::drop_unused() {
  while (rings_.size() > 1 && moved_on(rings_.back().number, control_.epoch())) rings_.pop_back();
}

Status ChainConsumer::adopt(ControlView control) {
  if (control.generation() == control_.generation()) return {};
  if (control.generation() < control_.generation()) {
    return fail(Code::kNack, fmt::format("control page of generation {} is older than {}",
                                         control.generation(), control_.generation()));
  }
  control_ = std::move(control);
  return {};
}

ChainPoll ChainConsumer::broken(Error error) {
  broken_ = true;
  error_ = std::move(error);
  return ChainPoll::kBroken;
}

WaitState ChainConsumer::gate_word() const {
  return unpack(load_word<std::uint64_t>(rings_.front().gate.bytes().data() + offsetof(IndexPage, wait_word),
                                         std::memory_order_acquire));
}

// Opens the front ring when the gate is open and the producer's first frame says which id is due.
bool ChainConsumer::start() {
  Ring& ring = rings_.front();
  if (ring.gate.valid()) {
    const WaitState word = gate_word();
    const auto index = load_word<std::uint32_t>(ring.gate.bytes().data(), std::memory_order_acquire);
    if (!gate_open({.closed = word.closed(),
                    .cut = word.position,
                    .index = index,
                    .owner_dead = gate_owner_dead_})) {
      return false;
    }
  }
  const auto commit =
      load_word<std::uint64_t>(ring.lane.bytes().data() + kPageBytes + kCommitAt, std::memory_order_acquire);
  const auto id = static_cast<std::uint32_t>(commit >> 32);
  if (id == 0) return false;
  ring.gate.reset();
  gate_owner_dead_ = false;
  store_word(ring.index.writable().data() + offsetof(IndexPage, wait_word), std::uint64_t{0},
             std::memory_order_release);
  enter(id);
  return true;
}

// CLOSED(position) for whoever looks, then the next ring.
ChainPoll ChainConsumer::leave() {
  if (!closing_) ring_->begin_close();
  ring_->finish_close();
  if (rings_.size() < 2) {
    left_ = true;
    return ChainPoll::kLeft;
  }
  advance();
  return ChainPoll::kEmpty;
}

void ChainConsumer::advance() {
  const std::uint32_t due = ring_->frame_id();
  left_ = false;
  ring_.reset();
  spent_ = std::move(rings_.front());
  rings_.pop_front();
  closing_ = producer_dead_ = false;
  empty_since_.reset();
  moved_at_.reset();
  if (rings_.front().producer == Peer::kSame && !rings_.front().gate.valid()) enter(due);
}

void ChainConsumer::release() {
  inside_message_ = (ring_->header().flags & kMore) != 0;
  ring_->release();
}

// Nothing: look again (the ring is closing, or the next one is open).
std::optional<ChainPoll> ChainConsumer::on_empty() {
  const std::uint32_t number = rings_.front().number;
  const bool moved = moved_on(control_.epoch(), number);
  if (!moved && !producer_dead_ && !closing_) {
    empty_since_.reset();
    return ChainPoll::kEmpty;
  }
  Peer producer = rings_.size() > 1 ? rings_[1].producer : Peer::kSame;
  if (producer_dead_) producer = Peer::kDead;
  std::int64_t empty_ns = 0;
  if (moved && !closing_) {
    const Instant now = os::now();
    if (!empty_since_) empty_since_ = now;
    empty_ns = (now - *empty_since_).value;
  }
  switch (consumer_move({.epoch_moved = moved,
                         .closing = closing_,
                         .inside_message = inside_message_,
                         .producer = producer,
                         .empty_ns = empty_ns})) {
    case ConsumerMove::kWait:
      return ChainPoll::kEmpty;
    case ConsumerMove::kBeginCut:
      ring_->begin_close();
      closing_ = true;
      return std::nullopt;
    case ConsumerMove::kReopen:
      ring_->reopen();
      closing_ = false;
      empty_since_.reset();
      return ChainPoll::kEmpty;
    case ConsumerMove::kFinishCut:
      if (leave() == ChainPoll::kLeft) return ChainPoll::kLeft;
      return std::nullopt;
  }
  return ChainPoll::kEmpty;
}

// Whether the producer goes on in a ring that the epoch has left. What was in the ring then, the rest of one
// message and a frame that was under way may still come; more is no producer that follows the epoch, and
// would keep this end here for ever. Looked at once in kOutstayLook frames: the page's line is a shared one.
bool ChainConsumer::outstays() {
  const std::uint32_t position = ring_->position();
  if (position % kOutstayLook != 0) return false;
  const Ring& ring = rings_.front();
  if (!moved_on(control_.epoch(), ring.number)) {
    moved_at_.reset();
    return false;
  }
  if (!moved_at_) moved_at_ = position;
  return position - *moved_at_ > ring.options.size.slots + kMessageFragmentsMax + kOutstayLook;
}

ChainPoll ChainConsumer::outstayed() {
  return broken({.code = Code::kFrame,
                 .message = fmt::format("the sender of route {} does not follow its flip to ring {}",
                                        rings_.front().options.route_id, control_.epoch())});
}

// At most two rounds a ring: one finds it empty, one after CLOSING finds it still empty.
ChainPoll ChainConsumer::poll() {
  if (broken_) return ChainPoll::kBroken;
  if (left_) return ChainPoll::kLeft;
  if (control_.poisoned()) {
    return broken({.code = Code::kCancelled,
                   .message = fmt::format("route {} was cut by the panel", rings_.front().options.route_id)});
  }
  for (;;) {
    if (!ring_ && !start()) return ChainPoll::kEmpty;
    switch (ring_->poll()) {
      case Poll::kBroken:
        return broken(ring_->error());
      case Poll::kEmpty:
        if (const auto answer = on_empty()) return *answer;
        break;
      case Poll::kFrame:
        empty_since_.reset();
        if ((ring_->header().flags & kFin) == 0) return outstays() ? outstayed() : ChainPoll::kFrame;
        if (!ring_->verify()) return broken(ring_->error());
        ring_->release();
        if (leave() == ChainPoll::kLeft) return ChainPoll::kLeft;
        break;
    }
  }
}

ChainPulled ChainConsumer::pull(Incoming& message) {
  for (;;) {
    switch (poll()) {
      case ChainPoll::kEmpty:
        return ChainPulled::kEmpty;
      case ChainPoll::kLeft:
        return ChainPulled::kLeft;
      case ChainPoll::kBroken:
        return ChainPulled::kBroken;
      case ChainPoll::kFrame:
        break;
    }
    const Pulled pulled = ring_->pull(message);
    inside_message_ = pulled == Pulled::kEmpty && message.started;
    if (pulled == Pulled::kMessage) return ChainPulled::kMessage;
    if (pulled == Pulled::kTooLarge) return ChainPulled::kTooLarge;
    if (pulled == Pulled::kFin && leave() == ChainPoll::kLeft) return ChainPulled::kLeft;
    if (pulled == Pulled::kBroken) {
      (void)broken(ring_->error());
      return ChainPulled::kBroken;
    }
  }
}

Woke ChainConsumer::wait(const WaitBudget& budget) {
  for (;;) {
    // Taken before anything is looked at: what changes from here on ends the sleep.
    const auto words = control_.words();
    const ChainPoll polled = poll();
    if (polled == ChainPoll::kFrame || polled == ChainPoll::kLeft) return Woke::kReady;
    if (polled == ChainPoll::kBroken) return Woke::kBroken;
    const Instant now = os::now();
    if (now >= budget.deadline) return Woke::kDeadline;
    WaitBudget inner = budget;
    inner.others = words;
    if (empty_since_) inner.deadline = std::min(inner.deadline, *empty_since_ + Nanos{kEmptyNs});
    if (ring_) {
      if (ring_->wait(inner) == Woke::kBroken) {
        (void)broken(ring_->error());
        return Woke::kBroken;
      }
      continue;
    }
    // Gated, or before another producer's first frame: words the other side writes and wakes.
    std::array<os::WaitWord, ControlView::kWords + 2> all;
    std::copy(words.begin(), words.end(), all.begin());
    const Ring& ring = rings_.front();
    const auto wait_word_at = [](const std::byte* at) {
      const auto* word = reinterpret_cast<const std::uint32_t*>(at);
      return os::WaitWord{.word = word, .expected = __atomic_load_n(word, __ATOMIC_ACQUIRE)};
    };
    // Both always: the gate may be open already because its owner is dead.
    std::size_t count = ControlView::kWords;
    all[count++] = wait_word_at(ring.lane.bytes().data() + kPageBytes + kCommitAt + 4);
    if (ring.gate.valid())
      all[count++] = wait_word_at(ring.gate.bytes().data() + offsetof(IndexPage, wait_word));
    // The first commit wakes whoever says that it sleeps at position 0.
    std::byte* const asleep = ring.index.writable().data() + offsetof(IndexPage, wait_word);
    store_word(asleep, pack({kWordAsleep, 0}), std::memory_order_release);
    os::sleeper_fence(ring.options.fence);
    if (start()) continue;
    os::wait_any({all.data(), count}, inner.deadline);
    store_word(asleep, std::uint64_t{0}, std::memory_order_release);
  }
}

void ChainConsumer::lie_down() {
  spent_.reset();
  if (ring_) return ring_->lie_down();
  // Before the first frame: its commit rings for whoever says that it sleeps at position 0.
  std::byte* const asleep = rings_.front().index.writable().data() + offsetof(IndexPage, wait_word);
  store_word(asleep, pack({kWordAsleep, 0}), std::memory_order_release);
}

bool ChainConsumer::may_sleep() { return ring_ ? ring_->may_sleep() : !start(); }

void ChainConsumer::disarm() {
  if (ring_) return ring_->disarm();
  store_word(rings_.front().index.writable().data() + offsetof(IndexPage, wait_word), std::uint64_t{0},
             std::memory_order_release);
}

bool ChainConsumer::restless() const {
  if (left_ || broken_) return false;
  const Ring& ring = rings_.front();
  if (ring_) return closing_ || moved_on(control_.epoch(), ring.number);
  return load_word<std::uint64_t>(ring.lane.bytes().data() + kPageBytes + kCommitAt,
                                  std::memory_order_acquire) != 0;
}

}  // namespace rtt::fabric::shm
