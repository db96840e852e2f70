// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "fabric/handshake.h"

namespace rtt::fabric {
namespace {

using State = HandshakeState;

std::string set_of(const std::vector<std::string>& names) {
  return fmt::format("{{{}}}", fmt::join(names, ", "));
}

std::string set_of(const std::vector<model::LaneKind>& lanes) {
  std::vector<std::string> names;
  for (const model::LaneKind lane : lanes) names.emplace_back(model::to_string(lane));
  return set_of(names);
}

std::vector<std::string> both(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

Error stale(Nonce nonce, Nonce newest) {
  return {.code = Code::kNack,
          .message = fmt::format("handshake {} is a replay: the newest is {}", nonce.value, newest.value)};
}

Trip unknown(Nonce nonce) {
  return {.nonce = nonce,
          .reason = {.code = Code::kLost, .message = "the panel knows nothing of this lane"},
          .tone = Tone::kTells};
}

}  // namespace

std::optional<HandshakeMessage> answer_unknown(const HandshakeMessage& message) {
  if (const auto* syn = std::get_if<Syn>(&message)) {
    return Nack{syn->nonce,
                {.code = Code::kNack, .message = "nobody waits for this lane", .hint = "rtt ls routes"}};
  }
  if (const auto* bind = std::get_if<Bind>(&message)) return unknown(bind->nonce);
  const auto* ready = std::get_if<Ready>(&message);
  if (ready != nullptr && ready->tone == Tone::kAsks) return unknown(ready->nonce);
  const auto* trip = std::get_if<Trip>(&message);
  if (trip != nullptr && trip->tone == Tone::kAsks)
    return Trip{.nonce = trip->nonce, .reason = {}, .tone = Tone::kTells};
  return std::nullopt;
}

void Acceptor::set_terms(std::vector<model::LaneKind> lanes, const LaneParams& params) {
  offer_.lanes = std::move(lanes);
  offer_.params = params;
}

HandshakeActions Acceptor::step(const HandshakeEvent& event, Instant now) {
  return std::visit([&](const auto& each) { return on(each, now); }, event);
}

void Acceptor::arm(HandshakeActions& actions, Instant now, Nanos after) {
  actions.emplace_back(SetTimer{.timer = ++timer_, .deadline = now + after});
}

HandshakeActions Acceptor::on(const Begin& /*event*/, Instant /*now*/) { return {}; }

HandshakeActions Acceptor::on(const Received& event, Instant now) {
  if (const auto* syn = std::get_if<Syn>(&event.message)) return hear(*syn, event.fresh, now);
  if (const auto* bind = std::get_if<Bind>(&event.message)) return hear(*bind, now);
  if (const auto* ready = std::get_if<Ready>(&event.message)) return hear(*ready, now);
  if (const auto* trip = std::get_if<Trip>(&event.message)) return hear(*trip, now);
  return {};
}

std::optional<Error> Acceptor::objection(const Syn& message) const {
  if (message.saddr != offer_.saddr) {
    return Error{.code = Code::kNack,
                 .message = fmt::format("the endpoint is {}, asked for is {}", message.saddr, offer_.saddr)};
  }
  if (message.contract != offer_.contract) {
    return Error{.code = Code::kSchemaMismatch,
                 .message = fmt::format("the endpoint was built for contract {}, in force is {}",
                                        rtt::to_string(message.contract), rtt::to_string(offer_.contract)),
                 .where = offer_.saddr,
                 .hint = "rtt plan --explain"};
  }
  const bool any = !message.caps.empty() || !offer_.caps.empty();
  if (any && both(message.caps, offer_.caps).empty()) {
    return Error{.code = Code::kCapabilityMeet,
                 .message = fmt::format("no capability in common: the endpoint has {}, the route allows {}",
                                        set_of(message.caps), set_of(offer_.caps)),
                 .where = offer_.saddr};
  }
  const auto allowed = [&](model::LaneKind lane) {
    return std::find(message.lanes.begin(), message.lanes.end(), lane) != message.lanes.end();
  };
  if (std::none_of(offer_.lanes.begin(), offer_.lanes.end(), allowed)) {
    return Error{.code = Code::kNack,
                 .message = fmt::format("no lane in common: the endpoint can {}, the route allows {}",
                                        set_of(message.lanes), set_of(offer_.lanes)),
                 .where = offer_.saddr};
  }
  return std::nullopt;
}

void Acceptor::close_lane(HandshakeActions& actions) {
  if (state_ == State::kOpening || state_ == State::kConfirming || has_lane(state_)) {
    actions.emplace_back(CloseLane{ack_.generation});
  }
}

HandshakeActions Acceptor::hear(const Syn& message, Generation fresh, Instant now) {
  if (message.nonce < syn_.nonce) return {SendMessage{Nack{message.nonce, stale(message.nonce, syn_.nonce)}}};
  if (message.nonce == syn_.nonce) return hear_again(message);
  HandshakeActions actions;
  close_lane(actions);
  syn_ = message;
  confirmed_ = false;
  refusal_ = objection(message);
  if (refusal_) {
    state_ = State::kTripped;
    ++timer_;
    trip_ = {.nonce = syn_.nonce, .reason = *refusal_, .tone = Tone::kTells};
    actions.emplace_back(SendMessage{Nack{syn_.nonce, *refusal_}});
    actions.emplace_back(Tripped{.reason = *refusal_, .for_good = true});
    return actions;
  }
  ack_ = {.nonce = syn_.nonce,
          .generation = fresh,
          .caps = both(syn_.caps, offer_.caps),
          .lane = *std::find_if(offer_.lanes.begin(), offer_.lanes.end(),
                                [&](model::LaneKind lane) {
                                  return std::find(syn_.lanes.begin(), syn_.lanes.end(), lane) !=
                                         syn_.lanes.end();
                                }),
          .params = offer_.params};
  if (syn_.fence == WaitFence::kSeqCst) ack_.params.fence = WaitFence::kSeqCst;
  state_ = State::kOffering;
  actions.emplace_back(SendMessage{ack_});
  arm(actions, now, {limits_.open_max.value + limits_.answer_max.value * (limits_.repeats_max + 2)});
  return actions;
}

HandshakeActions Acceptor::hear_again(const Syn& message) {
  if (message.nonce == Nonce{} || message != syn_) {
    return {SendMessage{
        Nack{message.nonce,
             {.code = Code::kPanelProtocol,
              .message = fmt::format("handshake {} was opened with another offer", message.nonce.value)}}}};
  }
  if (refusal_) return {SendMessage{Nack{syn_.nonce, *refusal_}}};
  if (state_ == State::kTripping || state_ == State::kTripped) return tripped_answer(syn_.nonce);
  return {SendMessage{ack_}};
}

HandshakeActions Acceptor::tripped_answer(Nonce nonce) const {
  if (nonce != syn_.nonce || trip_.nonce != nonce) return {SendMessage{unknown(nonce)}};
  Trip again = trip_;
  again.tone = Tone::kTells;
  return {SendMessage{again}};
}

HandshakeActions Acceptor::hear(const Bind& message, Instant now) {
  if (message.nonce < syn_.nonce) {
    return {SendMessage{
        Trip{.nonce = message.nonce, .reason = stale(message.nonce, syn_.nonce), .tone = Tone::kTells}}};
  }
  if (message.nonce != syn_.nonce || message.generation != ack_.generation)
    return tripped_answer(message.nonce);
  if (state_ == State::kOffering) {
    state_ = State::kOpening;
    HandshakeActions actions{
        OpenLane{.generation = ack_.generation, .lane = ack_.lane, .params = ack_.params}};
    arm(actions, now, limits_.open_max);
    return actions;
  }
  if (state_ == State::kConfirming) {  // it is alive and still wiring, or READY was lost: that is said again
    repeats_ = 0;
    return {};
  }
  if (has_lane(state_)) {
    // It asks even when the lane is confirmed: a replayed BIND must not look like the answer to a READY that
    // the endpoint is asking.
    HandshakeActions actions{SendMessage{Ready{syn_.nonce, ack_.generation, ack_.lane, Tone::kAsks}}};
    if (state_ == State::kDetached && !confirmed_) {  // it is back, and has not heard READY
      state_ = State::kConfirming;
      repeats_ = 0;
      arm(actions, now, limits_.answer_max);
    }
    return actions;
  }
  if (state_ == State::kOpening) return {};
  return tripped_answer(message.nonce);
}

HandshakeActions Acceptor::hear(const Ready& message, Instant now) {
  (void)now;
  HandshakeActions actions;
  const Ready answer{message.nonce, message.generation, message.lane, Tone::kTells};
  if (state_ == State::kIdle && syn_.nonce == Nonce{} && message.tone == Tone::kAsks &&
      message.nonce != Nonce{} && message.generation != Generation{}) {
    syn_.nonce = message.nonce;  // the offer itself is the earlier panel's; no SYN equals it
    ack_ = {.nonce = message.nonce, .generation = message.generation, .lane = message.lane};
    state_ = State::kReady;
    confirmed_ = true;
    actions.emplace_back(AdoptLane{.generation = ack_.generation, .lane = ack_.lane});
    actions.emplace_back(SendMessage{answer});
    return actions;
  }
  const bool ours = message.nonce == syn_.nonce && message.generation == ack_.generation;
  if (ours && (state_ == State::kConfirming || has_lane(state_))) {
    if (!confirmed_) {
      actions.emplace_back(
          LaneReady{.generation = ack_.generation, .lane = ack_.lane, .caps = ack_.caps, .fallbacks = {}});
    }
    state_ = State::kReady;
    confirmed_ = true;
    ++timer_;
    if (message.tone == Tone::kAsks) actions.emplace_back(SendMessage{answer});
    return actions;
  }
  return tripped_answer(message.nonce);
}

HandshakeActions Acceptor::hear(const Trip& message, Instant now) {
  HandshakeActions actions;
  (void)now;
  if (message.tone == Tone::kAsks) {
    actions.emplace_back(SendMessage{Trip{.nonce = message.nonce, .reason = {}, .tone = Tone::kTells}});
  }
  if (message.nonce < syn_.nonce || state_ == State::kTripped) {
    if (message.nonce <= syn_.nonce) return actions;
  }
  close_lane(actions);
  const bool news = state_ != State::kTripping;
  if (message.nonce > syn_.nonce)
    syn_ = {.nonce = message.nonce, .saddr = {}, .caps = {}, .contract = {}, .lanes = {}};
  refusal_.reset();
  if (news) trip_ = {.nonce = message.nonce, .reason = message.reason, .tone = Tone::kTells};
  trip_.nonce = syn_.nonce;
  state_ = State::kTripped;
  ++timer_;
  if (news) {
    actions.emplace_back(
        Tripped{.reason = message.reason, .advice = message.advice, .for_good = message.tone == Tone::kAsks});
  }
  return actions;
}

HandshakeActions Acceptor::on(const LaneOpened& event, Instant now) {
  if (state_ != State::kOpening || event.generation != ack_.generation) return {};
  state_ = State::kConfirming;
  repeats_ = 0;
  HandshakeActions actions{SendMessage{Ready{syn_.nonce, ack_.generation, ack_.lane, Tone::kAsks}}};
  arm(actions, now, limits_.answer_max);
  return actions;
}

HandshakeActions Acceptor::on(const LaneFailed& event, Instant now) {
  if (event.generation != ack_.generation) return {};
  if (state_ == State::kOpening) {
    state_ = State::kOffering;  // there is nothing to close
    return trip(event.reason, TripAdvice::kOtherLane, now);
  }
  if (state_ == State::kConfirming || has_lane(state_)) return trip(event.reason, TripAdvice::kTryAgain, now);
  return {};
}

HandshakeActions Acceptor::on(const Withdrawn& event, Instant now) {
  if (state_ == State::kIdle || state_ == State::kTripping || state_ == State::kTripped) return {};
  return trip(event.reason, event.advice, now);
}

HandshakeActions Acceptor::on(const TimerFired& event, Instant now) {
  if (event.timer != timer_) return {};
  const auto late = [](std::string_view what) {
    return Error{.code = Code::kDeadline, .message = fmt::format("the endpoint {}", what)};
  };
  HandshakeActions actions;
  switch (state_) {
    case State::kOffering:
      return trip(late("did not bring its side of the lane in time"), TripAdvice::kTryAgain, now);
    case State::kOpening:
      return trip({.code = Code::kDeadline, .message = "the lane was not wired in time"},
                  TripAdvice::kOtherLane, now);
    case State::kConfirming:
      if (repeats_++ >= limits_.repeats_max) {
        return trip(late("does not confirm the lane"), TripAdvice::kTryAgain, now);
      }
      actions.emplace_back(SendMessage{Ready{syn_.nonce, ack_.generation, ack_.lane, Tone::kAsks}});
      arm(actions, now, limits_.answer_max);
      return actions;
    case State::kDetached:
      return trip(late("did not come back"), TripAdvice::kTryAgain, now);
    case State::kTripping:
      if (repeats_++ >= limits_.repeats_max) {
        state_ = State::kTripped;
        return {Disconnect{}};
      }
      actions.emplace_back(SendMessage{trip_});
      arm(actions, now, limits_.answer_max);
      return actions;
    case State::kIdle:
    case State::kBinding:
    case State::kWiring:
    case State::kReady:
    case State::kResuming:
    case State::kBackoff:
    case State::kTripped:
      return {};
  }
  return {};
}

HandshakeActions Acceptor::on(const Disconnected& /*event*/, Instant now) {
  HandshakeActions actions;
  if (state_ == State::kTripping) {  // the endpoint comes back with READY and is told then
    state_ = State::kTripped;
    ++timer_;
  }
  if (state_ != State::kConfirming && !has_lane(state_)) return actions;
  // A lane nobody has confirmed may be in use just the same: its READY may have arrived.
  state_ = State::kDetached;
  arm(actions, now, limits_.lease_max);
  return actions;
}

// The endpoint speaks first; until then a lane stays detached and its lease runs.
HandshakeActions Acceptor::on(const Connected& /*event*/, Instant /*now*/) { return {}; }

HandshakeActions Acceptor::trip(Error reason, TripAdvice advice, Instant now) {
  HandshakeActions actions;
  close_lane(actions);
  // Before READY was sent the endpoint cannot be ready: its next word is answered with TRIP, so once is
  // enough. A detached endpoint hears it when it comes back.
  const bool owed = state_ == State::kConfirming || state_ == State::kReady;
  trip_ = {.nonce = syn_.nonce,
           .reason = std::move(reason),
           .advice = advice,
           .tone = owed ? Tone::kAsks : Tone::kTells};
  state_ = owed ? State::kTripping : State::kTripped;
  ++timer_;
  repeats_ = 0;
  actions.emplace_back(SendMessage{trip_});
  if (owed) arm(actions, now, limits_.answer_max);
  actions.emplace_back(Tripped{.reason = trip_.reason, .advice = advice});
  return actions;
}

std::string Acceptor::describe() const {
  return fmt::format("{} {}/{} {} repeats {}{} trip {} {}", to_string(state_), syn_.nonce.value,
                     ack_.generation.value, model::to_string(ack_.lane), repeats_,
                     refusal_     ? " refused"
                     : confirmed_ ? " confirmed"
                                  : "",
                     trip_.nonce.value, trip_.advice == TripAdvice::kOtherLane ? "other" : "again");
}

}  // namespace rtt::fabric
