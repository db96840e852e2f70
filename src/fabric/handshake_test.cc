// SPDX-License-Identifier: Apache-2.0
// Goal: whatever happens to messages, connection and lanes, both ends end with the same lane or both without
// one, nothing stays open, and nobody waits for ever. Method: exhaustive search over the real machines
// (handshake_explorer_for_test.h); the search itself is tested by bugs it must find.
#include "fabric/handshake.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/assert.h"
#include "fabric/handshake_explorer_for_test.h"

namespace rtt::fabric {

namespace {

constexpr HandshakeLimits kSmall{.repeats_max = 1, .attempts_max = 1};
constexpr int kTimeoutsMax = 40, kDeliveredMax = 60;

bool same(const HandshakeMessage& a, const HandshakeMessage& b) { return describe(a) == describe(b); }

// Two copies of one message under way are one here: the second is what a replay is for.
void put(std::vector<HandshakeMessage>& inbox, const HandshakeMessage& message) {
  if (std::none_of(inbox.begin(), inbox.end(), [&](const auto& each) { return same(each, message); })) {
    inbox.push_back(message);
  }
}

void rename(HandshakeMessage& message, const Initiator& initiator) {
  std::visit([&](auto& each) { each.nonce = initiator.nonce(); }, message);
  if (auto* ready = std::get_if<Ready>(&message)) ready->generation = initiator.generation();
}

}  // namespace

HandshakeExplorer::HandshakeExplorer(Acceptor::Offer offer, Syn syn, HandshakeBudget budget, HandshakeBug bug)
    : offer_(std::move(offer)), syn_(std::move(syn)), budget_(budget), bug_(bug) {}

HandshakeReport HandshakeExplorer::run() {
  State first{.initiator = Initiator(kSmall), .acceptor = Acceptor(offer_, kSmall), .left = budget_};
  feed(first, Side::kHere, Begin{.offer = syn_, .seed = 1});
  push(std::move(first), "begin");
  while (!stack_.empty() && report_.violation.empty()) {
    const State state = std::move(stack_.back());
    stack_.pop_back();
    if (std::string broken = violation(state); !broken.empty()) {
      note(state, std::move(broken));
      break;
    }
    if (expand(state)) continue;
    if (std::string broken = at_rest(state); !broken.empty()) note(state, std::move(broken));
  }
  report_.states = seen_.size();
  return report_;
}

void HandshakeExplorer::note(const State& state, std::string what) {
  if (!report_.violation.empty()) return;
  report_.violation = std::move(what);
  for (const Step* step = state.trace.get(); step != nullptr; step = step->before.get()) {
    report_.trace.push_back(step->what);
  }
  std::reverse(report_.trace.begin(), report_.trace.end());
  report_.trace.push_back(state.initiator.describe() + " | " + state.acceptor.describe());
}

std::string HandshakeExplorer::key(const State& state) const {
  std::string out = state.initiator.describe() + '|' + state.acceptor.describe();
  for (const End* each : {&state.here, &state.there}) {
    std::vector<std::string> words;
    for (const HandshakeMessage& message : each->inbox) words.push_back(describe(message));
    std::sort(words.begin(), words.end());
    for (const std::string& word : words) out += '>' + word;
    out += each->timer ? 't' : '-';
    out += each->opening ? 'o' : each->wiring ? 'w' : '-';
    out += each->knows_down ? 'd' : '-';
    for (const std::uint64_t lane : each->lanes) out += std::to_string(lane) + ',';
  }
  const HandshakeBudget& left = state.left;
  out += fmt::format("#{}{}{}{}{}{}{}{}", state.up ? 'u' : 'd', left.losses, left.replays, left.breaks,
                     left.open_failures, left.lane_breaks, left.early_timers, state.fresh);
  for (const std::string& lane : state.failed_lanes) out += lane;
  if (left.replays > 0) {
    std::vector<std::string> words;
    for (const HandshakeMessage& message : state.said) words.push_back(describe(message));
    std::sort(words.begin(), words.end());
    for (const std::string& word : words) out += '~' + word;
  }
  if (left.count_steps) out += fmt::format(" {} {}", state.delivered, state.timeouts);
  return out;
}

// ---- the laws ----

std::string HandshakeExplorer::violation(const State& state) const {
  const Initiator& initiator = state.initiator;
  const Acceptor& acceptor = state.acceptor;
  if (state.timeouts > kTimeoutsMax) return "it never stops asking";
  if (state.delivered > kDeliveredMax && state.left.count_steps) return "the two ends keep each other busy";
  const bool here = has_lane(initiator.state()), there = has_lane(acceptor.state());
  if (here && !state.here.lanes.contains(initiator.generation().value)) return "ready without a lane";
  if (there && !state.there.lanes.contains(acceptor.generation().value)) return "wired without a lane";
  if (here && there && initiator.nonce() == acceptor.nonce() &&
      (initiator.generation() != acceptor.generation() || initiator.lane() != acceptor.lane())) {
    return "the two ends are on different lanes";
  }
  if (state.here.lanes.size() > 1 || state.there.lanes.size() > 1) return "a lane stays open beside the next";
  return {};
}

// Nothing is under way, and without another fault nothing will ever happen again.
std::string HandshakeExplorer::at_rest(const State& state) {
  const bool here = state.initiator.state() == HandshakeState::kReady;
  const bool there = state.acceptor.state() == HandshakeState::kReady;
  if (here && there && state.initiator.generation() == state.acceptor.generation()) {
    ++report_.ready;
    return {};
  }
  if (here || there) return "mixed: one end has a lane, the other does not";
  if (state.initiator.state() != HandshakeState::kTripped) return "hang: the endpoint waits for ever";
  if (state.acceptor.state() != HandshakeState::kTripped && state.acceptor.state() != HandshakeState::kIdle) {
    return "hang: the panel waits for ever";
  }
  if (!state.here.lanes.empty() || !state.there.lanes.empty()) return "tripped, and a lane stays open";
  ++report_.tripped;
  return {};
}

// ---- the world ----

// A word about an attempt that its hearer has left behind changes nothing whenever it is heard, so it is
// heard at once: it would only multiply the states.
void HandshakeExplorer::settle_stale(State& state) {
  for (const Side side : {Side::kThere, Side::kHere}) {
    std::vector<HandshakeMessage>& inbox = end(state, side).inbox;
    for (std::size_t i = 0; i < inbox.size();) {
      const Nonce nonce = std::visit([](const auto& each) { return each.nonce; }, inbox[i]);
      const Nonce newest = side == Side::kHere ? state.initiator.nonce() : state.acceptor.nonce();
      if (nonce >= newest) {
        ++i;
        continue;
      }
      const HandshakeMessage message = inbox[i];
      inbox.erase(inbox.begin() + static_cast<std::ptrdiff_t>(i));
      const std::string before = state.initiator.describe() + state.acceptor.describe();
      deliver(state, side, message);
      if (before != state.initiator.describe() + state.acceptor.describe()) {
        note(state, "a replay changes something: " + fabric::describe(message));
      }
      i = 0;
    }
  }
}

void HandshakeExplorer::push(State next, std::string what) {
  settle_stale(next);
  next.trace = std::make_shared<Step>(std::move(what), next.trace);
  if (seen_.insert(key(next)).second) stack_.push_back(std::move(next));
}

void HandshakeExplorer::feed(State& state, Side side, const HandshakeEvent& event) {
  const HandshakeActions actions =
      side == Side::kHere ? state.initiator.step(event, Instant{0}) : state.acceptor.step(event, Instant{0});
  for (const HandshakeAction& action : actions) perform(state, side, action);
}

void HandshakeExplorer::perform(State& state, Side side, const HandshakeAction& action) {
  End& mine = end(state, side);
  if (const auto* message = std::get_if<SendMessage>(&action)) {
    send(state, side, message->message);
  } else if (const auto* open = std::get_if<OpenLane>(&action)) {
    if (!mine.opened.insert(open->generation.value).second) note(state, "a lane is opened twice");
    if (side == Side::kHere && open->generation.value < *mine.opened.rbegin()) {
      note(state, "a lane of an old generation is opened");
    }
    mine.opening = *open;
  } else if (const auto* wire = std::get_if<WireLane>(&action)) {
    mine.wiring = wire->generation;
  } else if (const auto* close = std::get_if<CloseLane>(&action)) {
    if (bug_ == HandshakeBug::kCloseForgotten) return;
    const bool was_opening = mine.opening && mine.opening->generation == close->generation;
    if (was_opening) mine.opening.reset();
    if (mine.wiring == close->generation) mine.wiring.reset();
    if (mine.lanes.erase(close->generation.value) == 0 && !was_opening && bug_ == HandshakeBug::kNone) {
      note(state, "a lane is closed that is not open");
    }
  } else if (const auto* timer = std::get_if<SetTimer>(&action)) {
    mine.timer = timer->timer;
  } else if (std::holds_alternative<Disconnect>(action)) {
    if (bug_ != HandshakeBug::kDisconnectForgotten && state.up) break_connection(state);
  }
}

void HandshakeExplorer::send(State& state, Side from, const HandshakeMessage& message) {
  if (const auto* syn = std::get_if<Syn>(&message)) {
    for (const model::LaneKind lane : syn->lanes) {
      if (state.failed_lanes.contains(std::string(model::to_string(lane))))
        note(state, "a lane that failed is offered again");
    }
  }
  const auto* ready = std::get_if<Ready>(&message);
  const bool down = from == Side::kHere ? state.here.knows_down : state.there.knows_down;
  if (state.up && !down) {
    if (from == Side::kHere) {
      put(state.there.inbox, message);
      const auto at = std::find_if(state.said.begin(), state.said.end(),
                                   [&](const HandshakeMessage& each) { return same(each, message); });
      if (at == state.said.end()) state.said.push_back(message);
    } else {
      put(state.here.inbox, message);
    }
  }
  if (bug_ == HandshakeBug::kReadyUnconfirmed && from == Side::kThere && ready != nullptr &&
      ready->tone == Tone::kAsks) {
    Ready heard = *ready;
    heard.tone = Tone::kTells;
    feed(state, Side::kThere, Received{.message = heard, .fresh = {}});
  }
}

void HandshakeExplorer::deliver(State& state, Side to, HandshakeMessage message) {
  ++state.delivered;
  if (bug_ == HandshakeBug::kAnswersAreAnswered) {
    if (auto* ready = std::get_if<Ready>(&message)) ready->tone = Tone::kAsks;
    if (auto* trip = std::get_if<Trip>(&message)) trip->tone = Tone::kAsks;
  }
  if (bug_ == HandshakeBug::kStaleWordsCount && to == Side::kHere) rename(message, state.initiator);
  if (const auto* trip = std::get_if<Trip>(&message); trip != nullptr && to == Side::kHere &&
                                                      trip->nonce == state.initiator.nonce() &&
                                                      trip->advice == TripAdvice::kOtherLane) {
    state.failed_lanes.insert(std::string(model::to_string(state.initiator.lane())));
  }
  if (auto* syn = std::get_if<Syn>(&message); syn != nullptr) {
    if (bug_ == HandshakeBug::kOldSynIsNew && syn->nonce <= state.acceptor.nonce()) {
      syn->nonce = {state.acceptor.nonce().value + 1};
    }
    if (bug_ == HandshakeBug::kFallbackForgotten) {
      syn->lanes = syn_.lanes;
      for (const model::LaneKind lane : syn->lanes) {
        if (state.failed_lanes.contains(std::string(model::to_string(lane))))
          note(state, "a lane that failed is offered again");
      }
    }
  }
  const std::uint64_t before = state.acceptor.generation().value;
  feed(state, to, Received{.message = message, .fresh = {state.fresh}});
  if (state.acceptor.generation().value == before) return;
  ++state.fresh;
}

void HandshakeExplorer::break_connection(State& state) {
  state.up = false;
  state.here.inbox.clear();
  state.there.inbox.clear();
}

bool HandshakeExplorer::expand(const State& state) {
  const bool here = expand_side(state, Side::kHere);
  const bool there = expand_side(state, Side::kThere);
  const bool connection = expand_connection(state);
  expand_faults(state);
  return here || there || connection;
}

bool HandshakeExplorer::expand_side(const State& state, Side side) {
  const char* const name = side == Side::kHere ? "endpoint" : "panel";
  const End& now = side == Side::kHere ? state.here : state.there;
  bool moves = false;
  for (std::size_t i = 0; i < now.inbox.size(); ++i) {
    moves = true;
    State next = state;
    End& mine = end(next, side);
    const HandshakeMessage message = mine.inbox[i];
    mine.inbox.erase(mine.inbox.begin() + static_cast<std::ptrdiff_t>(i));
    deliver(next, side, message);
    push(std::move(next), fmt::format("{} hears {}", name, describe(message)));
  }
  const bool never = (side == Side::kHere && bug_ == HandshakeBug::kInitiatorNeverTimes) ||
                     (side == Side::kThere && bug_ == HandshakeBug::kAcceptorNeverTimes);
  const bool quiet = state.here.inbox.empty() && state.there.inbox.empty() && !state.here.opening &&
                     !state.there.opening && !state.here.wiring;
  if (now.timer && !never && (quiet || state.left.early_timers > 0)) {
    moves = true;
    State next = state;
    if (!quiet) --next.left.early_timers;
    end(next, side).timer.reset();
    const std::string before = next.initiator.describe() + next.acceptor.describe();
    feed(next, side, TimerFired{*now.timer});
    if (before != next.initiator.describe() + next.acceptor.describe()) ++next.timeouts;
    push(std::move(next), fmt::format("{}'s timer fires", name));
  }
  if (now.opening) {
    moves = true;
    State next = state;
    const OpenLane opened = *now.opening;
    end(next, side).opening.reset();
    end(next, side).lanes.insert(opened.generation.value);
    feed(next, side, LaneOpened{opened.generation});
    push(std::move(next), fmt::format("{} opened its lane", name));
  }
  if (now.wiring) {
    moves = true;
    State next = state;
    end(next, side).wiring.reset();
    feed(next, side, LaneOpened{*now.wiring});
    push(std::move(next), fmt::format("{} wired its lane", name));
  }
  return moves;
}

bool HandshakeExplorer::expand_connection(const State& state) {
  if (state.up) return false;
  for (const Side side : {Side::kHere, Side::kThere}) {
    State next = state;
    if (end(next, side).knows_down) continue;
    end(next, side).knows_down = true;
    if (side != Side::kHere || bug_ != HandshakeBug::kBreakUnseen) feed(next, side, Disconnected{});
    push(std::move(next), side == Side::kHere ? "endpoint sees the break" : "panel sees the break");
  }
  if (!state.here.knows_down || !state.there.knows_down) return true;
  State next = state;
  next.up = true;
  next.here.knows_down = next.there.knows_down = false;
  feed(next, Side::kThere, Connected{});
  feed(next, Side::kHere, Connected{});
  push(std::move(next), "connected again");
  return true;
}

void HandshakeExplorer::expand_faults(const State& state) {
  for (const Side side : {Side::kHere, Side::kThere}) {
    const End& now = side == Side::kHere ? state.here : state.there;
    const char* const name = side == Side::kHere ? "endpoint" : "panel";
    for (std::size_t i = 0; i < now.inbox.size() && state.left.losses > 0; ++i) {
      State next = state;
      --next.left.losses;
      End& mine = end(next, side);
      mine.inbox.erase(mine.inbox.begin() + static_cast<std::ptrdiff_t>(i));
      push(std::move(next), fmt::format("{} never hears {}", name, describe(now.inbox[i])));
    }
    for (std::size_t i = 0; i < now.inbox.size() && state.left.replays > 0; ++i) {
      State next = state;
      --next.left.replays;
      deliver(next, side, now.inbox[i]);
      push(std::move(next), fmt::format("{} hears {}, not for the last time", name, describe(now.inbox[i])));
    }
    if (now.opening && state.left.open_failures > 0) {
      State next = state;
      --next.left.open_failures;
      const OpenLane opened = *now.opening;
      end(next, side).opening.reset();
      if (side == Side::kHere) next.failed_lanes.insert(std::string(model::to_string(opened.lane)));
      if (side == Side::kThere && bug_ == HandshakeBug::kFailureIsSuccess) {
        feed(next, side, LaneOpened{opened.generation});
      } else {
        feed(next, side, LaneFailed{opened.generation, {.code = Code::kPermission, .message = "denied"}});
      }
      push(std::move(next), fmt::format("{} cannot open its lane", name));
    }
    if (now.wiring && state.left.open_failures > 0) {
      State next = state;
      --next.left.open_failures;
      end(next, side).wiring.reset();
      next.failed_lanes.insert(std::string(model::to_string(state.initiator.lane())));
      feed(next, side, LaneFailed{*now.wiring, {.code = Code::kFrame, .message = "seals are missing"}});
      push(std::move(next), fmt::format("{} cannot wire its lane", name));
    }
    if (!now.lanes.empty() && !now.wiring && state.left.lane_breaks > 0) {
      State next = state;
      --next.left.lane_breaks;
      feed(next, side, LaneFailed{{*now.lanes.begin()}, {.code = Code::kLost, .message = "the peer died"}});
      push(std::move(next), fmt::format("{}'s lane breaks", name));
    }
  }
  for (const HandshakeMessage& message : state.said) {
    if (state.left.replays == 0 || !state.up) break;
    State next = state;
    --next.left.replays;
    next.there.inbox.push_back(message);
    push(std::move(next), "replayed: " + describe(message));
  }
  if (state.left.breaks > 0 && state.up) {
    State next = state;
    --next.left.breaks;
    break_connection(next);
    push(std::move(next), "the connection breaks");
  }
}

namespace {

using model::LaneKind;

Acceptor::Offer offer() {
  return {.saddr = "rtt://core/api/metrics@1.2.0",
          .caps = {"metrics.read", "metrics.write"},
          .contract = {},
          .lanes = {LaneKind::kShm, LaneKind::kUds, LaneKind::kTcp},
          .params = {}};
}

Syn syn() {
  return {.nonce = {5},
          .saddr = "rtt://core/api/metrics@1.2.0",
          .caps = {"logs.read", "metrics.read"},
          .contract = {},
          .lanes = {LaneKind::kShm, LaneKind::kUds}};
}

HandshakeReport explore(HandshakeBudget budget, HandshakeBug bug = HandshakeBug::kNone) {
  return HandshakeExplorer(offer(), syn(), budget, bug).run();
}

std::string story(const HandshakeReport& report) {
  std::string out = report.violation + "\n";
  for (const std::string& step : report.trace) out += "  " + step + "\n";
  return out;
}

TEST(HandshakeExplorer, converges_whatever_goes_wrong) {
  const HandshakeBudget budgets[] = {
      {},
      {.losses = 1},
      {.replays = 1},
      {.breaks = 1},
      {.losses = 2},
      {.losses = 1, .replays = 1},
      {.losses = 1, .breaks = 1},
      {.losses = 1, .open_failures = 1},
      {.losses = 1, .lane_breaks = 1},
      {.replays = 1, .breaks = 1},
      {.breaks = 1, .lane_breaks = 1},
      {.open_failures = 2},
      {.losses = 1, .replays = 1, .breaks = 1, .open_failures = 1, .early_timers = 1},
      {.losses = 6, .early_timers = 0},
  };
  for (const HandshakeBudget& budget : budgets) {
    const HandshakeReport report = explore(budget);
    EXPECT_TRUE(report.violation.empty()) << story(report);
    EXPECT_GT(report.ready, 0U);
    EXPECT_GT(report.tripped, 0U);
  }
}

// Also the bound: no run delivers more than kDeliveredMax messages or needs more than kTimeoutsMax timeouts.
TEST(HandshakeExplorer, every_run_ends) {
  const HandshakeReport report = explore({.losses = 1, .early_timers = 1, .count_steps = true});
  EXPECT_TRUE(report.violation.empty()) << story(report);
}

class SeededHandshakeBug : public testing::TestWithParam<int> {};

TEST_P(SeededHandshakeBug, is_found) {
  const auto bug = static_cast<HandshakeBug>(GetParam());
  HandshakeBudget budget{.losses = 1, .replays = 1, .breaks = 1, .open_failures = 1, .early_timers = 1};
  if (bug == HandshakeBug::kAnswersAreAnswered) budget = {.count_steps = true};
  if (bug == HandshakeBug::kDisconnectForgotten)
    budget = {.losses = 6, .early_timers = 0};  // silence from one on
  const HandshakeReport report = explore(budget, bug);
  EXPECT_FALSE(report.violation.empty()) << "explored " << report.states << " states and saw nothing";
}
INSTANTIATE_TEST_SUITE_P(All, SeededHandshakeBug, testing::Range(1, kHandshakeBugCount));

}  // namespace
}  // namespace rtt::fabric
