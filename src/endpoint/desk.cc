// SPDX-License-Identifier: Apache-2.0
#include "endpoint/desk.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/handshake_json.h"
#include "model/saddr.h"
#include "os/clock.h"
#include "os/memfd.h"
#include "telemetry/recorder.h"

namespace rtt::endpoint {
namespace {

using fabric::LaneEnd;
using text::Json;

Result<std::vector<std::uint64_t>> generations_of(const Json& args) {
  const Json* list = args.find("generations");
  if (list == nullptr || !list->is_array()) return fail(Code::kPanelProtocol, "`generations` is missing");
  std::vector<std::uint64_t> out;
  for (const Json& each : list->as_array()) {
    if (!each.is_int() || each.as_int() < 1) return fail(Code::kPanelProtocol, "a generation is 1 or more");
    out.push_back(static_cast<std::uint64_t>(each.as_int()));
  }
  return out;
}

os::ProcessId process_of(const Json& args, const std::string& who) {
  return {.pid = static_cast<int>(args.int_or(who + "_pid", 0)),
          .start_time = static_cast<std::uint64_t>(args.int_or(who + "_start", 0))};
}

bool has_rings(model::LaneKind lane) { return lane == model::LaneKind::kShm; }

std::vector<std::string> sorted_caps(std::vector<std::string> caps) {
  std::ranges::sort(caps);
  caps.erase(std::unique(caps.begin(), caps.end()), caps.end());
  return caps;
}

}  // namespace

Desk::Desk(os::Loop& loop, OnBoard on_board, const os::Fd& bell, ContractOf contract_of)
    : loop_(loop),
      on_board_(std::move(on_board)),
      bell_(bell),
      contract_of_(std::move(contract_of)),
      fence_(os::register_fence()) {}

Desk::~Desk() {
  for (const auto& [end, hand] : hands_) loop_.cancel(hand.timer);
}

bool Desk::handle(api::Request& request, const api::Responder& respond) {
  const auto answer = [&](Result<Json> body) {
    if (body) {
      respond.finish(api::Answer{.body = std::move(*body), .fds = {}, .text = {}});
    } else {
      respond.finish(std::unexpected(std::move(body).error()));
    }
    return true;
  };
  if (api::is_handshake(request.verb)) return answer(hear(request));
  if (request.verb == "lane.want") return answer(want(request));
  if (request.verb == "lane.adopt") {
    respond.finish(adopt(request));
    return true;
  }
  if (request.verb == "lane.link") return answer(link(request));
  if (request.verb == "lane.flip") return answer(flip(request));
  if (request.verb == "lane.close") return answer(close(request));
  if (request.verb == "lane.page") {
    auto page = this->page(request);
    if (page) {
      api::Answer found{.body = Json::object({}), .fds = {}, .text = {}};
      found.fds.push_back(std::move(*page));
      respond.finish(std::move(found));
    } else {
      respond.finish(std::unexpected(std::move(page).error()));
    }
    return true;
  }
  if (request.verb == "lane.ls") return answer(Json::object({{"lanes", lanes()}}));
  return false;
}

// ---- the handshake

void Desk::connected(const std::shared_ptr<api::Peer>& panel) {
  panel_ = panel;
  std::vector<LaneEnd> ends;
  for (const auto& [end, hand] : hands_) ends.push_back(end);
  for (const LaneEnd end : ends) step(end, fabric::Connected{});
}

void Desk::disconnected() {
  panel_.reset();
  std::vector<LaneEnd> ends;
  for (const auto& [end, hand] : hands_) ends.push_back(end);
  for (const LaneEnd end : ends) step(end, fabric::Disconnected{});
}

// The panel's invitation to one end of a lane.
Result<Json> Desk::want(const api::Request& request) {
  const LaneEnd end{api::counter_or_none(request.args, "end")};
  RTT_TRY_SET(Binding binding, binding_from_json(request.args));
  const Json* list = request.args.find("lanes");
  fabric::Syn offer{.saddr = {}, .caps = sorted_caps(binding.route.caps), .contract = {}, .lanes = {}};
  for (const Json& each : list != nullptr && list->is_array() ? list->as_array() : text::JsonArray{}) {
    const auto lane = each.is_string() ? model::parse_lane(each.as_string()) : std::nullopt;
    if (lane == model::LaneKind::kShm || lane == model::LaneKind::kUds) offer.lanes.push_back(*lane);
  }
  if (end == LaneEnd{} || offer.lanes.empty() || offer.lanes.size() > 2)
    return fail(Code::kPanelProtocol, "lane.want needs `end` and in `lanes` shm, uds or both");
  if (hands_.contains(end)) return Json::object({});  // said twice
  if (hands_.size() >= kLanesMax) return fail(Code::kLimit, fmt::format("{} lanes are open", kLanesMax));
  const bool from = binding.side == Side::kFrom;
  offer.saddr = model::identity(from ? binding.route.from : binding.route.to);
  const auto built_for = contract_of_ ? contract_of_(offer.saddr) : std::nullopt;
  offer.contract = built_for.value_or(from ? binding.route.consumer_contract : binding.route.contract);
  offer.fence =
      fence_ == os::Fence::kMembarrier ? fabric::WaitFence::kMembarrier : fabric::WaitFence::kSeqCst;
  last_nonce_ = std::max(last_nonce_ + 1, static_cast<std::uint64_t>(os::now().ns));
  offer.nonce = {last_nonce_};
  hands_[end].binding = std::move(binding);
  step(end, fabric::Begin{.offer = std::move(offer), .seed = end.value});
  return Json::object({});
}

Result<Json> Desk::hear(api::Request& request) {
  auto said = api::read_handshake(request.verb, request.args);
  if (!said) return std::unexpected(std::move(said).error());
  const auto at = hands_.find(said->end);
  if (at == hands_.end()) {
    if (const auto answer = fabric::answer_unknown(said->message)) say(said->end, *answer);
    return Json::object({});
  }
  const auto* ready = std::get_if<fabric::Ready>(&said->message);
  const fabric::Initiator& initiator = at->second.initiator;
  if (ready != nullptr && ready->tone == fabric::Tone::kAsks && ready->nonce == initiator.nonce() &&
      ready->generation == initiator.generation() && initiator.state() == fabric::HandshakeState::kBinding) {
    if (const Status taken = take_parts(at->second, request); !taken) {
      if (const auto panel = panel_.lock()) panel->close();
      return std::unexpected(taken.error());
    }
  }
  step(said->end, fabric::Received{.message = std::move(said->message), .fresh = {}});
  return Json::object({});
}

// What READY brings of the lane's other side. A ring that is not its chain's first comes with the gate.
Status Desk::take_parts(Hand& hand, api::Request& request) {
  std::vector<os::Fd>& fds = request.fds;
  const model::LaneKind lane = hand.binding.lane;
  const bool gated = has_rings(lane) && hand.binding.side == Side::kTo && hand.params.ring > 1;
  const std::size_t needed = api::ready_fds(lane) + (gated ? 1 : 0);
  if (fds.size() != needed) {
    return fail(Code::kPanelProtocol,
                fmt::format("READY of this lane brings {} descriptors, here are {}", needed, fds.size()));
  }
  if (has_rings(lane)) {
    RTT_TRY_SET(hand.control,
                fabric::shm::ControlView::open(fds[0].get(), {.generation = hand.params.control.value,
                                                              .route_id = hand.binding.route.id.value}));
  }
  auto parts = std::make_shared<Board::Parts>();  // tasks are copied, descriptors and mappings are not
  if (has_rings(lane)) {
    parts->shm.control = std::move(fds[0]);
    parts->shm.ring = std::move(fds[1]);
    parts->shm.index = std::move(fds[2]);
    parts->shm.bell = std::move(fds[3]);
    if (gated) parts->shm.gate = std::move(fds[4]);
    parts->params = shm_params(hand.params);
    parts->shm.peer = process_of(request.args, "peer");
    if (gated) parts->shm.gate_owner = process_of(request.args, "gate");
  } else {
    parts->socket = std::move(fds.front());
  }
  hand.parts = std::move(parts);
  return {};
}

void Desk::step(LaneEnd end, fabric::HandshakeEvent event) {
  happened_.push_back({end, std::move(event)});
  if (stepping_) return;
  stepping_ = true;
  while (!happened_.empty()) {
    const Happened next = std::move(happened_.front());
    happened_.pop_front();
    const auto at = hands_.find(next.end);
    if (at == hands_.end()) continue;
    const fabric::HandshakeActions actions = at->second.initiator.step(next.event, os::now());
    for (const fabric::HandshakeAction& action : actions) perform(next.end, at->second, action);
    if (at->second.initiator.state() == fabric::HandshakeState::kTripped) drop(next.end);
  }
  stepping_ = false;
}

void Desk::perform(LaneEnd end, Hand& hand, const fabric::HandshakeAction& action) {
  const auto outcome = [&](const Status& status, fabric::Generation generation) {
    if (!status) step(end, fabric::LaneFailed{generation, status.error()});
  };
  if (const auto* send = std::get_if<fabric::SendMessage>(&action)) {
    std::vector<os::Fd> fds;
    if (std::holds_alternative<fabric::Bind>(send->message) && hand.offer) {
      auto mine = hand.offer->descriptors();
      auto bell = bell_.duplicate();
      if (!mine || !bell)
        return outcome(std::unexpected(mine ? bell.error() : mine.error()), hand.initiator.generation());
      fds = std::move(*mine);
      fds.push_back(std::move(*bell));
    }
    say(end, send->message, std::move(fds));
  } else if (const auto* lane = std::get_if<fabric::OpenLane>(&action)) {
    const Status opened = open(hand, *lane);
    outcome(opened, lane->generation);
    if (opened) step(end, fabric::LaneOpened{lane->generation});
  } else if (const auto* wired = std::get_if<fabric::WireLane>(&action)) {
    outcome(wire(end, hand, wired->generation), wired->generation);
  } else if (const auto* over = std::get_if<fabric::CloseLane>(&action)) {
    hand.offer.reset();
    hand.parts.reset();
    if (const auto at = lanes_.find(over->generation.value); at != lanes_.end()) {
      at->second.closing = true;
      on_board_([generation = over->generation.value](Board& board) {
        board.abandon(generation, {.code = Code::kLost, .message = "the lane was given up"});
      });
    }
  } else if (const auto* timer = std::get_if<fabric::SetTimer>(&action)) {
    loop_.cancel(hand.timer);
    hand.timer = loop_.after(std::max(Nanos{0}, timer->deadline - os::now()),
                             [this, end, number = timer->timer] { step(end, fabric::TimerFired{number}); });
  } else if (std::holds_alternative<fabric::Disconnect>(action)) {
    if (const auto panel = panel_.lock()) panel->close();
  }
}

void Desk::say(LaneEnd end, const fabric::HandshakeMessage& message, std::vector<os::Fd> fds) {
  const auto panel = panel_.lock();
  if (!panel) return;
  const api::HandshakeRequest request = api::handshake_request(end, message);
  panel->ask(std::string(request.verb), request.args, [](const auto&) {}, std::move(fds));
}

// This end's part of the lane: what it alone will write.
Status Desk::open(Hand& hand, const fabric::OpenLane& lane) {
  hand.offer.reset();
  hand.parts.reset();
  hand.binding.generation = lane.generation.value;
  hand.binding.lane = lane.lane;
  hand.params = lane.params;
  if (lanes_.contains(lane.generation.value))
    return fail(Code::kNack, "the other end of this lane is in the same process");
  if (lanes_.size() >= kLanesMax) return fail(Code::kLimit, fmt::format("{} lanes are open", kLanesMax));
  if (!has_rings(lane.lane)) return {};
  RTT_TRY_SET(hand.offer, ShmOffer::make(hand.binding, shm_params(hand.params)));
  return {};
}

// Both sides of the lane are here: the Board binds it on its own thread, and says when it has.
Status Desk::wire(LaneEnd end, Hand& hand, fabric::Generation generation) {
  const std::shared_ptr<Board::Parts> parts = std::exchange(hand.parts, nullptr);
  if (!parts) return fail(Code::kPanelProtocol, "READY came without its descriptors");
  Lane lane{.end = end, .binding = hand.binding, .page = {}, .index = {}};
  lane.control = std::exchange(hand.control, std::nullopt);
  if (hand.offer) {
    if (hand.binding.side == Side::kTo) {
      RTT_TRY_SET(lane.index, hand.offer->index.readable.duplicate());
    }
    lane.ring = hand.params.ring;
    parts->offer = std::move(*hand.offer);
    hand.offer.reset();
  }
  if (auto page = os::create_shared_memory("rtt-telemetry", telemetry::kPageBytes)) {
    parts->page = std::move(page->memory);
    lane.page = std::move(page->readable);
  } else {
    RTT_TRY_SET(parts->page, os::create_private_memory(telemetry::kPageBytes));
  }
  lanes_.insert_or_assign(generation.value, std::move(lane));
  on_board_([this, end, generation, parts, binding = hand.binding, alive = std::weak_ptr(alive_),
             &loop = loop_](Board& board) {
    const Status status = board.bind(binding, std::move(*parts));
    loop.post([this, end, generation, status, alive] {
      if (!alive.expired()) bound(end, generation, status);
    });
  });
  return {};
}

void Desk::bound(LaneEnd end, fabric::Generation generation, const Status& status) {
  const auto at = lanes_.find(generation.value);
  if (at == lanes_.end()) return;
  at->second.bound = status.has_value();
  if (status) {
    if (!at->second.closing) step(end, fabric::LaneOpened{generation});
    return;
  }
  lanes_.erase(at);
  step(end, fabric::LaneFailed{generation, status.error()});
}

void Desk::drop(LaneEnd end) {
  const auto at = hands_.find(end);
  if (at == hands_.end()) return;
  loop_.cancel(at->second.timer);
  hands_.erase(at);
}

// ---- lanes that are up

// The page of a panel that restarted. The reading end answers with its index page, the gate of whoever reads
// on.
Result<api::Answer> Desk::adopt(api::Request& request) {
  const auto generation = static_cast<std::uint64_t>(request.args.int_or("generation", 0));
  const auto control = static_cast<std::uint64_t>(request.args.int_or("control", 0));
  if (!lanes_.contains(generation) || control == 0 || request.fds.size() != 1)
    return fail(Code::kPanelProtocol,
                "lane.adopt needs a lane of this endpoint, `control` and one descriptor");
  Lane& lane = lanes_.at(generation);
  RTT_TRY_SET(lane.control, fabric::shm::ControlView::open(
                                request.fds.front().get(),
                                {.generation = control, .route_id = lane.binding.route.id.value}));
  const auto fd = std::make_shared<os::Fd>(std::move(request.fds.front()));
  on_board_([generation, control, fd](Board& board) {
    if (const Status done = board.adopt(generation, std::move(*fd), control); !done)
      board.abandon(generation, done.error());
  });
  api::Answer answer{.body = Json::object({}), .fds = {}, .text = {}};
  if (const os::Fd& index = lane.index; index.valid()) {
    RTT_TRY_SET(os::Fd copy, index.duplicate());
    answer.fds.push_back(std::move(copy));
  }
  return answer;
}

// What this end counts about a lane, for the panel to read as long as it likes.
Result<os::Fd> Desk::page(const api::Request& request) const {
  const auto at = lanes_.find(static_cast<std::uint64_t>(request.args.int_or("generation", 0)));
  if (at == lanes_.end()) return fail(Code::kNotFound, "there is no such lane here");
  if (!at->second.page.valid()) return fail(Code::kPermission, "shared memory is denied here");
  return at->second.page.duplicate();
}

// One caller's lane, there as long as its caller is: no later panel asks for it.
Result<Json> Desk::link(api::Request& request) {
  RTT_TRY_SET(Binding binding, binding_from_json(request.args));
  if (binding.generation == 0 || binding.side != Side::kTo || request.fds.size() != 1)
    return fail(Code::kPanelProtocol, "lane.link needs a binding of the `to` side and one descriptor");
  const auto parts = std::make_shared<Board::Parts>();
  parts->socket = std::move(request.fds.front());
  RTT_TRY_SET(parts->page, os::create_private_memory(telemetry::kPageBytes));
  on_board_([parts, binding = std::move(binding)](Board& board) {
    (void)board.bind(binding, std::move(*parts));  // a failure closes the socket, which tells the caller
  });
  return Json::object({});
}

Result<Json> Desk::flip(const api::Request& request) {
  RTT_TRY_SET(const auto generations, generations_of(request.args));
  for (const std::uint64_t generation : generations) {
    const auto at = lanes_.find(generation);
    if (at == lanes_.end()) {
      return fail(Code::kPanelProtocol, fmt::format("lane {} was never bound here", generation));
    }
    at->second.carrying = true;
  }
  on_board_([generations](Board& board) {
    for (const std::uint64_t generation : generations) {
      if (const Status flipped = board.flip(generation); !flipped) board.abandon(generation, flipped.error());
    }
  });
  return Json::object({});
}

Result<Json> Desk::close(const api::Request& request) {
  RTT_TRY_SET(const auto generations, generations_of(request.args));
  // The panel wants these no longer: no handshake goes on about them, in whatever state it is.
  std::vector<LaneEnd> ends;
  for (const auto& [end, hand] : hands_) {
    if (std::ranges::find(generations, hand.binding.generation) != generations.end()) ends.push_back(end);
  }
  for (const LaneEnd end : ends) drop(end);
  for (const std::uint64_t generation : generations) {
    if (const auto at = lanes_.find(generation); at != lanes_.end()) at->second.closing = true;
  }
  // A lane that cannot carry on ends at once, with what waits on it; any other lets what is owed come in.
  const bool broken = request.args.bool_or("broken", false);
  const Error why{.code = Code::kLost,
                  .message = std::string(request.args.string_or("why", "the lane broke"))};
  on_board_([generations, broken, why](Board& board) {
    for (const std::uint64_t generation : generations) {
      if (broken)
        board.left(generation, why);
      else
        board.close(generation);
    }
  });
  return Json::object({});
}

std::optional<Json> Desk::gone(const Board::Gone& gone) {
  const auto at = lanes_.find(gone.generation);
  if (at == lanes_.end()) return std::nullopt;
  const bool asked_for = at->second.closing;
  const LaneEnd end = at->second.end;
  lanes_.erase(at);
  if (asked_for) return std::nullopt;
  drop(end);  // whether there is to be another lane is the panel's to say
  return Json::object({{"broken", gone.broken},
                       {"code", code_name(gone.why.code)},
                       {"generation", gone.generation},
                       {"why", gone.why.message}});
}

Json Desk::lanes() const {
  Json list = text::JsonArray{};
  for (const auto& [generation, lane] : lanes_) {
    if (!lane.bound || lane.closing) continue;
    Json row = to_json(lane.binding);
    row.set("carrying", lane.carrying);
    row.set("end", api::counter_text(lane.end.value));
    if (lane.ring != 0) row.set("ring", lane.ring);
    if (lane.control) row.set("epoch", lane.control->epoch());
    list.push(std::move(row));
  }
  return list;
}

}  // namespace rtt::endpoint
