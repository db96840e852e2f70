// SPDX-License-Identifier: Apache-2.0
#include "panel/transition.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/clock.h"

namespace rtt::panel {
namespace {

using text::Json;

}  // namespace

Transition::Transition(TransitionPorts ports, OnAnswer on_answer)
    : ports_(std::move(ports)),
      on_answer_(std::move(on_answer)),
      self_(std::make_shared<Transition*>(this)) {}

Transition::~Transition() {
  *self_ = nullptr;
  if (timer_ != 0) ports_.loop.cancel(timer_);
}

void Transition::start(apply::Start start) {
  start_ = start;
  feed(std::move(start));
}

bool Transition::shows_views() const {
  return !start_.plan.views_add.empty() || !start_.plan.views_del.empty();
}

void Transition::host_lost(const std::string& instance, const std::string& reason) {
  feed(apply::ParticipantLost{instance, reason});
}

// An action may bring its event at once (the journal does): events are queued, never nested.
void Transition::feed(apply::Event event) {
  events_.push_back(std::move(event));
  if (feeding_) return;
  feeding_ = true;
  const std::shared_ptr<Transition*> self = self_;
  while (!events_.empty()) {
    const apply::Event next = std::move(events_.front());
    events_.pop_front();
    for (const apply::Action& action : machine_.step(next, os::now())) {
      perform(action);
      if (*self == nullptr) return;  // the answer ended this transition
    }
  }
  feeding_ = false;
}

void Transition::perform(const apply::Action& action) {
  std::visit([this](const auto& one) { perform(one); }, action);
}

void Transition::perform(const apply::AppendJournal& action) {
  const auto seq = ports_.append(action.type, action.payload);
  if (seq) {
    feed(apply::Durable{action.what, *seq});
  } else {
    feed(apply::JournalFailed{seq.error()});
  }
}

void Transition::perform(const apply::StoreGraph& action) {
  if (Status stored = ports_.store_graph(action); !stored) feed(apply::JournalFailed{stored.error()});
}

void Transition::perform(const apply::WriteAccepted& action) {
  if (Status done = ports_.write_accepted(action); !done) {
    feed(apply::AcceptedFailed{action.write, done.error()});
  } else {
    feed(apply::AcceptedWritten{action.write});
  }
}

// What goes when `route` comes: the plan's deletions, or its additions when it is being taken back.
const std::vector<model::Route>& Transition::leaving_for(const model::Route& route) const {
  return std::ranges::find(start_.plan.routes_add, route) != start_.plan.routes_add.end()
             ? start_.plan.routes_del
             : start_.plan.routes_add;
}

void Transition::perform(const apply::Prepare& action) {
  const std::weak_ptr<Transition*> self = self_;
  const std::string name = action.participant;
  const std::uint32_t round = action.round;
  if (!action.views.empty()) {
    const Status done = ports_.prepare_views(action.views);
    return done ? feed(apply::PrepareDone{name, round}) : feed(apply::Nack{name, round, {}, done.error()});
  }
  if (action.routes.empty()) return feed(apply::PrepareDone{name, round});
  const RouteId first = action.routes.front().id;
  auto& prepared = prepared_[name];
  prepared.insert(prepared.end(), action.routes.begin(), action.routes.end());
  ports_.wiring.prepare(action.routes, leaving_for(action.routes.front()),
                        [self, name, round, first](const Status& done) {
                          const auto alive = self.lock();
                          if (!alive || *alive == nullptr) return;
                          if (done) {
                            (*alive)->feed(apply::PrepareDone{name, round});
                          } else {
                            (*alive)->feed(apply::Nack{name, round, first, done.error()});
                          }
                        });
}

// FlipAfterCommit of spec/invariants.md: the graph of the last COMMIT, or the one to which a ROLLBACK that
// was decided leads back.
bool Transition::may_carry(const apply::SharedGraph& graph) const {
  const apply::Recovered& ledger = ports_.ledger();
  const Digest root = machine_.root_of(graph);
  return root == ledger.root || (ledger.rollback && root == ledger.rollback->root);
}

void Transition::perform(const apply::Flip& action) {
  const std::weak_ptr<Transition*> self = self_;
  const std::string name = action.participant;
  const std::uint32_t round = action.round;
  if (!may_carry(action.graph))
    return feed(apply::ParticipantLost{name, "it would carry a graph of which the journal has no COMMIT"});
  if (flip_round_ == 0) {
    flip_round_ = round;
    flip_began_ = flip_ended_ = os::now();
  }
  if (name == kViews) {
    const Status done = ports_.show_views(action.graph->views);
    if (!done) return feed(apply::Nack{name, round, {}, done.error()});
    if (round == flip_round_) flip_ended_ = os::now();
    return feed(apply::FlipDone{name, round});
  }
  ports_.wiring.flip(std::exchange(prepared_[name], {}), [self, name, round](const Status& done) {
    const auto alive = self.lock();
    if (!alive || *alive == nullptr) return;
    if (done) {
      if (round == (*alive)->flip_round_) (*alive)->flip_ended_ = os::now();
      (*alive)->feed(apply::FlipDone{name, round});
    } else {
      (*alive)->feed(apply::ParticipantLost{name, done.error().message});
    }
  });
}

void Transition::perform(const apply::Abort& action) {
  prepared_.erase(action.participant);
  ports_.wiring.drop_built();
}

std::vector<std::string> Transition::carriers() const {
  std::vector<std::string> names;
  for (const apply::Participant& participant : start_.participants)
    if (!participant.routes.empty()) names.push_back(participant.name);
  return names;
}

// Post-condition of a flip: every host that has to carry something new is there and says it is well. One that
// only gives routes up may be as dead as it likes, or nothing could be unplugged from it.
void Transition::perform(const apply::Verify&) {
  struct Count {
    std::size_t open = 0;
    bool failed = false;
  };
  const auto count = std::make_shared<Count>();
  const auto names = carriers();
  count->open = names.size();
  if (names.empty()) {
    feed(apply::VerifyOk{});
    return;
  }
  const std::weak_ptr<Transition*> self = self_;
  for (const std::string& name : names) {
    if (name == kEndpoints || name == kViews) {  // or their flip would not have been confirmed
      if (--count->open == 0) feed(apply::VerifyOk{});
      continue;
    }
    const auto host = ports_.hosts.running(name);
    if (!host) {
      feed(apply::VerifyFailed{
          Error{Code::kLost, fmt::format("driver host `{}` is gone", name), {}, "rtt doctor"}});
      return;
    }
    host->ask("host.health", Json::object({}), [self, count, name](const Result<api::Answer>& answer) {
      const auto alive = self.lock();
      if (!alive || *alive == nullptr || count->failed) return;
      if (!answer || !answer->body.bool_or("ok", false)) {
        count->failed = true;
        Error error = answer ? Error{Code::kDriverFailed,
                                     fmt::format("driver host `{}` is not well", name),
                                     {},
                                     "rtt doctor"}
                             : answer.error();
        (*alive)->feed(apply::VerifyFailed{std::move(error)});
      } else if (--count->open == 0) {
        (*alive)->feed(apply::VerifyOk{});
      }
    });
  }
}

void Transition::perform(const apply::SetTimer& action) {
  if (timer_ != 0) ports_.loop.cancel(timer_);
  timer_ = ports_.loop.after(action.deadline - os::now(), [this, id = action.timer] {
    timer_ = 0;
    feed(apply::Timeout{id});
  });
}

void Transition::perform(const apply::Answer& action) {
  const OnAnswer answer = on_answer_;  // it destroys this transition
  answer(action);
}

}  // namespace rtt::panel
