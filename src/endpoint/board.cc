// SPDX-License-Identifier: Apache-2.0
#include "endpoint/board.h"

#include <fmt/format.h>

#include <algorithm>

#include "endpoint/board_lane.h"
#include "endpoint/uds_carrier.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/unix_socket.h"

namespace rtt::endpoint {
namespace {

// A flip is over within this time unless an end is descheduled; a look costs some hundred nanoseconds.
constexpr Nanos kRestlessLook{200'000};
constexpr Nanos kRestlessLookMax = nanos_from_ms(10);  // if that lasts: an end is stopped in the middle of it
constexpr Nanos kQueueLook = nanos_from_ms(10);        // of a lane that ends once its queue is empty
constexpr int kLeftRoundsMax = 4096;                   // of some hundred messages: all rings hold less
constexpr int kRoundsPerTurn = 16;                     // then the loop's other descriptors get their turn

}  // namespace

using text::Json;

Board::Board(os::Loop& loop, OnArrival on_arrival, OnGone on_gone)
    : loop_(loop),
      on_arrival_(std::move(on_arrival)),
      on_gone_(std::move(on_gone)),
      processes_(loop),
      restless_look_(kRestlessLook) {
  auto pair = os::socket_pair();
  RTT_ASSERT(pair.has_value());
  bell_ = std::move(pair->first);
  bell_ring_ = std::move(pair->second);
  RTT_ASSERT(loop_
                 .watch(bell_.get(), os::kReadable,
                        [this](std::uint32_t) {
                          std::array<std::byte, 256> rung{};
                          (void)os::receive(bell_.get(), rung);
                          for (const auto& [generation, lane] : lanes_) lane->carrier->stir();
                          settle();
                        })
                 .has_value());
}

Board::~Board() {
  loop_.unwatch(bell_.get());
  loop_.cancel(restless_);
  for (const auto& [id, call] : calls_) loop_.cancel(call->timer);
}

Board::Lane* Board::find(std::uint64_t generation) {
  const auto at = lanes_.find(generation);
  return at == lanes_.end() ? nullptr : at->second.get();
}

// ---- wiring

Result<std::unique_ptr<Carrier>> Board::carrier_for(const Binding& binding, Parts& parts) {
  const std::uint64_t generation = binding.generation;
  Carrier::Events events;
  events.on_message = [this, generation](const fabric::LaneMessage& m) { on_message_of(generation, m); };
  // Later: whoever notices stands in the middle of the lane's own code.
  events.on_closed = [this, generation, alive = std::weak_ptr(alive_)](const Error& why) {
    loop_.post([this, generation, alive, why] {
      if (!alive.expired()) on_closed_of(generation, why);
    });
  };
  if (binding.lane != model::LaneKind::kShm) {
    return std::make_unique<UdsCarrier>(loop_, std::move(parts.socket), binding.route.id, std::move(events));
  }
  Surroundings surroundings{.processes = processes_, .look_again = [this, alive = std::weak_ptr(alive_)] {
                              if (!alive.expired()) settle_later();
                            }};
  if (binding.side == Side::kTo) {
    return ShmTo::bind(binding, parts.params, std::move(parts.offer), std::move(parts.shm), surroundings,
                       std::move(events));
  }
  if (const Lane* before = find(binding.follows); parts.params.ring > 1 && before != nullptr &&
                                                  before->shm_from != nullptr &&
                                                  before->binding.route.id == binding.route.id) {
    parts.shm.before = before->shm_from->chain();
  }
  return ShmFrom::bind(binding, parts.params, std::move(parts.offer), std::move(parts.shm),
                       std::move(surroundings), std::move(events));
}

Status Board::bind(Binding binding, Parts parts) {
  const std::uint64_t generation = binding.generation;
  if (lanes_.contains(generation)) return {};  // said twice
  if (lanes_.size() >= kLanesMax) return fail(Code::kLimit, fmt::format("{} lanes are open", kLanesMax));
  auto lane = std::make_unique<Lane>(std::move(binding), std::move(parts.page));
  // Before anything of it is joined to a chain: who is gone already makes no lane.
  if (const os::ProcessId peer = parts.shm.peer; peer.pid != 0) {
    RTT_TRY_SET(lane->peer, processes_.watch(peer, [this, generation, pid = peer.pid] {
      // A socket says when its other end is gone, shared memory does not.
      left(generation,
           {.code = Code::kLost, .message = fmt::format("process {} at the other end ended", pid)});
    }));
  }
  if (Status made = make_carrier(*lane, parts); !made) {
    processes_.forget(lane->peer);
    return made;
  }
  lanes_.emplace(generation, std::move(lane));
  settle_later();  // once for all that a change brings: each look puts every lane to rest
  return {};
}

Status Board::make_carrier(Lane& lane, Parts& parts) {
  RTT_TRY_SET(lane.carrier, carrier_for(lane.binding, parts));
  if (lane.carrier->kind() == model::LaneKind::kShm) {
    if (lane.binding.side == Side::kFrom)
      lane.shm_from = static_cast<ShmFrom*>(lane.carrier.get());
    else
      lane.shm_to = static_cast<ShmTo*>(lane.carrier.get());
  }
  // Read in order by the same process, requests of the lane before come first. A chain of rings sees to that
  // by itself.
  const Lane* before = lane.binding.side == Side::kTo ? find(lane.binding.follows) : nullptr;
  const bool one_chain = lane.shm_to != nullptr && parts.params.ring > 1;
  if (before == nullptr || before->finished_there || one_chain) return lane.carrier->begin();
  return {};
}

// A lane and those it is read behind; whether anything came.
bool Board::pump_to(std::uint64_t generation) {
  const Lane* lane = find(generation);
  if (lane == nullptr) return false;
  const std::uint64_t before = lane->binding.follows;
  const bool earlier = before != 0 && before < generation && pump_to(before);
  lane = find(generation);
  return (lane != nullptr && lane->carrier->pump()) || earlier;
}

// A handler that is under way stands before it. A socket tells the end of what is in it by itself.
void Board::left(std::uint64_t generation, const Error& why) {
  if (const Lane* lane = find(generation); lane != nullptr && lane->carrier->kind() != model::LaneKind::kShm)
    return close(generation);
  if (handling_ > 0) {
    after_handler_.emplace_back([this, generation, why] { left(generation, why); });
    return;
  }
  // Nobody writes there any more, so what is in its rings has an end.
  for (int round = 0; round < kLeftRoundsMax && pump_to(generation); ++round) {
  }
  abandon(generation, why);
}

Status Board::adopt(std::uint64_t generation, os::Fd control, std::uint64_t control_generation) {
  Lane* lane = find(generation);
  if (lane == nullptr) return fail(Code::kPanelProtocol, fmt::format("there is no lane {} here", generation));
  if (lane->shm_from != nullptr) return lane->shm_from->adopt(std::move(control), control_generation);
  if (lane->shm_to != nullptr) return lane->shm_to->adopt(std::move(control), control_generation);
  return {};
}

Board::Lane* Board::carrying(std::string_view port) {
  for (const auto& [generation, lane] : lanes_) {
    if (lane->stage == Stage::kCarrying && lane->binding.side == Side::kFrom && lane->binding.port == port)
      return lane.get();
  }
  return nullptr;
}

Status Board::flip(std::uint64_t generation) {
  Lane* lane = find(generation);
  if (lane == nullptr) return fail(Code::kPanelProtocol, fmt::format("there is no lane {} here", generation));
  if (lane->stage != Stage::kBuilt) return {};
  if (Lane* before = find(lane->binding.follows); before != nullptr && lane->binding.side == Side::kFrom) {
    drain(*before);
    lane->carrier->take_over(*before->carrier);  // behind the last frame, which takes an id as well
    end_later(lane->binding.follows);
  }
  lane->stage = Stage::kCarrying;
  settle_later();
  return {};
}

void Board::abandon(std::uint64_t generation, const Error& why) {
  if (find(generation) != nullptr) return gone(generation, true, why);
  on_gone_({.generation = generation, .broken = true, .why = why});
}

void Board::close(std::uint64_t generation) {
  Lane* lane = find(generation);
  if (lane == nullptr) return;
  if (lane->stage == Stage::kBuilt) return gone(generation, false, {});  // nothing went over it
  drain(*lane);
  end_if_drained(generation);
}

void Board::drain(Lane& lane) {
  if (lane.stage == Stage::kDraining) return;
  lane.stage = Stage::kDraining;
  if (lane.binding.side == Side::kFrom) lane.carrier->finish();
}

void Board::end_if_drained(std::uint64_t generation) {
  Lane* lane = find(generation);
  if (lane == nullptr || lane->stage != Stage::kDraining) return;
  // From here: every reply is in. To here: the last request is in, and answered.
  const bool drained =
      lane->binding.side == Side::kFrom ? lane->asked.empty() : lane->finished_there && lane->owed.empty();
  if (!drained) return;
  if (lane->carrier->queued_bytes() == 0) return gone(generation, false, {});
  // What waits for room goes as the other end reads, of which nothing here is told.
  if (std::exchange(lane->looked_at, true)) return;
  loop_.after(kQueueLook, [this, generation, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (Lane* still = find(generation); still != nullptr) still->looked_at = false;
    end_if_drained(generation);
  });
}

// Not from inside a lane's own call, in which ending it would pull the ground from under it.
void Board::end_later(std::uint64_t generation) {
  if (const Lane* lane = find(generation); lane == nullptr || lane->stage != Stage::kDraining) return;
  loop_.post([this, generation, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) end_if_drained(generation);
  });
}

// The lane is read to its end: whoever waits for that is read now.
void Board::begin_after(std::uint64_t generation) {
  for (const auto& [other, lane] : lanes_) {
    if (lane->binding.follows != generation || lane->binding.side != Side::kTo) continue;
    if (const Status begun = lane->carrier->begin(); !begun) {
      loop_.post([this, other, why = begun.error(), alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) abandon(other, why);
      });
    }
    settle_later();  // no bell tells of what was there before
  }
}

