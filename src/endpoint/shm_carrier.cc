// SPDX-License-Identifier: Apache-2.0
#include "endpoint/shm_carrier.h"

#include <fmt/format.h>

#include "os/clock.h"

namespace rtt::endpoint {
namespace {

using fabric::LaneMessage;
using fabric::MessageKind;
using fabric::shm::ChainPulled;
using fabric::shm::ChainSent;
using fabric::shm::ControlView;
using fabric::shm::Incoming;
using fabric::shm::Outgoing;
using fabric::shm::Pulled;
using fabric::shm::Sent;

constexpr int kMessagesPerPump = 256;  // then other lanes get their turn
constexpr int kStalledTries = 10;
constexpr Nanos kStalledWait{2'000'000};

// It is there once a message came, its pages once one was that long: most lanes of a machine carry none.
std::unique_ptr<std::byte[]> message_buffer() {
  return std::make_unique_for_overwrite<std::byte[]>(limits::kFramePayloadBytesMax);
}
Incoming incoming_into(const std::unique_ptr<std::byte[]>& buffer) {
  return {.into = {buffer.get(), limits::kFramePayloadBytesMax}};
}

Result<os::Mapping> map_lane(const os::Fd& ring, const fabric::shm::RingSize& size) {
  return os::map_shared_memory(ring.get(), fabric::shm::lane_bytes(size),
                               fabric::shm::lane_bytes_touched(size));
}

LaneMessage message_of(const Incoming& incoming) {
  const bool reply = (incoming.flags & fabric::kReply) != 0;
  const bool error = (incoming.flags & fabric::kErrorReply) != 0;
  return {.kind = !reply  ? MessageKind::kRequest
                  : error ? MessageKind::kErrorReply
                          : MessageKind::kReply,
          .id = incoming.frame_id,
          .reply_to = incoming.reply_to,
          .payload = incoming.into.first(incoming.size)};
}

Status fits(ByteView payload, std::span<os::Fd> fds) {
  if (payload.size() > limits::kFramePayloadBytesMax)
    return fail(Code::kTooLarge, fmt::format("a message of {} bytes is over the limit of {} bytes",
                                             payload.size(), limits::kFramePayloadBytesMax));
  if (!fds.empty())
    return fail(Code::kBadArgument, "descriptors cannot travel on a lane in shared memory", {},
                "put uds first in routing.prefer of panel.yaml, then rtt plan and rtt apply");
  return {};
}

Error full(std::string_view what) {
  return {.code = Code::kBusy,
          .message = fmt::format("the {} does not keep up: its lane is full", what),
          .where = {},
          .hint = "rtt tap shows which route waits"};
}

}  // namespace

void WaitingMessages::add(ByteView payload, const Outgoing& message) {
  bytes += payload.size();
  queue.push_back({.bytes = Bytes(payload.begin(), payload.end()), .message = message});
  queue.back().message.payload = queue.back().bytes;
}

void WaitingMessages::drop_front() {
  bytes -= queue.front().bytes.size();
  queue.pop_front();
}

// ---- the chain

RequestChain::~RequestChain() {
  for (const Reader& reader : readers_) surroundings_.processes.forget(reader.watch);
}

Status RequestChain::add(fabric::shm::ChainProducer::Ring ring, os::Fd bell, const os::ProcessId& process) {
  RTT_ASSERT(ring.lane.valid());
  Reader reader{.ring = ring.number, .bell = std::move(bell)};
  if (process.pid != 0) {
    // The chain outlives no board, and its watches end with it.
    RTT_TRY_SET(reader.watch, surroundings_.processes.watch(process, [this, number = ring.number] {
      producer_->reader_died(number);
      surroundings_.look_again();
    }));
  }
  if (!producer_) {
    producer_.emplace(std::move(*control_), std::move(ring));
    control_.reset();
  } else if (Status added = producer_->add(std::move(ring)); !added) {
    surroundings_.processes.forget(reader.watch);
    return added;
  }
  readers_.push_back(std::move(reader));
  // What has said how far it came is not waited for.
  while (fabric::shm::moved_on(producer_->number(), readers_.front().ring)) {
    surroundings_.processes.forget(readers_.front().watch);
    readers_.pop_front();
  }
  return {};
}

void RequestChain::drop_unused() {
  producer_->drop_unused();
  while (readers_.size() > 1 && fabric::shm::moved_on(readers_.back().ring, producer_->last_number())) {
    surroundings_.processes.forget(readers_.back().watch);
    readers_.pop_back();
  }
}

// ---- from

Result<std::unique_ptr<ShmFrom>> ShmFrom::bind(const Binding& binding, const ShmParams& params,
                                               ShmOffer offer, ShmParts parts, Surroundings surroundings,
                                               Events events) {
  std::unique_ptr<ShmFrom> from(new ShmFrom);
  from->route_ = binding.route.id;
  from->fence_ = params.fence;
  from->buffers_ = binding.route.route_class != model::RouteClass::kReq &&
                   backpressure_of(binding.route) == model::Backpressure::kBuffer;
  from->ring_ = params.ring;
  RTT_TRY_SET(from->replies_memory_, map_lane(parts.ring, params.size));
  RTT_TRY(fabric::shm::check_lane_page(reply_ring(binding, params), from->replies_memory_.bytes()));
  RTT_TRY_SET(os::Mapping there, os::map_shared_memory(parts.index.get(), fabric::shm::kIndexBytes));
  from->index_memory_ = std::move(offer.index.memory);
  from->bell_ = std::move(parts.bell);
  from->replies_.emplace(reply_ring(binding, params),
                         fabric::shm::RingConsumer::Memory{.lane = from->replies_memory_.bytes(),
                                                           .index = from->index_memory_.writable()});
  from->replies_->set_bell(from->bell_.get());
  // The chain outlives this lane, so it has a bell of its own.
  RTT_TRY_SET(os::Fd chain_bell, from->bell_.duplicate());
  fabric::shm::ChainProducer::Ring ring{.number = params.ring,
                                        .options = request_ring(binding, params),
                                        .lane = std::move(offer.ring.memory),
                                        .index = std::move(there),
                                        .bell = chain_bell.get()};
  std::shared_ptr<RequestChain> chain = std::move(parts.before);
  if (chain == nullptr) {
    RTT_TRY_SET(ControlView control,
                ControlView::open(parts.control.get(),
                                  {.generation = params.control, .route_id = binding.route.id.value}));
    chain = std::make_shared<RequestChain>(std::move(surroundings), std::move(control));
  }
  RTT_TRY(chain->add(std::move(ring), std::move(chain_bell), parts.peer));
  from->chain_ = std::move(chain);
  from->events_ = std::move(events);
  return from;
}

Result<std::uint32_t> ShmFrom::request(ByteView payload, std::span<os::Fd> fds) {
  RTT_TRY(fits(payload, fds));
  if (broken_) return fail(Code::kLost, "the lane is closed");
  if (!chain_->waiting.empty()) flush();
  Outgoing message{.payload = payload};
  const auto wait = [&]() -> Result<std::uint32_t> {
    if (!buffers_ || chain_->waiting.bytes + payload.size() > kShmQueueBytesMax)
      return std::unexpected(full("provider"));
    chain_->waiting.add(payload, message);
    return 0;  // nothing answers it, so nobody needs its id
  };
  if (!chain_->waiting.empty()) return wait();
  auto& producer = chain_->producer();
  ChainSent sent = producer.push(message);
  // In the middle of a flip the old reader says within microseconds how far it came; it may be descheduled.
  for (int tries = chain_->stalled ? kStalledTries : 0;
       sent == ChainSent::kStalled && !message.started && tries < kStalledTries; ++tries) {
    (void)producer.wait(payload.size(), {.deadline = os::now() + kStalledWait, .others = {}});
    sent = producer.push(message);
  }
  chain_->stalled = sent == ChainSent::kStalled;
  switch (sent) {
    case ChainSent::kDone:
      return message.frame_id;
    case ChainSent::kBroken:
      broken(producer.error());
      return fail(Code::kLost, "the lane broke: " + producer.error().message);
    case ChainSent::kFull:
    case ChainSent::kStalled:
      break;
  }
  if (!message.started) return wait();
  // Its first fragments are on their way under this id: the rest follows as the provider reads.
  chain_->waiting.add(payload, message);
  return message.frame_id;
}

Status ShmFrom::respond(MessageKind, std::uint32_t, ByteView, std::span<os::Fd>) {
  return fail(Code::kInternal, "the asking end of a lane gives no replies");
}

bool ShmFrom::flush() {
  bool moved = false;
  while (!chain_->waiting.empty()) {
    Outgoing& next = chain_->waiting.queue.front().message;
    const std::size_t before = next.sent;
    const ChainSent sent = chain_->producer().push(next);
    moved = moved || next.sent != before;
    if (sent == ChainSent::kBroken) {
      broken(chain_->producer().error());
      return moved;
    }
    if (sent != ChainSent::kDone) return moved;
    chain_->waiting.drop_front();
    moved = true;
  }
  return moved;
}

void ShmFrom::finish() {
  if (finishing_ || broken_) return;
  finishing_ = true;
  flush();
  end_requests();
}

// The chain may go on in another lane: only its own last ring is finished here, by following the epoch; a
// lane that ends without a successor ends its chain, behind what waits.
void ShmFrom::end_requests() {
  if (!finishing_ || ended_ || broken_) return;
  if (chain_.use_count() > 1) {
    ended_ = true;
    (void)chain_->producer().follow();
  } else if (chain_->waiting.empty()) {
    ended_ = true;
    (void)chain_->producer().finish();
  }
}

// What waits for a ring that a later lane has entered is that lane's.
std::size_t ShmFrom::queued_bytes() const {
  return chain_->producer().number() == ring_ || chain_.use_count() == 1 ? chain_->waiting.bytes : 0;
}

void ShmFrom::broken(const Error& why) {
  if (std::exchange(broken_, true)) return;
  events_.on_closed(why);
}

bool ShmFrom::pump() {
  if (broken_) return false;
  bool any = flush();
  end_requests();
  if (!buffer_ && replies_->poll() != fabric::shm::Poll::kEmpty) {
    buffer_ = message_buffer();
    incoming_ = incoming_into(buffer_);
  }
  for (int i = 0; i < kMessagesPerPump && !broken_ && buffer_; ++i) {
    const Pulled pulled = replies_->pull(incoming_);
    if (pulled == Pulled::kEmpty) break;
    any = true;
    if (pulled == Pulled::kBroken) {
      broken(replies_->error());
      break;
    }
    if (pulled == Pulled::kMessage) {
      const LaneMessage message = message_of(incoming_);
      incoming_ = incoming_into(buffer_);
      events_.on_message(message);  // may end this lane: nothing of it is touched in this round after a break
    } else {
      incoming_ = incoming_into(buffer_);
      if (pulled == Pulled::kFin) break;
    }
  }
  if (!broken_ && chain_->producer().pending()) (void)chain_->producer().follow();
  return any;
}

void ShmFrom::lie_down() {
  if (broken_) return;
  replies_->lie_down();
  if (!chain_->waiting.empty()) chain_->producer().lie_down();
}

bool ShmFrom::may_sleep() {
  if (broken_) return true;
  return replies_->may_sleep() && (chain_->waiting.empty() || chain_->producer().may_sleep(1));
}

void ShmFrom::stir() {
  if (broken_) return;
  replies_->disarm();
  if (!chain_->waiting.empty()) chain_->producer().disarm();
}

bool ShmFrom::restless() const {
  return !broken_ && (chain_->producer().pending() || !chain_->waiting.empty());
}

Status ShmFrom::adopt(os::Fd control, std::uint64_t generation) {
  RTT_TRY_SET(ControlView view,
              ControlView::open(control.get(), {.generation = generation, .route_id = route_.value}));
  return chain_->producer().adopt(std::move(view));
}

// ---- to

Result<std::unique_ptr<ShmTo>> ShmTo::bind(const Binding& binding, const ShmParams& params, ShmOffer offer,
                                           ShmParts parts, const Surroundings& surroundings, Events events) {
  std::unique_ptr<ShmTo> to(new ShmTo(surroundings.processes));
  to->route_ = binding.route.id;
  to->fence_ = params.fence;
  fabric::shm::ChainConsumer::Ring ring{.number = params.ring, .options = request_ring(binding, params)};
  RTT_TRY_SET(ring.lane, map_lane(parts.ring, params.size));
  ring.index = std::move(offer.index.memory);
  if (parts.gate.valid()) {
    RTT_TRY_SET(ring.gate, os::map_shared_memory(parts.gate.get(), fabric::shm::kIndexBytes));
  }
  to->bell_ = std::move(parts.bell);
  ring.bell = to->bell_.get();
  RTT_TRY(fabric::shm::ChainConsumer::check(ring));
  RTT_TRY_SET(ControlView control,
              ControlView::open(parts.control.get(),
                                {.generation = params.control, .route_id = binding.route.id.value}));
  to->requests_.emplace(std::move(control), std::move(ring));
  if (parts.gate_owner.pid != 0) {
    const auto open = [it = to.get(), look_again = surroundings.look_again] {
      it->requests_->gate_owner_died();
      look_again();
    };
    if (const auto watched = surroundings.processes.watch(parts.gate_owner, open))
      to->gate_owner_ = *watched;
    else if (watched.error().code == Code::kLost)
      to->requests_->gate_owner_died();
    else
      return std::unexpected(watched.error());
  }
  RTT_TRY_SET(to->index_memory_, os::map_shared_memory(parts.index.get(), fabric::shm::kIndexBytes));
  to->replies_memory_ = std::move(offer.ring.memory);
  to->replies_.emplace(reply_ring(binding, params),
                       fabric::shm::RingProducer::Memory{.lane = to->replies_memory_.writable(),
                                                         .index = to->index_memory_.bytes()});
  to->replies_->set_bell(to->bell_.get());
  to->events_ = std::move(events);
  return to;
}

ShmTo::~ShmTo() { processes_.forget(gate_owner_); }

Result<std::uint32_t> ShmTo::request(ByteView, std::span<os::Fd>) {
  return fail(Code::kInternal, "the answering end of a lane makes no requests");
}

Status ShmTo::respond(MessageKind kind, std::uint32_t request_id, ByteView payload, std::span<os::Fd> fds) {
  RTT_TRY(fits(payload, fds));
  if (broken_) return fail(Code::kLost, "the lane is closed");
  const auto flags = static_cast<std::uint16_t>(fabric::kReply |
                                                (kind == MessageKind::kErrorReply ? fabric::kErrorReply : 0));
  Outgoing message{.flags = flags, .reply_to = request_id, .payload = payload};
  if (!waiting_.empty()) flush();
  if (waiting_.empty()) {
    const Sent sent = replies_->push(message);
    if (sent == Sent::kDone || sent == Sent::kDoneClosing) return {};
    if (sent == Sent::kBroken) {
      broken(replies_->error());
      return fail(Code::kLost, "the lane is closed");
    }
  }
  if (waiting_.bytes + payload.size() > kShmQueueBytesMax && !waiting_.empty())
    return std::unexpected(full("asker"));
  waiting_.add(payload, message);
  return {};
}

bool ShmTo::flush() {
  bool moved = false;
  while (!waiting_.empty()) {
    Outgoing& next = waiting_.queue.front().message;
    const std::size_t before = next.sent;
    const Sent sent = replies_->push(next);
    moved = moved || next.sent != before;
    if (sent == Sent::kBroken) {
      broken(replies_->error());
      return moved;
    }
    if (sent != Sent::kDone && sent != Sent::kDoneClosing) return moved;
    waiting_.drop_front();
  }
  return moved;
}

void ShmTo::broken(const Error& why) {
  if (std::exchange(broken_, true)) return;
  events_.on_closed(why);
}

bool ShmTo::pump() {
  if (broken_) return false;
  bool any = flush();
  if (!buffer_ && reads() && requests_->poll() != fabric::shm::ChainPoll::kEmpty) {
    buffer_ = message_buffer();
    incoming_ = incoming_into(buffer_);
  }
  for (int i = 0; i < kMessagesPerPump && !broken_ && buffer_ && reads(); ++i) {
    const ChainPulled pulled = requests_->pull(incoming_);
    if (pulled == ChainPulled::kEmpty) break;
    any = true;
    switch (pulled) {
      case ChainPulled::kMessage: {
        const LaneMessage message = message_of(incoming_);
        incoming_ = incoming_into(buffer_);
        events_.on_message(message);
        break;
      }
      case ChainPulled::kLeft:
        left_ = true;
        events_.on_message({.kind = MessageKind::kFin});
        break;
      case ChainPulled::kBroken:
        broken(requests_->error());
        break;
      case ChainPulled::kTooLarge:
      case ChainPulled::kEmpty:
        incoming_ = incoming_into(buffer_);
        break;
    }
  }
  return any;
}

void ShmTo::lie_down() {
  if (broken_) return;
  if (reads()) requests_->lie_down();
  if (!waiting_.empty()) replies_->lie_down();
}

bool ShmTo::may_sleep() {
  if (broken_) return true;
  return (!reads() || requests_->may_sleep()) && (waiting_.empty() || replies_->may_sleep(1));
}

void ShmTo::stir() {
  if (broken_) return;
  if (reads()) requests_->disarm();
  if (!waiting_.empty()) replies_->disarm();
}

bool ShmTo::restless() const { return !broken_ && ((reads() && requests_->restless()) || !waiting_.empty()); }

Status ShmTo::adopt(os::Fd control, std::uint64_t generation) {
  RTT_TRY_SET(ControlView view,
              ControlView::open(control.get(), {.generation = generation, .route_id = route_.value}));
  return requests_->adopt(std::move(view));
}

}  // namespace rtt::endpoint
