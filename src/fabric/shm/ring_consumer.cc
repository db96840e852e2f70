// SPDX-License-Identifier: Apache-2.0
#include "fabric/shm/ring_consumer.h"

#include <algorithm>

#include "os/clock.h"

namespace rtt::fabric::shm {
namespace {

constexpr std::uint16_t kRingFlags =
    kErrorReply | kMore | kCongestion | kArenaWrap | kCoverageMask | kReply | kFin;
constexpr std::uint32_t kPublishFramesMax = 64;
constexpr std::uint32_t kIdlePolls = 64;
constexpr int kSpinsPerClock = 64;  // a clock read costs 22 ns

std::size_t arena_room(std::size_t len) { return (len + kArenaAlign - 1) / kArenaAlign * kArenaAlign; }

int strength(std::uint16_t coverage) { return coverage == 0 ? 2 : coverage == kCoverHeader ? 1 : 0; }

}  // namespace

RingConsumer::RingConsumer(const RingOptions& options, Memory memory)
    : options_(options),
      memory_(memory),
      frame_id_(options.frame_id_first),
      frames_unpublished_max_(std::min(kPublishFramesMax, options.size.slots / 4)) {
  RTT_ASSERT(valid(options) && memory.lane.size() == lane_bytes(options.size) &&
             memory.index.size() == kIndexBytes);
}

const std::byte* RingConsumer::slot() const {
  return memory_.lane.data() + kPageBytes + (position_ & (options_.size.slots - 1)) * kSlotBytes;
}

bool RingConsumer::break_off(Fault fault) {
  if (fault_ == Fault::kNone) fault_ = fault;
  held_ = false;
  return false;
}

Poll RingConsumer::poll() {
  if (held_) return Poll::kFrame;
  if (fault_ != Fault::kNone) return Poll::kBroken;
  const std::byte* const at = slot();
  // Both lines are asked for at once: the second one's way is not added to the first one's.
  __builtin_prefetch(at + 64, 0);
  const auto commit = load_word<std::uint64_t>(at + kCommitAt, std::memory_order_acquire);
  if (commit == commit_word(options_.route_id, frame_id_)) {
    idle_polls_ = 0;
    return take_header(at) ? Poll::kFrame : Poll::kBroken;
  }
  if (commit != 0 && (stale_id_ == 0 || commit != commit_word(options_.route_id, stale_id_))) {
    break_off(Fault::kCommit);
    return Poll::kBroken;
  }
  if (published_ != position_ && ++idle_polls_ >= kIdlePolls) publish_index();
  return Poll::kEmpty;
}

// Copies the header, checks it, and only then believes it. The commit word was read already and is what we
// expect.
bool RingConsumer::take_header(const std::byte* at) {
  Crc32cHead& words = crc_head_;
  words[0] = load_word<std::uint64_t>(at, std::memory_order_relaxed);
  words[1] = commit_word(options_.route_id, frame_id_);
  words[2] = load_word<std::uint64_t>(at + 16, std::memory_order_relaxed);
  if (static_cast<std::uint32_t>(words[0]) != kMagic) return break_off(Fault::kMagic);
  const auto flags = static_cast<std::uint16_t>(words[0] >> 32);
  if (words[0] >> 48 != 0) return break_off(Fault::kReserved);
  const auto coverage = static_cast<std::uint16_t>(flags & kCoverageMask);
  if ((flags & ~kRingFlags) != 0 || coverage == kCoverageMask) return break_off(Fault::kFlags);
  if (strength(coverage) < strength(coverage_of(options_, frame_id_))) return break_off(Fault::kCoverage);
  header_ = {.flags = flags,
             .route_id = options_.route_id,
             .frame_id = frame_id_,
             .len = static_cast<std::uint32_t>(words[2]),
             .crc = static_cast<std::uint32_t>(words[2] >> 32)};
  if ((flags & kFin) != 0 && (header_.len != 0 || (flags & kMore) != 0)) return break_off(Fault::kLength);
  words[2] = header_.len;
  // With full coverage header and payload are checked together, by verify() or copy_out().
  if (coverage != 0 && header_.crc != (coverage == kCoverNone ? 0 : header_crc()))
    return break_off(Fault::kChecksum);
  if (!locate(flags)) return false;
  held_ = true;
  return true;
}

std::uint32_t RingConsumer::header_crc() const { return crc32c(std::as_bytes(std::span(crc_head_))); }

// Where the payload lies, by our own account of the arena.
bool RingConsumer::locate(std::uint16_t flags) {
  const std::size_t len = header_.len, arena = options_.size.arena_bytes;
  const bool wrap = (flags & kArenaWrap) != 0;
  arena_next_ = arena_offset_;
  if (len <= kSlotPayloadBytes) {
    if (wrap) return break_off(Fault::kWrap);
    payload_ = {slot() + kHeaderBytes, len};
    return true;
  }
  if (wrap && arena_offset_ == 0) return break_off(Fault::kWrap);
  const std::size_t start = wrap ? 0 : arena_offset_;
  if (len > arena || arena_room(len) > arena - start) return break_off(Fault::kLength);
  payload_ = memory_.lane.subspan(kPageBytes + options_.size.slots * kSlotBytes + start, len);
  arena_next_ = start + arena_room(len) == arena ? 0 : start + arena_room(len);
  return true;
}

bool RingConsumer::verify() {
  RTT_ASSERT(held_);
  if ((header_.flags & kCoverageMask) != 0 || header_.crc == crc32c(payload_, header_crc())) return true;
  return break_off(Fault::kChecksum);
}

bool RingConsumer::copy_out(MutableBytes into) {
  RTT_ASSERT(held_ && into.size() >= payload_.size());
  if ((header_.flags & kCoverageMask) == 0)
    return header_.crc == copy_crc32c(into, payload_, crc_head_) || break_off(Fault::kChecksum);
  if (!payload_.empty()) std::memcpy(into.data(), payload_.data(), payload_.size());
  return true;
}

void RingConsumer::release() {
  RTT_ASSERT(held_);
  held_ = false;
  if (header_.len > kSlotPayloadBytes) arena_unpublished_ += arena_room(header_.len);
  arena_offset_ = arena_next_;
  ++position_;
  frame_id_ = next_frame_id(frame_id_);
  if (stale_id_ != 0)
    stale_id_ = next_frame_id(stale_id_);
  else if (position_ == options_.size.slots)
    stale_id_ = options_.frame_id_first;
  if (position_ - published_ >= frames_unpublished_max_ ||
      arena_unpublished_ >= options_.size.arena_bytes / 4)
    publish_index();
}

void RingConsumer::publish_index() {
  if (published_ == position_) return;
  published_ = position_;
  arena_unpublished_ = 0;
  idle_polls_ = 0;
  const auto index = static_cast<std::uint32_t>(position_);
  store_word(memory_.index.data(), index, std::memory_order_release);
  os::waker_fence(options_.fence);
  const WaitState waits = unpack(load_word<std::uint64_t>(memory_.lane.data() + offsetof(LanePage, wait_word),
                                                          std::memory_order_acquire));
  // Asleep on another index than this one, and not woken for this ticket yet.
  if ((waits.state & kWordAsleep) == 0 || waits.position == index || waits.state == woken_) return;
  woken_ = waits.state;
  wake_producer(offsetof(IndexPage, index));
}

// A producer in an event loop by its bell, a sleeping one by the word of ours that changed.
void RingConsumer::wake_producer(std::size_t word_at) const {
  os::wake_all(reinterpret_cast<const std::uint32_t*>(memory_.index.data() + word_at));
  if (bell_ >= 0) ring_bell(bell_);
}

void RingConsumer::set_state(WaitState state) {
  store_word(memory_.index.data() + offsetof(IndexPage, wait_word), pack(state), std::memory_order_release);
}

void RingConsumer::lie_down() {
  publish_index();
  if (closing_) return;
  ticket_ = ((ticket_ + 1) | kWordAsleep) & kTicketMask;
  set_state({ticket_, position()});
}

bool RingConsumer::may_sleep() {
  if (poll() == Poll::kEmpty) return true;
  disarm();
  return false;
}

bool RingConsumer::arm() {
  lie_down();
  if (!closing_) os::sleeper_fence(options_.fence);
  return may_sleep();
}

void RingConsumer::disarm() {
  if (closing_) return;
  ticket_ = (ticket_ + 1) & ~kWordAsleep & kTicketMask;
  set_state({ticket_, 0});
}

Woke RingConsumer::wait(const WaitBudget& budget) {
  const auto answer = [](Poll polled) { return polled == Poll::kFrame ? Woke::kReady : Woke::kBroken; };
  const Instant spin_end = std::min(os::now() + budget.spin, budget.deadline);
  for (int spins = 0;; ++spins) {
    if (const Poll polled = poll(); polled != Poll::kEmpty) return answer(polled);
    os::spin_pause();
    if (spins % kSpinsPerClock == 0) {
      if (changed(budget.others)) return Woke::kOther;
      if (os::now() >= spin_end) break;
    }
  }
  for (;;) {
    if (os::now() >= budget.deadline) return Woke::kDeadline;
    const auto* word = reinterpret_cast<const std::uint32_t*>(slot() + kCommitAt + 4);
    const std::uint32_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (seen != frame_id_ && arm()) {
      os::WaitWord words[1 + kOtherWordsMax] = {{word, seen}};
      RTT_ASSERT(budget.others.size() <= kOtherWordsMax);
      std::copy(budget.others.begin(), budget.others.end(), words + 1);
      os::wait_any({words, 1 + budget.others.size()}, budget.deadline);
      disarm();
    }
    if (const Poll polled = poll(); polled != Poll::kEmpty) return answer(polled);
    if (changed(budget.others)) return Woke::kOther;
  }
}

void RingConsumer::begin_close() {
  closing_ = true;
  set_state({kWordClosing, 0});
  os::sleeper_fence(options_.fence);
  wake_producer(offsetof(IndexPage, wait_word));
}

void RingConsumer::reopen() {
  RTT_ASSERT(closing_ && !closed_);
  closing_ = false;
  disarm();
  wake_producer(offsetof(IndexPage, wait_word));
}

void RingConsumer::finish_close() {
  RTT_ASSERT(closing_);
  closed_ = true;
  publish_index();
  set_state({kWordClosed, position()});
  wake_producer(offsetof(IndexPage, wait_word));
}

// The frame at hand into the message; false: the ring is broken.
bool RingConsumer::take_part(Incoming& message) {
  ByteView part = payload_;
  const auto kind = static_cast<std::uint16_t>(header_.flags & (kReply | kErrorReply));
  const bool reply = (kind & kReply) != 0;
  if (message.started && kind != (message.flags & (kReply | kErrorReply))) return break_off(Fault::kFlags);
  if (reply && part.size() < 4) return break_off(Fault::kLength);
  std::uint32_t reply_to = 0, crc = 0;
  if (reply) {
    crc = copy_crc32c(std::as_writable_bytes(std::span(&reply_to, 1)), part.first(4), crc_head_);
    part = part.subspan(4);
  }
  if (message.started && reply_to != message.reply_to) return break_off(Fault::kFlags);
  too_large_ = too_large_ || part.size() > message.into.size() - message.size;
  if (too_large_)
    crc = crc32c(part, reply ? crc : header_crc());
  else if (reply)
    crc = copy_crc32c(message.into.subspan(message.size), part, crc);
  else
    crc = copy_crc32c(message.into.subspan(message.size), part, crc_head_);
  if ((header_.flags & kCoverageMask) == 0 && crc != header_.crc) return break_off(Fault::kChecksum);
  if (!message.started) {
    message.started = true;
    message.flags = static_cast<std::uint16_t>(header_.flags & (kReply | kErrorReply | kCongestion));
    message.frame_id = header_.frame_id;
    message.reply_to = reply_to;
  }
  if (!too_large_) message.size += part.size();
  return true;
}

Pulled RingConsumer::pull(Incoming& message) {
  for (;;) {
    const Poll polled = poll();
    if (polled == Poll::kEmpty) return Pulled::kEmpty;
    if (polled == Poll::kBroken) return Pulled::kBroken;
    const std::uint16_t flags = header_.flags;
    if ((flags & kFin) != 0) {
      if (message.started || !verify()) {
        break_off(Fault::kFlags);
        return Pulled::kBroken;
      }
      release();
      return Pulled::kFin;
    }
    if (!take_part(message)) return Pulled::kBroken;
    release();
    if ((flags & kMore) == 0) return std::exchange(too_large_, false) ? Pulled::kTooLarge : Pulled::kMessage;
  }
}

}  // namespace rtt::fabric::shm
