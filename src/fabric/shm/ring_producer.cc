// SPDX-License-Identifier: Apache-2.0
#include "fabric/shm/ring_producer.h"

#include <algorithm>
#include <bit>

#include "os/clock.h"

namespace rtt::fabric::shm {
namespace {

constexpr std::uint16_t kRingFlags = kErrorReply | kMore | kCongestion | kReply | kFin;
constexpr int kSpinsPerClock = 64;  // a clock read costs 22 ns

std::size_t arena_room(std::size_t len) { return (len + kArenaAlign - 1) / kArenaAlign * kArenaAlign; }

}  // namespace

void RingProducer::write_lane_page(const RingOptions& options, MutableBytes lane) {
  RTT_ASSERT(valid(options) && lane.size() == lane_bytes(options.size));
  const LanePage page{.magic = kLaneMagic,
                      .version = kLaneVersion,
                      .slots = options.size.slots,
                      .arena_bytes = options.size.arena_bytes,
                      .generation = options.generation,
                      .route_id = options.route_id,
                      .frame_id_first = options.frame_id_first};
  std::memcpy(lane.data(), &page, offsetof(LanePage, wait_word));
}

RingProducer::RingProducer(const RingOptions& options, Memory memory)
    : options_(options), memory_(memory), frame_id_(options.frame_id_first) {
  RTT_ASSERT(memory.index.size() == kIndexBytes);
  write_lane_page(options, memory.lane);
  // A frame in the arena takes at least two lines of it.
  arena_frames_.resize(
      std::bit_ceil(std::min<std::size_t>(options.size.slots, options.size.arena_bytes / (2 * kArenaAlign))));
}

std::byte* RingProducer::slot(std::uint64_t position) const {
  return memory_.lane.data() + kPageBytes + (position & (options_.size.slots - 1)) * kSlotBytes;
}

Sent RingProducer::break_off(Fault fault) {
  if (fault_ == Fault::kNone) fault_ = fault;
  return blocked_ = Sent::kBroken;
}

// Takes the consumer's index over, and with it the arena bytes of the frames it released.
bool RingProducer::refresh() {
  const auto index = load_word<std::uint32_t>(memory_.index.data(), std::memory_order_acquire);
  const std::uint32_t steps = index - static_cast<std::uint32_t>(seen_);
  if (steps > position_ - seen_) {
    break_off(Fault::kIndex);
    return false;
  }
  seen_ += steps;
  const std::size_t mask = arena_frames_.size() - 1;
  while (arena_first_ != arena_last_ && arena_frames_[arena_first_ & mask].position < seen_)
    arena_freed_ = arena_frames_[arena_first_++ & mask].end;
  if (arena_first_ == arena_last_) arena_freed_ = arena_tail_;
  return true;
}

// Where `len` bytes go if the next `run` bytes are to lie in one piece; nothing while they would overwrite
// something.
std::optional<RingProducer::Place> RingProducer::place(std::size_t len, std::size_t run) const {
  const std::size_t arena = options_.size.arena_bytes, size = arena_room(len);
  const std::size_t piece = run <= arena ? std::max(size, arena_room(run)) : size;
  Place at{.start = arena_tail_, .wrap = arena_offset_ != 0 && arena - arena_offset_ < piece};
  if (at.wrap) at.start += arena - arena_offset_;
  // With nothing in the arena the skipped end is free as well.
  const std::uint64_t freed = arena_first_ == arena_last_ ? at.start : arena_freed_;
  if (at.start + size > freed + arena) return std::nullopt;
  return at;
}

bool RingProducer::look_for_room(std::size_t len, std::size_t run, std::uint32_t slots_kept) {
  const auto room = [&] {
    if (position_ - seen_ + slots_kept >= options_.size.slots) return false;
    if (len <= kSlotPayloadBytes) return true;
    if (arena_last_ - arena_first_ == arena_frames_.size()) return false;
    reserved_ = place(len, run);
    return reserved_.has_value();
  };
  reserved_.reset();
  return room() || (refresh() && room());
}

std::optional<MutableBytes> RingProducer::reserve_run(std::size_t len, std::size_t run,
                                                      std::uint32_t slots_kept) {
  RTT_ASSERT(len <= payload_bytes_max());
  has_reserved_ = false;
  if (fault_ != Fault::kNone) return std::nullopt;
  if (finished_ || peer_closing()) {
    blocked_ = Sent::kClosing;
    return std::nullopt;
  }
  if (!look_for_room(len, run, slots_kept)) {
    blocked_ = fault_ == Fault::kNone ? Sent::kFull : Sent::kBroken;
    return std::nullopt;
  }
  has_reserved_ = true;
  reserved_len_ = len;
  if (len <= kSlotPayloadBytes) return MutableBytes(slot(position_) + kHeaderBytes, len);
  const std::size_t offset = reserved_->wrap ? 0 : arena_offset_;
  return memory_.lane.subspan(kPageBytes + options_.size.slots * kSlotBytes + offset, len);
}

std::optional<MutableBytes> RingProducer::reserve(std::size_t len) { return reserve_run(len, len, 1); }

std::uint16_t RingProducer::frame_flags(std::uint16_t flags, std::size_t len) const {
  RTT_ASSERT((flags & ~kRingFlags) == 0);
  flags = static_cast<std::uint16_t>(flags | coverage_of(options_, frame_id_));
  if (len > kSlotPayloadBytes && reserved_->wrap) flags |= kArenaWrap;
  return flags;
}

Crc32cHead RingProducer::crc_head(std::uint16_t flags, std::size_t len) const {
  return {kMagic | std::uint64_t{flags} << 32, commit_word(options_.route_id, frame_id_), len};
}

std::uint32_t RingProducer::header_crc(std::uint16_t flags, std::size_t len) const {
  if ((flags & kCoverageMask) == kCoverNone) return 0;
  const Crc32cHead head = crc_head(flags, len);
  return crc32c(std::as_bytes(std::span(head)));
}

// The frame becomes visible here: header words first, then the commit word.
Sent RingProducer::publish(std::uint16_t flags, std::size_t len, std::uint32_t crc) {
  std::byte* const at = slot(position_);
  const std::uint64_t first = kMagic | std::uint64_t{flags} << 32, last = len | std::uint64_t{crc} << 32;
  std::memcpy(at, &first, 8);
  std::memcpy(at + 16, &last, 8);
  store_word(at + kCommitAt, commit_word(options_.route_id, frame_id_), std::memory_order_release);
  if (len > kSlotPayloadBytes) {
    const std::uint64_t end = reserved_->start + arena_room(len);
    arena_frames_[arena_last_++ & (arena_frames_.size() - 1)] = {position_, reserved_->start, end};
    arena_offset_ = (reserved_->wrap ? 0 : arena_offset_) + arena_room(len);
    if (arena_offset_ == options_.size.arena_bytes) arena_offset_ = 0;
    arena_tail_ = end;
  }
  has_reserved_ = false;
  const auto position = static_cast<std::uint32_t>(position_++);
  frame_id_ = next_frame_id(frame_id_);
  return after_commit(position);
}

Sent RingProducer::after_commit(std::uint32_t position) {
  os::waker_fence(options_.fence);
  const WaitState state = unpack(load_word<std::uint64_t>(
      memory_.index.data() + offsetof(IndexPage, wait_word), std::memory_order_acquire));
  // Ownership of the next slot's second line comes early: the consumer does not poll that one.
  __builtin_prefetch(slot(position_) + 64, 1);
  if (state.closing()) return Sent::kDoneClosing;
  if (!state.asleep_at(position)) return Sent::kDone;
  if (bell_ >= 0) {
    ring_bell(bell_);
  } else {
    os::wake_all(reinterpret_cast<const std::uint32_t*>(slot(position) + kCommitAt + 4));
  }
  return Sent::kDone;
}

Sent RingProducer::commit(std::uint16_t flags, std::size_t len) {
  RTT_ASSERT(has_reserved_ && len <= reserved_len_);
  ByteView payload;
  if (reserved_len_ <= kSlotPayloadBytes) {
    payload = {slot(position_) + kHeaderBytes, len};
  } else {
    const std::size_t offset = reserved_->wrap ? 0 : arena_offset_;
    payload = memory_.lane.subspan(kPageBytes + options_.size.slots * kSlotBytes + offset, len);
    if (len <= kSlotPayloadBytes) {  // shorter than asked for: its place is the slot
      if (len > 0) std::memcpy(slot(position_) + kHeaderBytes, payload.data(), len);
      payload = {slot(position_) + kHeaderBytes, len};
    }
  }
  const std::uint16_t all = frame_flags(flags, len);
  std::uint32_t crc = header_crc(all, len);
  if ((all & kCoverageMask) == 0) crc = crc32c(payload, crc);
  return publish(all, len, crc);
}

Sent RingProducer::send_parts(std::uint16_t flags, ByteView head, ByteView body, std::size_t run) {
  const std::size_t len = head.size() + body.size();
  const auto into = reserve_run(len, run, 1);
  if (!into) return blocked_;
  const std::uint16_t all = frame_flags(flags, len);
  std::uint32_t crc = 0;
  if ((all & kCoverageMask) != 0) {
    crc = header_crc(all, len);
    if (!head.empty()) std::memcpy(into->data(), head.data(), head.size());
    if (!body.empty()) std::memcpy(into->data() + head.size(), body.data(), body.size());
  } else if (head.empty() && len < kSendBytesMin) {
    crc = copy_crc32c(*into, body, crc_head(all, len));
  } else {
    crc = copy_crc32c(*into, head, crc_head(all, len));
    crc = send_crc32c(into->subspan(head.size()), body, crc);
  }
  return publish(all, len, crc);
}

Sent RingProducer::send(std::uint16_t flags, ByteView payload) {
  return send_parts(flags, {}, payload, payload.size());
}

Sent RingProducer::push(Outgoing& message) {
  const bool reply = (message.flags & kReply) != 0;
  const ByteView head = reply ? std::as_bytes(std::span(&message.reply_to, 1)) : ByteView{};
  const std::size_t cut =
      std::min(message.payload.size() >= kCutThroughBytes ? kCutBytes : message.payload.size(),
               payload_bytes_max() - head.size());
  while (!message.started || message.sent < message.payload.size()) {
    const std::size_t rest = message.payload.size() - message.sent;
    const std::size_t part = std::min(rest, cut);
    // The fragments of a message lie in one piece where the arena is large enough for it.
    const std::size_t pieces = rest == 0 ? 1 : (rest + cut - 1) / cut;
    const auto flags = static_cast<std::uint16_t>(message.flags | (part < rest ? kMore : 0));
    const std::uint64_t before = position_;
    const std::uint32_t id = frame_id_;
    const Sent sent = send_parts(flags, head, message.payload.subspan(message.sent, part),
                                 pieces * arena_room(cut + head.size()));
    if (position_ != before) {
      if (!message.started) message.frame_id = id;
      message.started = true;
      message.sent += part;
    }
    if (sent != Sent::kDone) return sent;
  }
  return Sent::kDone;
}

Sent RingProducer::send_fin() {
  if (!reserve_run(0, 0, 0)) return blocked_;
  finished_ = true;
  const std::uint16_t flags = frame_flags(kFin, 0);
  return publish(flags, 0, header_crc(flags, 0));
}

bool RingProducer::peer_closing() const {
  return unpack(load_word<std::uint64_t>(memory_.index.data() + offsetof(IndexPage, wait_word),
                                         std::memory_order_acquire))
      .closing();
}

std::uint32_t RingProducer::in_flight() {
  refresh();
  return static_cast<std::uint32_t>(position_ - seen_);
}

void RingProducer::lie_down() {
  ticket_ = ((ticket_ + 1) | kWordAsleep) & kTicketMask;
  asleep_at_ = static_cast<std::uint32_t>(seen_);
  store_word(memory_.lane.data() + offsetof(LanePage, wait_word), pack({ticket_, asleep_at_}),
             std::memory_order_release);
}

bool RingProducer::may_sleep(std::size_t len) {
  if (!look_for_room(len, len, 1) && fault_ == Fault::kNone && !peer_closing() &&
      static_cast<std::uint32_t>(seen_) == asleep_at_)
    return true;
  disarm();
  return false;
}

void RingProducer::disarm() {
  ticket_ = (ticket_ + 1) & ~kWordAsleep & kTicketMask;
  store_word(memory_.lane.data() + offsetof(LanePage, wait_word), pack({ticket_, 0}),
             std::memory_order_release);
}

Woke RingProducer::wait_room(std::size_t len, const WaitBudget& budget) {
  const auto ready = [&] { return peer_closing() || look_for_room(len, len, 1); };
  const Instant spin_end = std::min(os::now() + budget.spin, budget.deadline);
  for (int spins = 0;; ++spins) {
    if (ready()) return Woke::kReady;
    if (fault_ != Fault::kNone) return Woke::kBroken;
    os::spin_pause();
    if (spins % kSpinsPerClock == 0) {
      if (changed(budget.others)) return Woke::kOther;
      if (os::now() >= spin_end) break;
    }
  }
  for (;;) {
    if (os::now() >= budget.deadline) return Woke::kDeadline;
    lie_down();
    os::sleeper_fence(options_.fence);
    if (may_sleep(len)) {
      const auto* wait =
          reinterpret_cast<const std::uint32_t*>(memory_.index.data() + offsetof(IndexPage, wait_word));
      os::WaitWord words[2 + kOtherWordsMax] = {
          {reinterpret_cast<const std::uint32_t*>(memory_.index.data()), static_cast<std::uint32_t>(seen_)},
          {wait, __atomic_load_n(wait, __ATOMIC_ACQUIRE)}};
      RTT_ASSERT(budget.others.size() <= kOtherWordsMax);
      std::copy(budget.others.begin(), budget.others.end(), words + 2);
      if (!peer_closing()) os::wait_any({words, 2 + budget.others.size()}, budget.deadline);
      disarm();
    }
    if (ready()) return Woke::kReady;
    if (fault_ != Fault::kNone) return Woke::kBroken;
    if (changed(budget.others)) return Woke::kOther;
  }
}

std::optional<std::uint32_t> RingProducer::cut() {
  const WaitState state = unpack(load_word<std::uint64_t>(
      memory_.index.data() + offsetof(IndexPage, wait_word), std::memory_order_acquire));
  if (!state.closed() || !refresh()) return std::nullopt;
  // The index may lag behind the cut, never run ahead of it.
  if (state.position - static_cast<std::uint32_t>(seen_) > position_ - seen_) {
    break_off(Fault::kCut);
    return std::nullopt;
  }
  return state.position;
}

Woke RingProducer::wait_cut(const WaitBudget& budget) {
  const auto* wait =
      reinterpret_cast<const std::uint32_t*>(memory_.index.data() + offsetof(IndexPage, wait_word));
  for (;;) {
    const std::uint32_t state = __atomic_load_n(wait, __ATOMIC_ACQUIRE);
    if (cut()) return Woke::kReady;
    if (fault_ != Fault::kNone) return Woke::kBroken;
    if (changed(budget.others)) return Woke::kOther;
    if (os::now() >= budget.deadline) return Woke::kDeadline;
    os::WaitWord words[1 + kOtherWordsMax] = {{wait, state}};
    RTT_ASSERT(budget.others.size() <= kOtherWordsMax);
    std::copy(budget.others.begin(), budget.others.end(), words + 1);
    os::wait_any({words, 1 + budget.others.size()}, budget.deadline);
  }
}

RingProducer::SentFrame RingProducer::sent_frame(std::uint32_t position) const {
  const std::uint32_t back = static_cast<std::uint32_t>(position_) - position;
  RTT_ASSERT(back >= 1 && back <= position_ - seen_);
  const std::uint64_t whole = position_ - back;
  const std::byte* at = slot(whole);
  std::uint16_t flags;
  std::uint32_t len;
  std::memcpy(&flags, at + 4, sizeof flags);
  std::memcpy(&len, at + 16, sizeof len);
  SentFrame frame{.flags = static_cast<std::uint16_t>(flags & kRingFlags),
                  .frame_id = frame_id_back(frame_id_, back),
                  .payload = {at + kHeaderBytes, std::min<std::size_t>(len, kSlotPayloadBytes)}};
  if (len <= kSlotPayloadBytes) return frame;
  for (std::uint64_t i = arena_first_; i != arena_last_; ++i) {
    const ArenaFrame& lies = arena_frames_[i & (arena_frames_.size() - 1)];
    if (lies.position != whole) continue;
    const std::size_t offset = lies.start % options_.size.arena_bytes;
    frame.payload =
        ByteView(memory_.lane).subspan(kPageBytes + options_.size.slots * kSlotBytes + offset, len);
  }
  return frame;
}

}  // namespace rtt::fabric::shm