void Board::gone(std::uint64_t generation, bool broken, const Error& why) {
  const auto at = lanes_.find(generation);
  if (at == lanes_.end()) return;
  std::unique_ptr<Lane> lane = std::move(at->second);
  lanes_.erase(at);
  begin_after(generation);
  processes_.forget(lane->peer);
  owed_ -= lane->owed.size();
  // However it ends, the other end may be reading it to its end and wait for the last word. Where its chain
  // goes on in another lane, that one says it.
  if (lane->binding.side == Side::kFrom) lane->carrier->finish();
  if (lane->shm_from != nullptr && lane->stage == Stage::kBuilt) lane->shm_from->drop_unused();
  lane->carrier->close();
  const Error lost{
      .code = Code::kLost,
      .message = fmt::format("{} ended before it answered", model::identity(lane->binding.route.to)),
      .where = model::route_name(lane->binding.route),
      .hint = "the call may have been carried out: repeat it only if that is harmless"};
  for (const auto& [request, call] : lane->asked) {
    lane->recorder.drop(telemetry::DropReason::kLost);
    finish(call, std::unexpected(lost));
  }
  on_gone_({.generation = generation, .broken = broken, .why = why});
  if (handling_ > 0) gone_.push_back(std::move(lane));  // its own code may be what runs the handler
}

