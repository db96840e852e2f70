// SPDX-License-Identifier: Apache-2.0
// Building lanes: two handshakes, one with each end, that meet here (docs/formats/handshake.md).
#include <fmt/format.h>

#include <algorithm>

#include "api/handshake_json.h"
#include "model/saddr.h"
#include "os/clock.h"
#include "os/memfd.h"
#include "os/process.h"
#include "os/unix_socket.h"
#include "panel/wiring.h"

namespace rtt::panel {

using endpoint::Side;
using fabric::LaneEnd;
using text::Json;

namespace {

constexpr std::array kSides{Side::kFrom, Side::kTo};

Side other(Side side) { return side == Side::kFrom ? Side::kTo : Side::kFrom; }
std::size_t at_side(Side side) { return side == Side::kFrom ? 0 : 1; }
bool has_rings(model::LaneKind lane) { return lane == model::LaneKind::kShm; }

bool contains(const std::vector<model::LaneKind>& kinds, model::LaneKind kind) {
  return std::ranges::find(kinds, kind) != kinds.end();
}

fabric::Acceptor::Offer offer_of(const model::Route& route, Side side) {
  const bool from = side == Side::kFrom;
  fabric::Acceptor::Offer offer{.saddr = model::identity(from ? route.from : route.to),
                                .caps = route.caps,
                                .contract = from ? route.consumer_contract : route.contract,
                                .lanes = {model::LaneKind::kShm, model::LaneKind::kUds},
                                .params = {.route_id = route.id.value}};
  std::ranges::sort(offer.caps);
  offer.caps.erase(std::unique(offer.caps.begin(), offer.caps.end()), offer.caps.end());
  return offer;
}

void set_process(Json& args, const std::string& who, const os::ProcessId& process) {
  args.set(who + "_pid", process.pid).set(who + "_start", process.start_time);
}

Result<std::vector<os::Fd>> copies_of(const std::vector<os::Fd>& fds) {
  std::vector<os::Fd> copies;
  for (const os::Fd& fd : fds) {
    RTT_TRY_SET(os::Fd copy, fd.duplicate());
    copies.push_back(std::move(copy));
  }
  return copies;
}

}  // namespace

Wiring::~Wiring() {
  for (const auto& [end, hand] : hands_) ports_.loop.cancel(hand.timer);
  for (const auto& [generation, lane] : lanes_) ports_.loop.cancel(lane.deadline);
}

Wiring::Hand* Wiring::hand_of(const Lane& lane, Side side) {
  const auto at = hands_.find(lane.hands[at_side(side)]);
  return at == hands_.end() ? nullptr : &at->second;
}

void Wiring::build(const model::Route& route, std::uint64_t follows, OnDone done) {
  const auto from = end_of(route.from, route.consumer_contract);
  const auto to = end_of(route.to, route.contract);
  if (!from || !to) return done({});
  const std::uint64_t generation = next_generation_++;
  Lane& lane = add_lane({.generation = generation,
                         .side = Side::kFrom,
                         .route = route,
                         .lane = route.lane,
                         .port = endpoint::port_of(route),
                         .follows = follows});
  lane.from = from;
  lane.to = to;
  lane.who = {process_of(from), process_of(to)};
  lane.kinds = {model::LaneKind::kUds};
  if (has_rings(route.lane)) lane.kinds.insert(lane.kinds.begin(), model::LaneKind::kShm);
  lane.done = std::move(done);
  for (const Side side : kSides) {
    const LaneEnd end{next_generation_++};
    lane.hands[at_side(side)] = end;
    hands_.emplace(end, Hand{.generation = generation,
                             .side = side,
                             .peer = side == Side::kFrom ? from : to,
                             .acceptor = fabric::Acceptor(offer_of(route, side))});
  }
  // Whoever is silent costs the change this long and no longer.
  lane.deadline = ports_.loop.after(nanos_from_ms(kEndAnswerMs), [this, end = lane.hands[0]] {
    const auto hand = hands_.find(end);
    if (hand == hands_.end()) return;
    finish(hand->second.generation,
           fail(Code::kDeadline, "an end did not bring up its side of the lane in time"));
  });
  for (const Side side : kSides) invite(lane, side);
}

void Wiring::invite(const Lane& lane, Side side) {
  const LaneEnd end = lane.hands[at_side(side)];
  endpoint::Binding binding = lane.binding;
  binding.generation = 0;  // agreed on by the handshake
  binding.side = side;
  Json kinds = text::JsonArray{};
  for (const model::LaneKind kind : lane.kinds) kinds.push(to_string(kind));
  Json args = endpoint::to_json(binding);
  args.set("end", api::counter_text(end.value)).set("lanes", std::move(kinds));
  const auto peer = hand_of(lane, side)->peer.lock();
  peer->ask(
      "lane.want", args,
      [this, end](const Result<api::Answer>& answer) {
        const auto hand = hands_.find(end);
        if (!answer && hand != hands_.end()) finish(hand->second.generation, std::unexpected(answer.error()));
      },
      {}, kEndAnswerMs);
}

// ---- what the ends say

void Wiring::hear(const std::shared_ptr<api::Peer>& peer, api::Request request,
                  const api::Responder& respond) {
  auto said = api::read_handshake(request.verb, request.args);
  if (!said) return respond.finish(std::unexpected(std::move(said).error()));
  respond.finish(api::Answer{Json::object({}), {}, {}});
  const auto at = hands_.find(said->end);
  if (at == hands_.end() || at->second.peer.lock() != peer) {
    if (const auto answer = fabric::answer_unknown(said->message)) {
      const api::HandshakeRequest back = api::handshake_request(said->end, *answer);
      peer->ask(std::string(back.verb), back.args, [](const auto&) {});
    }
    return;
  }
  Hand& hand = at->second;
  if (const auto* syn = std::get_if<fabric::Syn>(&said->message);
      syn != nullptr && syn->nonce > hand.acceptor.nonce() && !hand.acceptor.objection(*syn)) {
    hand.offer = *syn;
    return meet(hand.generation);
  }
  if (std::holds_alternative<fabric::Bind>(said->message)) {
    const std::size_t needed = api::bind_fds(hand.acceptor.lane());
    if (request.fds.size() != needed) {
      finish(hand.generation,
             fail(Code::kPanelProtocol, fmt::format("BIND of this lane brings {} descriptors, "
                                                    "here are {}",
                                                    needed, request.fds.size())));
      return peer->close();
    }
    if (hand.acceptor.state() == fabric::HandshakeState::kOffering) hand.theirs = std::move(request.fds);
  }
  step(said->end, fabric::Received{.message = std::move(said->message), .fresh = {}});
}

// Both ends' offers are here: the lane is one that both can make, under a generation no end has heard of.
void Wiring::meet(std::uint64_t generation) {
  Lane& lane = lanes_.at(generation);
  for (const Side side : kSides) {
    if (const Hand* hand = hand_of(lane, side); hand == nullptr || !hand->offer) return;
  }
  if (lane.offered) {
    const std::uint64_t before = generation;
    auto node = lanes_.extract(before);
    generation = node.key() = next_generation_++;
    lanes_.insert(std::move(node));
    lane.binding.generation = generation;
    const auto [first, last] = by_route_.equal_range(lane.binding.route.id.value);
    std::find_if(first, last, [&](const auto& entry) { return entry.second == before; })->second = generation;
  }
  lane.offered = true;
  lane.over = false;
  auto agreed = terms(lane);
  if (!agreed) return finish(generation, std::unexpected(std::move(agreed).error()));
  for (const Side side : kSides) {
    Hand* hand = hand_of(lane, side);
    hand->generation = generation;
    hand->bound = hand->ready = false;
    hand->theirs.clear();
    hand->for_them.clear();
    hand->acceptor.set_terms({lane.binding.lane}, *agreed);
  }
  for (const Side side : kSides) {
    Hand* hand = hand_of(lane, side);
    step(lane.hands[at_side(side)],
         fabric::Received{.message = *std::exchange(hand->offer, std::nullopt), .fresh = {generation}});
  }
}

Result<fabric::LaneParams> Wiring::terms(Lane& lane) {
  const fabric::Syn &from = *hand_of(lane, Side::kFrom)->offer, &to = *hand_of(lane, Side::kTo)->offer;
  std::erase_if(lane.kinds, [&](model::LaneKind kind) {
    return !contains(from.lanes, kind) || !contains(to.lanes, kind);
  });
  const model::Route& route = lane.binding.route;
  fabric::LaneParams params{.route_id = route.id.value};
  lane.chain.reset();
  lane.ring = 0;
  if (!lane.kinds.empty() && has_rings(lane.kinds.front())) {
    // The chain of the lane before goes on if it is this route's and its page is at hand; else a new one
    // begins.
    const auto before = lanes_.find(lane.binding.follows);
    if (before != lanes_.end() && before->second.chain && before->second.gate &&
        before->second.binding.route.id == route.id &&
        before->second.chain->page.epoch() == before->second.ring) {
      lane.chain = before->second.chain;
      lane.ring = before->second.ring + 1;
    } else if (auto page = fabric::shm::ControlPage::create(
                   {.generation = lane.binding.generation, .route_id = route.id.value}, 1)) {
      lane.chain = std::make_shared<Chain>(std::move(*page), lane.binding.generation);
      lane.ring = 1;
    } else {
      lane.kinds.erase(lane.kinds.begin());  // memfd is denied to the panel itself
    }
    const fabric::shm::RingSize size = fabric::shm::ring_size(route.qos, 0);
    params.ring_slots = size.slots;
    params.arena_bytes = static_cast<std::uint32_t>(size.arena_bytes);
    params.ring = std::max(lane.ring, 1U);
    params.control = {lane.chain ? lane.chain->generation : 1};
    if (from.fence == fabric::WaitFence::kSeqCst || to.fence == fabric::WaitFence::kSeqCst)
      params.fence = fabric::WaitFence::kSeqCst;
  }
  if (lane.kinds.empty()) return fail(Code::kNack, "the two ends can make no lane that the other can");
  lane.binding.lane = lane.kinds.front();
  return params;
}

// ---- the machines

void Wiring::step(LaneEnd end, fabric::HandshakeEvent event) {
  happened_.push_back({end, std::move(event)});
  if (stepping_) return;
  stepping_ = true;
  while (!happened_.empty()) {
    const Happened next = std::move(happened_.front());
    happened_.pop_front();
    const auto at = hands_.find(next.end);
    if (at == hands_.end()) continue;
    for (const auto& action : at->second.acceptor.step(next.event, os::now())) perform(next.end, action);
  }
  stepping_ = false;
}

void Wiring::perform(LaneEnd end, const fabric::HandshakeAction& action) {
  const auto at = hands_.find(end);
  if (at == hands_.end()) return;  // an action before this one ended the lane
  Hand& hand = at->second;
  if (const auto* send = std::get_if<fabric::SendMessage>(&action)) {
    say(end, send->message);
  } else if (const auto* opened = std::get_if<fabric::OpenLane>(&action)) {
    if (const Status taken = take(hand, *opened); !taken) {
      step(end, fabric::LaneFailed{opened->generation, taken.error()});
    } else {
      cross(hand.generation);
    }
  } else if (std::holds_alternative<fabric::LaneReady>(action)) {
    hand.ready = true;
    hand.for_them.clear();
    Lane& lane = lanes_.at(hand.generation);
    const Hand* across = hand_of(lane, other(hand.side));
    if (across != nullptr && across->ready) finish(hand.generation, {});
  } else if (const auto* timer = std::get_if<fabric::SetTimer>(&action)) {
    ports_.loop.cancel(hand.timer);
    hand.timer =
        ports_.loop.after(std::max(Nanos{0}, timer->deadline - os::now()),
                          [this, end, number = timer->timer] { step(end, fabric::TimerFired{number}); });
  } else if (const auto* over = std::get_if<fabric::Tripped>(&action)) {
    tripped(end, *over);
  } else if (std::holds_alternative<fabric::Disconnect>(action)) {
    if (const auto peer = hand.peer.lock()) peer->close();
  }
}

void Wiring::say(LaneEnd end, const fabric::HandshakeMessage& message) {
  const Hand& hand = hands_.at(end);
  const auto peer = hand.peer.lock();
  if (!peer || !peer->open()) return;
  api::HandshakeRequest request = api::handshake_request(end, message);
  std::vector<os::Fd> fds;
  const auto* ready = std::get_if<fabric::Ready>(&message);
  if (ready != nullptr && ready->tone == fabric::Tone::kAsks && !hand.ready) {
    auto copies = copies_of(hand.for_them);
    if (!copies) return step(end, fabric::LaneFailed{ready->generation, copies.error()});
    fds = std::move(*copies);
    const Lane& lane = lanes_.at(hand.generation);
    if (const auto across = (hand.side == Side::kFrom ? lane.to : lane.from).lock();
        across && has_rings(lane.binding.lane)) {
      set_process(request.args, "peer", process_of(across));
      if (hand.gate_owner.pid != 0) set_process(request.args, "gate", hand.gate_owner);
    }
  }
  peer->ask(std::string(request.verb), request.args, [](const auto&) {}, std::move(fds), kEndAnswerMs);
}

// What BIND brought. Memory that its writer could still cut short is not passed on.
Status Wiring::take(Hand& hand, const fabric::OpenLane& opened) {
  if (has_rings(opened.lane)) {
    const fabric::shm::RingSize size{.slots = opened.params.ring_slots,
                                     .arena_bytes = opened.params.arena_bytes};
    RTT_TRY(os::check_shared_memory(hand.theirs[0].get(), fabric::shm::lane_bytes(size)));
    RTT_TRY(os::check_shared_memory(hand.theirs[1].get(), fabric::shm::kIndexBytes));
  }
  hand.bound = true;
  return {};
}

// Both ends have brought their side: each gets the other's.
void Wiring::cross(std::uint64_t generation) {
  Lane& lane = lanes_.at(generation);
  for (const Side side : kSides) {
    if (const Hand* hand = hand_of(lane, side); hand == nullptr || !hand->bound) return;
  }
  const Status gathered = gather(lane);
  for (const Side side : kSides) {
    const LaneEnd end = lane.hands[at_side(side)];
    if (gathered) {
      step(end, fabric::LaneOpened{{generation}});
    } else {
      step(end, fabric::LaneFailed{{generation}, gathered.error()});
    }
  }
}

Status Wiring::gather(Lane& lane) {
  Hand &from = *hand_of(lane, Side::kFrom), &to = *hand_of(lane, Side::kTo);
  if (!has_rings(lane.binding.lane)) {
    RTT_TRY_SET(auto pair, os::socket_pair());
    from.for_them.push_back(std::move(pair.first));
    to.for_them.push_back(std::move(pair.second));
    return {};
  }
  RTT_TRY_SET(os::Fd gate, to.theirs[1].duplicate());
  lane.gate = std::make_shared<os::Fd>(std::move(gate));
  for (Hand* hand : {&from, &to}) {
    RTT_TRY_SET(os::Fd control, lane.chain->page.descriptor());
    hand->for_them.push_back(std::move(control));
    for (os::Fd& fd : (hand == &from ? to : from).theirs) hand->for_them.push_back(std::move(fd));
  }
  if (lane.ring > 1) {
    const auto before = lanes_.find(lane.binding.follows);
    if (before == lanes_.end() || !before->second.gate)
      return fail(Code::kLost, "the lane it takes over from went away");
    RTT_TRY_SET(os::Fd waits_for, before->second.gate->duplicate());
    to.for_them.push_back(std::move(waits_for));
    to.gate_owner = before->second.who[at_side(Side::kTo)];
  }
  return {};
}

void Wiring::tripped(LaneEnd end, const fabric::Tripped& why) {
  const Hand& hand = hands_.at(end);
  const std::uint64_t generation = hand.generation;
  Lane& lane = lanes_.at(generation);
  if (lane.stage != Stage::kBuilding) {
    const model::Route route = lane.binding.route;
    close(generation, why.reason.message.empty() ? "an end gave it up" : why.reason.message);
    return wire_again(route);
  }
  if (lane.over && !why.for_good) return;  // the other end has ended this attempt
  const model::LaneKind kind = lane.binding.lane;
  if (why.for_good || why.advice != fabric::TripAdvice::kOtherLane || lane.kinds.size() < 2 ||
      lane.kinds.front() != kind)
    return finish(generation, std::unexpected(why.reason));
  // An end cannot make this kind of lane here: the same frames travel over the next, and it is said.
  lane.over = true;
  lane.kinds.erase(lane.kinds.begin());
  ports_.audit(Json::object({{"action", "lane_fallback"},
                             {"from", to_string(kind)},
                             {"reason", why.reason.message},
                             {"to", model::route_name(lane.binding.route)},
                             {"who", "panel"}}));
  for (const Side side : kSides)
    hand_of(lane, side)->acceptor.set_terms(lane.kinds, {.route_id = lane.binding.route.id.value});
  const Hand* across = hand_of(lane, other(hand.side));
  if (across != nullptr && !across->offer)
    step(lane.hands[at_side(across->side)],
         fabric::Withdrawn{.reason = why.reason, .advice = fabric::TripAdvice::kOtherLane});
}

// ---- the end of a build

void Wiring::finish(std::uint64_t generation, Status status) {
  const auto at = lanes_.find(generation);
  if (at == lanes_.end() || at->second.stage != Stage::kBuilding) return;
  Lane& lane = at->second;
  ports_.loop.cancel(std::exchange(lane.deadline, 0));
  const OnDone done = std::exchange(lane.done, nullptr);
  if (status) {
    lane.stage = Stage::kBuilt;
    return done({});
  }
  const std::string name = model::route_name(lane.binding.route);
  close(generation);
  Error error = status.error();
  done(std::unexpected(std::move(error).in("no lane for " + name)));
}

Wiring::Lane& Wiring::add_lane(endpoint::Binding binding) {
  const std::uint64_t generation = binding.generation;
  by_route_.emplace(binding.route.id.value, generation);
  return lanes_.emplace(generation, Lane{.binding = std::move(binding)}).first->second;
}

void Wiring::forget(std::uint64_t generation) {
  const auto at = lanes_.find(generation);
  if (at == lanes_.end()) return;
  const auto [first, last] = by_route_.equal_range(at->second.binding.route.id.value);
  by_route_.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == generation; }));
  ports_.loop.cancel(at->second.deadline);
  for (const LaneEnd end : at->second.hands) {
    const auto hand = hands_.find(end);
    if (hand == hands_.end()) continue;
    ports_.loop.cancel(hand->second.timer);
    hands_.erase(hand);
  }
  lanes_.erase(at);
}

