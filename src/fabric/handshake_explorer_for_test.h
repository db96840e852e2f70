// SPDX-License-Identifier: Apache-2.0
// Explorer of the handshake: every run of the two real machines in a world that loses, doubles, reorders and
// replays messages, breaks the connection, fails to open lanes and breaks open ones, as far as a budget
// allows; timers fire whenever they like. Depth-first, each state once.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "fabric/handshake.h"

namespace rtt::fabric {

enum class HandshakeBug : std::uint8_t {
  kNone,
  kStaleWordsCount,  // a word about an earlier attempt is taken for one about this
  kOldSynIsNew,      // a replayed SYN opens a new attempt
  kInitiatorNeverTimes,
  kAcceptorNeverTimes,
  kDisconnectForgotten,  // who gives up unheard does not close the connection
  kReadyUnconfirmed,     // READY counts as heard when it is sent
  kCloseForgotten,
  kFailureIsSuccess,   // a lane that could not be wired is reported as open
  kBreakUnseen,        // the endpoint does not notice that its connection is gone
  kFallbackForgotten,  // a lane that failed is offered again
  kAnswersAreAnswered,
};
inline constexpr int kHandshakeBugCount = 12;

struct HandshakeBudget {  // how often each fault may happen in one run
  int losses = 0, replays = 0, breaks = 0, open_failures = 0, lane_breaks = 0;
  int early_timers = 2;      // timers that fire while an answer is on its way; others fire when they like
  bool count_steps = false;  // tells states apart by how many messages were delivered: proves the bound
};

struct HandshakeReport {
  std::size_t states = 0, ready = 0, tripped = 0;
  std::string violation;
  std::vector<std::string> trace;
};

class HandshakeExplorer {
 public:
  HandshakeExplorer(Acceptor::Offer offer, Syn syn, HandshakeBudget budget, HandshakeBug bug);
  HandshakeReport run();

 private:
  struct Step {
    std::string what;
    std::shared_ptr<const Step> before;
  };
  struct End {                            // what the world knows of one machine
    std::vector<HandshakeMessage> inbox;  // in no order
    std::optional<std::uint32_t> timer;
    std::optional<OpenLane> opening;
    std::optional<Generation> wiring;
    std::set<std::uint64_t> lanes;   // open
    std::set<std::uint64_t> opened;  // ever asked to open
    bool knows_down = false;
  };
  struct State {
    Initiator initiator;
    Acceptor acceptor;
    End here, there;  // the initiator's, the acceptor's
    bool up = true;
    std::uint64_t fresh = 1;
    std::set<std::string> failed_lanes;
    std::vector<HandshakeMessage> said;  // everything sent to the acceptor, once each
    HandshakeBudget left;
    int timeouts = 0, delivered = 0;
    std::shared_ptr<const Step> trace;
  };
  enum class Side : std::uint8_t { kHere, kThere };
  static End& end(State& state, Side side) { return side == Side::kHere ? state.here : state.there; }

  [[nodiscard]] std::string key(const State& state) const;
  [[nodiscard]] std::string violation(const State& state) const;
  [[nodiscard]] std::string at_rest(const State& state);
  bool expand(const State& state);
  bool expand_side(const State& state, Side side);
  bool expand_connection(const State& state);
  void expand_faults(const State& state);
  void settle_stale(State& state);
  void push(State next, std::string what);
  void feed(State& state, Side side, const HandshakeEvent& event);
  void perform(State& state, Side side, const HandshakeAction& action);
  void send(State& state, Side from, const HandshakeMessage& message);
  void deliver(State& state, Side to, HandshakeMessage message);
  void break_connection(State& state);
  void note(const State& state, std::string what);

  Acceptor::Offer offer_;
  Syn syn_;
  HandshakeBudget budget_;
  HandshakeBug bug_;
  std::vector<State> stack_;
  std::unordered_set<std::string> seen_;
  HandshakeReport report_;
};

}  // namespace rtt::fabric