void Board::on_closed_of(std::uint64_t generation, const Error& why) {
  const Lane* lane = find(generation);
  if (lane == nullptr) return;
  if (why.code == Code::kFrame) find(generation)->recorder.drop(telemetry::DropReason::kCrc);
  const bool finished = lane->stage == Stage::kDraining && lane->asked.empty() && lane->owed.empty();
  gone(generation, !finished, why);
}

// ---- shared memory

// A handler waits for an answer: what else comes in has its turn when it is done.
bool Board::waits_its_turn(const Lane& lane) const { return handling_ > 0 && lane.binding.side == Side::kTo; }

bool Board::pump() {
  bool any = false;
  for (auto at = lanes_.begin(); at != lanes_.end();) {  // by key: a handler may bring lanes and take some
    const std::uint64_t generation = at->first;
    if (!waits_its_turn(*at->second)) any = at->second->carrier->pump() || any;
    at = lanes_.upper_bound(generation);
  }
  return any;
}

bool Board::rest() {
  bool resting = true, restless = false;
  std::optional<os::Fence> fence;
  for (const auto& [generation, lane] : lanes_) {
    if (waits_its_turn(*lane)) {
      passed_over_ = true;
      continue;
    }
    lane->carrier->lie_down();
    if (const auto needed = lane->carrier->fence(); needed && fence != os::Fence::kMembarrier) fence = needed;
  }
  if (fence) os::sleeper_fence(*fence);
  for (const auto& [generation, lane] : lanes_) {
    if (waits_its_turn(*lane)) continue;
    if (!lane->carrier->may_sleep()) {
      lane->carrier->stir();
      resting = false;
    }
    restless = restless || lane->carrier->restless();
  }
  if (!restless) restless_look_ = kRestlessLook;
  if (restless && restless_ == 0) {
    restless_ = loop_.after(restless_look_, [this] {
      restless_ = 0;
      restless_look_ = std::min(kRestlessLookMax, Nanos{restless_look_.value * 2});
      for (const auto& [generation, lane] : lanes_) lane->carrier->stir();
      settle();
    });
  }
  return resting;
}

