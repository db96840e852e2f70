// SPDX-License-Identifier: Apache-2.0
#include "fabric/handshake.h"

#include <fmt/format.h>

#include <algorithm>

namespace rtt::fabric {
namespace {

using State = HandshakeState;

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

Error silence(std::string_view what) {
  return {.code = Code::kDeadline,
          .message = fmt::format("the panel does not answer while the lane is {}", what),
          .hint = "rtt status"};
}

}  // namespace

std::string_view to_string(HandshakeState state) {
  switch (state) {
    case State::kIdle:
      return "idle";
    case State::kOffering:
      return "offering";
    case State::kOpening:
      return "opening";
    case State::kBinding:
      return "binding";
    case State::kWiring:
      return "wiring";
    case State::kConfirming:
      return "confirming";
    case State::kReady:
      return "ready";
    case State::kDetached:
      return "detached";
    case State::kResuming:
      return "resuming";
    case State::kBackoff:
      return "backing off";
    case State::kTripping:
      return "tripping";
    case State::kTripped:
      return "tripped";
  }
  return "idle";
}

bool has_lane(HandshakeState state) {
  return state == State::kReady || state == State::kDetached || state == State::kResuming;
}

HandshakeActions Initiator::step(const HandshakeEvent& event, Instant now) {
  return std::visit([&](const auto& each) { return on(each, now); }, event);
}

void Initiator::arm(HandshakeActions& actions, Instant now, Nanos after) {
  actions.emplace_back(SetTimer{.timer = ++timer_, .deadline = now + after});
}

HandshakeActions Initiator::on(const Begin& event, Instant now) {
  if (state_ != State::kIdle && state_ != State::kTripping && state_ != State::kTripped) return {};
  RTT_ASSERT(event.offer.nonce > offer_.nonce && !event.offer.lanes.empty());
  offer_ = event.offer;
  seed_ = event.seed;
  attempts_ = 0;
  fallbacks_.clear();
  return offer(now);
}

HandshakeActions Initiator::offer(Instant now) {
  state_ = State::kOffering;
  generation_ = {};
  repeats_ = 0;
  return say_again(now);
}

HandshakeActions Initiator::say_again(Instant now) {
  HandshakeActions actions;
  switch (state_) {
    case State::kOffering:
      actions.emplace_back(SendMessage{offer_});
      break;
    case State::kBinding:
      actions.emplace_back(SendMessage{Bind{offer_.nonce, generation_}});
      break;
    case State::kWiring:  // its own thread takes the time it takes; READY is asked for again meanwhile
      return {SendMessage{Bind{offer_.nonce, generation_}}};
    case State::kResuming:
      actions.emplace_back(SendMessage{Ready{offer_.nonce, generation_, lane_, Tone::kAsks}});
      break;
    case State::kTripping:
      actions.emplace_back(SendMessage{Trip{.nonce = offer_.nonce, .reason = reason_}});
      break;
    case State::kIdle:
    case State::kOpening:
    case State::kConfirming:
    case State::kReady:
    case State::kDetached:
    case State::kBackoff:
    case State::kTripped:
      return {};
  }
  // Without a connection nothing can be answered, so nothing is timed: Connected starts the state again.
  if (connected_) arm(actions, now, limits_.answer_max);
  return actions;
}

HandshakeActions Initiator::on(const TimerFired& event, Instant now) {
  if (event.timer != timer_) return {};
  switch (state_) {
    case State::kOffering:
    case State::kBinding:
    case State::kResuming:
      if (!connected_) return {};
      if (repeats_++ < limits_.repeats_max) return say_again(now);
      return trip({.nonce = offer_.nonce, .reason = silence(to_string(state_))}, now);
    case State::kTripping:
      if (connected_ && repeats_++ < limits_.repeats_max) return say_again(now);
      state_ = State::kTripped;
      if (connected_) return {Disconnect{}};
      return {};
    case State::kOpening:
      return trip({.nonce = offer_.nonce,
                   .reason = {.code = Code::kDeadline, .message = "the lane did not open in time"},
                   .advice = TripAdvice::kOtherLane},
                  now);
    case State::kBackoff:
      ++offer_.nonce.value;
      return offer(now);
    case State::kIdle:
    case State::kWiring:
    case State::kConfirming:
    case State::kReady:
    case State::kDetached:
    case State::kTripped:
      return {};
  }
  return {};
}

HandshakeActions Initiator::on(const Received& event, Instant now) {
  return std::visit([&](const auto& message) { return hear(message, now); }, event.message);
}

HandshakeActions Initiator::hear(const Syn& /*message*/, Instant /*now*/) { return {}; }
HandshakeActions Initiator::hear(const Bind& /*message*/, Instant /*now*/) { return {}; }

HandshakeActions Initiator::hear(const Ack& message, Instant now) {
  if (state_ != State::kOffering || message.nonce != offer_.nonce) return {};
  const bool offered =
      std::find(offer_.lanes.begin(), offer_.lanes.end(), message.lane) != offer_.lanes.end() &&
      std::all_of(message.caps.begin(), message.caps.end(),
                  [&](const std::string& cap) { return contains(offer_.caps, cap); });
  if (!offered || message.generation <= newest_) {
    return trip({.nonce = offer_.nonce,
                 .reason = {.code = Code::kPanelProtocol,
                            .message = offered ? "the panel offers a lane of an earlier generation"
                                               : "the panel grants what was not offered"}},
                now);
  }
  generation_ = newest_ = message.generation;
  lane_ = message.lane;
  caps_ = message.caps;
  state_ = State::kOpening;
  HandshakeActions actions{OpenLane{.generation = generation_, .lane = lane_, .params = message.params}};
  arm(actions, now, limits_.open_max);
  return actions;
}

HandshakeActions Initiator::hear(const Nack& message, Instant now) {
  if (state_ != State::kOffering || message.nonce != offer_.nonce) return {};
  (void)now;
  state_ = State::kTripped;  // it has seen this attempt, so it holds no lane of an earlier one
  reason_ = message.reason;
  return {Tripped{.reason = reason_, .for_good = true}};
}

HandshakeActions Initiator::hear(const Ready& message, Instant now) {
  if (message.nonce != offer_.nonce || message.generation != generation_) return {};
  (void)now;
  if (message.tone == Tone::kAsks && state_ == State::kWiring) return say_again(now);
  if (message.tone == Tone::kAsks && state_ == State::kBinding) {
    state_ = State::kWiring;
    parted_ = false;
    ++timer_;
    return {WireLane{generation_}};
  }
  if (message.tone == Tone::kAsks && has_lane(state_))
    return {SendMessage{Ready{offer_.nonce, generation_, lane_, Tone::kTells}}};
  if (state_ == State::kResuming && message.tone == Tone::kTells) {
    state_ = State::kReady;
    ++timer_;
  }
  return {};
}

HandshakeActions Initiator::hear(const Trip& message, Instant now) {
  HandshakeActions actions;
  if (message.nonce > offer_.nonce) return {};
  if (message.tone == Tone::kAsks) {
    actions.emplace_back(SendMessage{Trip{.nonce = message.nonce, .reason = {}, .tone = Tone::kTells}});
  }
  if (message.nonce != offer_.nonce) return actions;
  if (state_ == State::kTripping) {
    state_ = State::kTripped;
    ++timer_;
  } else if (state_ == State::kBackoff && message.advice == TripAdvice::kOtherLane) {
    reason_ = message.reason;
    forsake_lane();  // its advice comes late, but in time for the next attempt
    if (offer_.lanes.empty()) {
      for (HandshakeAction& action : give_up(now)) actions.push_back(std::move(action));
    }
  } else if (state_ == State::kOffering || state_ == State::kOpening || state_ == State::kBinding ||
             state_ == State::kWiring || has_lane(state_)) {
    for (HandshakeAction& action : trip(message, now)) {
      const auto* sent = std::get_if<SendMessage>(&action);
      if (sent != nullptr && std::holds_alternative<Trip>(sent->message)) continue;  // it knows
      actions.push_back(std::move(action));
    }
  }
  return actions;
}

HandshakeActions Initiator::on(const LaneOpened& event, Instant now) {
  if (event.generation != generation_) return {};
  if (state_ == State::kOpening) {
    state_ = State::kBinding;
    repeats_ = 0;
    return say_again(now);
  }
  if (state_ != State::kWiring) return {};
  ready_since_ = now;
  HandshakeActions actions{
      LaneReady{.generation = generation_, .lane = lane_, .caps = caps_, .fallbacks = fallbacks_}};
  if (!parted_) {
    state_ = State::kReady;
    actions.emplace_back(SendMessage{Ready{offer_.nonce, generation_, lane_, Tone::kTells}});
    return actions;
  }
  state_ = connected_ ? State::kResuming : State::kDetached;
  repeats_ = 0;
  for (HandshakeAction& action : say_again(now)) actions.push_back(std::move(action));
  return actions;
}

HandshakeActions Initiator::on(const LaneFailed& event, Instant now) {
  if (event.generation != generation_) return {};
  const bool opening = state_ == State::kOpening || state_ == State::kWiring;
  if (!opening && state_ != State::kBinding && !has_lane(state_)) return {};
  if (state_ == State::kOpening) state_ = State::kOffering;  // there is nothing to close
  return trip({.nonce = offer_.nonce,
               .reason = event.reason,
               .advice = opening ? TripAdvice::kOtherLane : TripAdvice::kTryAgain},
              now);
}

HandshakeActions Initiator::on(const Withdrawn& event, Instant now) {
  if (state_ == State::kIdle || state_ == State::kTripping || state_ == State::kTripped) return {};
  attempts_ = limits_.attempts_max;
  return trip({.nonce = offer_.nonce, .reason = event.reason}, now);
}

HandshakeActions Initiator::on(const Disconnected& /*event*/, Instant /*now*/) {
  connected_ = false;
  if (has_lane(state_)) state_ = State::kDetached;
  if (state_ == State::kWiring) parted_ = true;
  if (state_ == State::kTripping) state_ = State::kTripped;  // the closed connection tells it
  if (state_ != State::kBackoff && state_ != State::kOpening) ++timer_;
  return {};
}

HandshakeActions Initiator::on(const Connected& /*event*/, Instant now) {
  if (connected_) return {};
  connected_ = true;
  repeats_ = 0;
  if (state_ == State::kDetached) state_ = State::kResuming;
  return say_again(now);
}

// The attempt is over. TRIP is said once; the panel hears it again from the next SYN, or, if there is none,
// from give_up.
HandshakeActions Initiator::trip(const Trip& why, Instant now) {
  HandshakeActions actions;
  const bool had_lane = has_lane(state_);
  if (state_ == State::kOpening || state_ == State::kBinding || state_ == State::kWiring || had_lane) {
    actions.emplace_back(CloseLane{generation_});
  }
  if (had_lane && now - ready_since_ >= limits_.steady_min && attempts_ < limits_.attempts_max) attempts_ = 0;
  reason_ = why.reason;
  if (why.advice == TripAdvice::kOtherLane) forsake_lane();
  if (++attempts_ > limits_.attempts_max || offer_.lanes.empty()) {
    for (HandshakeAction& action : give_up(now)) actions.push_back(std::move(action));
    return actions;
  }
  state_ = State::kBackoff;
  actions.emplace_back(SendMessage{
      Trip{.nonce = offer_.nonce, .reason = reason_, .advice = why.advice, .tone = Tone::kTells}});
  arm(actions, now,
      backoff(limits_.backoff, static_cast<std::size_t>(attempts_), seed_ ^ offer_.nonce.value));
  return actions;
}

void Initiator::forsake_lane() {
  if (std::erase(offer_.lanes, lane_) == 0) return;
  fallbacks_.push_back(fmt::format("{}: {}", model::to_string(lane_), reason_.message));
}

HandshakeActions Initiator::give_up(Instant now) {
  Error reason = reason_;
  for (const std::string& lane : fallbacks_) {
    if (reason.causes.size() < kErrorCausesMax) reason.causes.push_back(lane);
  }
  HandshakeActions actions{Tripped{.reason = std::move(reason), .for_good = true}};
  repeats_ = 0;
  state_ = connected_ ? State::kTripping : State::kTripped;
  for (HandshakeAction& action : say_again(now)) actions.push_back(std::move(action));
  return actions;
}

std::string Initiator::describe() const {
  return fmt::format("{} {}/{} {} lanes {} repeats {} attempts {}{}", to_string(state_), offer_.nonce.value,
                     generation_.value, model::to_string(lane_), offer_.lanes.size(), repeats_, attempts_,
                     !connected_                           ? " alone"
                     : state_ == State::kWiring && parted_ ? " parted"
                                                           : "");
}

}  // namespace rtt::fabric