// Chains that an earlier panel built cannot be flipped before their ends follow a page of this panel. The
// `from` end has all lanes of a chain, and says how far it has come.
void Wiring::adopt_chains(const std::shared_ptr<api::Peer>& from) {
  std::vector<std::vector<std::uint64_t>> chains;  // generations, by ring
  std::map<std::uint64_t, std::size_t> chain_of;
  for (const auto& [generation, lane] : lanes_) {
    if (lane.ring == 0 || lane.chain || lane.from.lock() != from || lane.stage == Stage::kBuilding) continue;
    const auto before = lanes_.find(lane.binding.follows);
    const auto known = chain_of.find(lane.binding.follows);
    if (known != chain_of.end() && before->second.binding.route.id == lane.binding.route.id &&
        before->second.ring + 1 == lane.ring) {
      chain_of[generation] = known->second;
      chains[known->second].push_back(generation);
    } else {
      chain_of[generation] = chains.size();
      chains.push_back({generation});
    }
  }
  for (const auto& generations : chains) {
    const Lane &first = lanes_.at(generations.front()), &last = lanes_.at(generations.back());
    const std::uint32_t epoch = std::clamp(first.epoch, first.ring, last.ring);
    if (last.ring > epoch + 1) continue;  // no panel prepares two rings at once
    const std::uint64_t number = next_generation_++;
    auto page = fabric::shm::ControlPage::create(
        {.generation = number, .route_id = first.binding.route.id.value}, epoch);
    if (!page) continue;  // they go on as they are
    const auto chain = std::make_shared<Chain>(std::move(*page), number);
    for (const std::uint64_t generation : generations) {
      lanes_.at(generation).chain = chain;
      for (const Side side : kSides) hand_chain(generation, side);
    }
  }
}

void Wiring::hand_chain(std::uint64_t generation, Side side) {
  const Lane& lane = lanes_.at(generation);
  const auto end = (side == Side::kFrom ? lane.from : lane.to).lock();
  if (!end) return;
  std::vector<os::Fd> fds;
  if (auto copy = lane.chain->page.descriptor()) fds.push_back(std::move(*copy));
  end->ask(
      "lane.adopt", Json::object({{"control", lane.chain->generation}, {"generation", generation}}),
      [this, generation, side](Result<api::Answer> answer) {
        const auto still = lanes_.find(generation);
        if (!answer || side == Side::kFrom || answer->fds.size() != 1 || still == lanes_.end()) return;
        still->second.gate = std::make_shared<os::Fd>(std::move(answer->fds.front()));
      },
      std::move(fds), kEndAnswerMs);
}

}  // namespace rtt::panel