// A message that was sent from outside the loop's turn and waits for room: the lane is put to sleep over it,
// so that the other end rings when it has made some.
void Board::attend(const Lane& lane) {
  if (!pumping_ && lane.carrier->queued_bytes() != 0) settle_later();
}

void Board::settle_later() {
  if (std::exchange(settling_, true)) return;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    settling_ = false;
    settle();
  });
}

void Board::settle() {
  if (pumping_) return;
  pumping_ = true;
  bool done = false;
  for (int round = 0; round < kRoundsPerTurn && !done; ++round) done = !pump() && rest();
  pumping_ = false;
  if (!done) settle_later();
}

void Board::wait(Nanos max_wait, Nanos spin) {
  const bool outer =
      std::exchange(pumping_, true);  // the bell's handler would rest while this one still looks
  for (const auto& [generation, lane] : lanes_) lane->carrier->stir();
  const Instant begin = os::now();
  bool any = pump();
  while (!any && !loop_.has_posted() && (os::now() - begin).value < spin.value &&
         (max_wait.value < 0 || (os::now() - begin).value < max_wait.value)) {
    os::spin_pause();
    any = pump();
  }
  const bool sleep = !any && rest();
  pumping_ = outer;
  if (any && !loop_.has_posted()) return;
  Nanos left{0};
  if (sleep)
    left = max_wait.value < 0 ? max_wait
                              : Nanos{std::max<std::int64_t>(0, max_wait.value - (os::now() - begin).value)};
  loop_.run_once(left);
}

bool Board::owes() const {
  return !calls_.empty() ||
         std::ranges::any_of(lanes_, [](const auto& entry) { return !entry.second->owed.empty(); });
}

std::size_t Board::queued_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [generation, lane] : lanes_) bytes += lane->carrier->queued_bytes();
  return bytes;
}

Json Board::describe() const {
  Json list = text::JsonArray{};
  for (const auto& [generation, lane] : lanes_) {
    Json row = to_json(lane->binding);
    row.set("carrying", lane->stage == Stage::kCarrying);
    const telemetry::RouteSample sample = lane->recorder.sample();
    row.set("dropped", sample.dropped());
    row.set("queued", lane->carrier->queued_bytes());
    row.set("received", sample.received);
    row.set("sent", sample.sent);
    list.push(std::move(row));
  }
  return list;
}

}  // namespace rtt::endpoint
