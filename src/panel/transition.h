// SPDX-License-Identifier: Apache-2.0
// Transition: performs one plan. The decisions are TwoPhase's (apply/two_phase.h); this shell writes the
// journal, asks the driver hosts, sets timers, and feeds back what happened, one event at a time.
//
// Owns: the machine and its timer.   Thread: the panel's loop.
// Fails: through the answer, as TwoPhase says.   Limits: kParticipantsMax.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "apply/recover.h"
#include "apply/two_phase.h"
#include "os/loop.h"
#include "panel/hosts.h"
#include "panel/wiring.h"

namespace rtt::panel {

// What a transition needs of the panel around it.
struct TransitionPorts {
  os::Loop& loop;
  Hosts& hosts;
  Wiring& wiring;
  // Durable append of one record (stamped by the callee, together with audit records that wait); its seq.
  std::function<Result<Seq>(journal::RecordType type, text::Json payload)> append;
  std::function<const apply::Recovered&()> ledger;  // what the journal says now
  std::function<Status(const apply::StoreGraph& graph)> store_graph;
  std::function<Status(const apply::WriteAccepted& write)> write_accepted;
  std::function<Status(const std::vector<model::View>& views)> prepare_views;  // their trees are at hand
  std::function<Status(const std::vector<model::View>& views)> show_views;     // these and no others
};

class Transition {
 public:
  using OnAnswer = std::function<void(const apply::Answer&)>;
  Transition(TransitionPorts ports, OnAnswer on_answer);
  ~Transition();
  Transition(const Transition&) = delete;
  Transition& operator=(const Transition&) = delete;

  void start(apply::Start start);
  // From the first Flip of the commit to the last participant's confirmation; 0 before that, and when nobody
  // takes part.
  [[nodiscard]] Nanos flip_time() const { return flip_ended_ - flip_began_; }
  [[nodiscard]] bool shows_views() const;
  [[nodiscard]] apply::SharedGraph graph_with(const Digest& root) const { return machine_.graph_with(root); }
  void host_lost(const std::string& instance, const std::string& reason);

 private:
  void feed(apply::Event event);
  void perform(const apply::Action& action);
  void perform(const apply::AppendJournal& action);
  void perform(const apply::StoreGraph& action);
  void perform(const apply::WriteAccepted& action);
  void perform(const apply::Prepare& action);
  void perform(const apply::Flip& action);
  void perform(const apply::Abort& action);
  void perform(const apply::Verify& action);
  void perform(const apply::SetTimer& action);
  void perform(const apply::Answer& action);
  [[nodiscard]] std::vector<std::string> carriers() const;  // of what the plan adds
  [[nodiscard]] bool may_carry(const apply::SharedGraph& graph) const;
  [[nodiscard]] const std::vector<model::Route>& leaving_for(const model::Route& route) const;

  TransitionPorts ports_;
  OnAnswer on_answer_;
  apply::TwoPhase machine_;
  apply::Start start_;
  std::map<std::string, std::vector<model::Route>>
      prepared_;                  // by participant: what its flip switches over to
  std::uint32_t flip_round_ = 0;  // of the commit; a rollback flips back in a later round
  Instant flip_began_, flip_ended_;
  std::deque<apply::Event> events_;
  bool feeding_ = false;
  os::Loop::TimerId timer_ = 0;
  // Hosts answer later, perhaps after this transition is over: they hold a weak reference to this. It points
  // to nothing once the transition has ended, for whoever brings the last event holds it beyond that.
  std::shared_ptr<Transition*> self_;
};

}  // namespace rtt::panel
