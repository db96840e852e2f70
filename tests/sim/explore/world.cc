// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <algorithm>

#include "apply/invariants.h"
#include "base/assert.h"

namespace rtt::explore {
namespace {

using apply::Settled;
using apply::Written;
using Kind = Letter::Kind;

void push(std::array<Letter, kQueueMax>& queue, std::uint8_t& count, const Letter& letter) {
  RTT_ASSERT(count < kQueueMax);
  queue[count++] = letter;
}
Letter pop(std::array<Letter, kQueueMax>& queue, std::uint8_t& count) {
  const Letter first = queue[0];
  std::copy(queue.begin() + 1, queue.begin() + count, queue.begin());
  queue[--count] = {};
  return first;
}

// It comes twice in a row: on a stream nothing overtakes what was sent after it.
void repeat_first(std::array<Letter, kQueueMax>& queue, std::uint8_t& count) {
  RTT_ASSERT(count < kQueueMax);
  std::copy_backward(queue.begin(), queue.begin() + count, queue.begin() + count + 1);
  queue[1].marks |= Letter::kAgain;
  ++count;
}

template <typename T, std::size_t N, typename Empty>
void enqueue(std::array<T, N>& queue, const T& value, const Empty& empty) {
  const auto at = std::ranges::find_if(queue, empty);
  RTT_ASSERT(at != queue.end());
  *at = value;
}
template <typename T, std::size_t N>
T dequeue(std::array<T, N>& queue) {
  const T first = queue[0];
  std::copy(queue.begin() + 1, queue.end(), queue.begin());
  queue.back() = T{};
  return first;
}

void obey(Party& party, const Letter& letter, std::uint32_t share) {
  if (letter.kind == Kind::kPrepare) {
    party.built |= share;
  } else {  // a flip carries what is built; an abort drops it
    party.built = 0;
    if (letter.kind == Kind::kFlip) party.on_new = letter.to_new() ? 1 : 0;
  }
}

Kind answer_to(const Letter& letter) {
  return letter.kind == Kind::kPrepare ? Kind::kPrepareDone : Kind::kFlipDone;
}

Event heard(std::uint8_t party, const Letter& reply) {
  const bool refused = reply.kind == Kind::kNack;
  return {.what = refused                            ? Happens::kNack
                  : reply.kind == Kind::kPrepareDone ? Happens::kPrepareDone
                  : reply.kind == Kind::kFlipDone    ? Happens::kFlipDone
                                                     : Happens::kLost,
          .party = party,
          .number = reply.round,
          .detail = reply.share};
}

}  // namespace

World::World(const Scenario& scenario, MachineTable& machines, DiskTable& disks)
    : scenario_(scenario),
      machines_(machines),
      disks_(disks),
      parties_(static_cast<std::uint8_t>(scenario.start.participants.size())) {
  for (std::size_t i = 0; i < parties_; ++i) {
    const apply::Participant& party = scenario.start.participants[i];
    for (const RouteId id : party.routes) needed_[i] |= 1U << id.value;
    if (party.shows != apply::Participant::Shows::kViews) continue;
    views_ |= 1U << i;
    needed_[i] |= 1U;
  }
}

State World::first() {
  State state;
  state.disk = disks_.first();
  state.machine = machines_.first();
  state.left = scenario_.faults;
  feed(state, {.what = Happens::kStart});
  return state;
}

void World::feed(State& state, const Event& event) {
  const bool over = state.answered != 0;
  const Outcome& outcome = machines_.step(state.machine, event);
  if (over && (!outcome.acts.empty() || outcome.next != state.machine)) state.broken = Law::kActsAfterAnswer;
  if (outcome.endless) state.broken = Law::kEndless;
  state.machine = outcome.next;
  for (const Act& act : outcome.acts) perform(state, act);
}

void World::perform(State& state, const Act& act) {
  switch (act.what) {
    case Asks::kAppend:
      return perform_append(state, act);
    case Asks::kWriteFiles:
      return enqueue(state.writes, {.number = act.number, .to_new = act.to_new},
                     [](const State::Write& write) { return write.number == 0; });
    case Asks::kPrepare: {
      const auto share = static_cast<std::uint8_t>(act.share + 1);
      // Views are the whole of what is shown: a route that comes up before they are at hand may have to go.
      // On the way back they are left behind like anybody who is late.
      const bool forward = machines_.phase(state.machine) == apply::Phase::kPreparing;
      for (std::uint8_t i = 0; forward && i < parties_ && machines_.share(act.share) != 1; ++i) {
        const Party& party = state.parties[i];
        if ((views_ >> i & 1U) != 0 && party.alive != 0 && (party.built & 1U) == 0)
          state.broken = Law::kViewsLate;
      }
      return send(state, act.party, {.kind = Kind::kPrepare, .round = act.number, .share = share});
    }
    case Asks::kFlip:
      return send(state, act.party, {.kind = Kind::kFlip, .round = act.number, .marks = act.to_new});
    case Asks::kAbort:
      return send(state, act.party, {.kind = Kind::kAbort});
    case Asks::kVerify:
      state.verifying = 1;
      return;
    case Asks::kTimer:
      state.timer = act.number;
      return;
    case Asks::kAnswer:
      if (state.answered != 0) state.broken = Law::kAnswersTwice;
      state.answered = 1;
      state.settled = act.settled;
      state.answer_seq = act.number;
      state.answer_side = act.to_new;
      state.detached = act.detached;
      state.reasoned = act.reasoned;
      return;
  }
}

void World::perform_append(State& state, const Act& act) {
  if (machines_.records()[act.record].what == Written::kCommit) {
    for (std::size_t i = 0; i < parties_; ++i) {
      const Party& party = state.parties[i];
      if (party.alive != 0 && (party.built & needed_[i]) != needed_[i]) state.broken = Law::kCommitUnprepared;
    }
  }
  enqueue(state.pending, static_cast<std::uint16_t>(act.record + 1),
          [](std::uint16_t record) { return record == 0; });
}

void World::send(State& state, std::uint8_t number, const Letter& letter) {
  Party& party = state.parties[number];
  if (party.alive != 0) push(party.inbox, party.in, letter);
}

// ---- what can come next ----

bool World::expand(const State& state, std::vector<Next>& out) {
  bool moves = false;
  for (std::uint8_t i = 0; i < parties_; ++i) moves = expand_party(state, i, out) || moves;
  moves = expand_journal(state, out) || moves;
  moves = expand_files(state, out) || moves;
  return expand_rest(state, out) || moves;
}

bool World::expand_party(const State& state, std::uint8_t number, std::vector<Next>& out) {
  const Party& party = state.parties[number];
  if (party.out != 0) {
    const Letter reply = party.outbox[0];
    Next& next = out.emplace_back(state, Step{Step::Kind::kAnswerArrives, number, reply});
    pop(next.state.parties[number].outbox, next.state.parties[number].out);
    if (reply.kind == Kind::kLost && machines_.phase(state.machine) != apply::Phase::kDone)
      next.state.refused = 1;
    feed(next.state, heard(number, reply));
    if (state.left.doubled != 0 && (views_ >> number & 1U) == 0 && party.out < kQueueMax) {
      Next& twice = out.emplace_back(state, Step{Step::Kind::kAnswerDoubled, number, reply});
      --twice.state.left.doubled;
      twice.state.disturbed = 1;
      push(twice.state.parties[number].outbox, twice.state.parties[number].out, reply);
    }
  }
  if (party.alive != 0 && state.left.deaths != 0 && state.answered == 0) {
    Next& next = out.emplace_back(state, Step{Step::Kind::kDies, number});
    --next.state.left.deaths;
    next.state.disturbed = 1;
    Party& dead = next.state.parties[number];
    dead.alive = 0;
    dead.in = 0;
    dead.inbox = {};
    push(dead.outbox, dead.out, {.kind = Kind::kLost});
  }
  if (party.in != 0) expand_message(state, number, out);
  return party.out != 0 || party.in != 0;
}

void World::expand_message(const State& state, std::uint8_t number, std::vector<Next>& out) {
  const Letter letter = state.parties[number].inbox[0];
  const bool local = (views_ >> number & 1U) != 0;
  const auto taken = [&](Step::Kind kind) -> State& {
    State& next = out.emplace_back(state, Step{kind, number, letter}).state;
    pop(next.parties[number].inbox, next.parties[number].in);
    return next;
  };
  if (state.left.lost != 0 && !local) {
    State& lost = taken(Step::Kind::kMessageLost);
    --lost.left.lost;
    lost.disturbed = lost.lossy = 1;
  }
  if (state.left.doubled != 0 && !local && state.parties[number].in < kQueueMax) {
    State& twice = out.emplace_back(state, Step{Step::Kind::kMessageDoubled, number, letter}).state;
    --twice.left.doubled;
    twice.disturbed = 1;
    repeat_first(twice.parties[number].inbox, twice.parties[number].in);
  }
  if (state.left.nacks != 0 && letter.kind != Kind::kAbort && (letter.marks & Letter::kAgain) == 0) {
    State& refuses = taken(Step::Kind::kRefuses);
    --refuses.left.nacks;
    refuses.disturbed = refuses.refused = 1;
    push(refuses.parties[number].outbox, refuses.parties[number].out,
         {.kind = Kind::kNack, .round = letter.round, .share = letter.share});
  }
  State& next = taken(Step::Kind::kObeys);
  obey(next.parties[number], letter,
       letter.kind == Kind::kPrepare ? machines_.share(static_cast<std::uint8_t>(letter.share - 1)) : 0);
  if (letter.kind == Kind::kAbort) return;
  push(next.parties[number].outbox, next.parties[number].out,
       {.kind = answer_to(letter), .round = letter.round});
}

void World::write(State& state) {
  state.disk = disks_.append(state.disk, static_cast<std::uint16_t>(state.pending[0] - 1));
}

bool World::expand_journal(const State& state, std::vector<Next>& out) {
  const auto reported = [](const State::News& news) { return news.there == 0; };
  if (state.news[0].there != 0) {
    Next& next = out.emplace_back(state, Step{Step::Kind::kJournalReports});
    const State::News news = dequeue(next.state.news);
    if (news.ok != 0) {
      feed(next.state, {.what = Happens::kDurable, .number = news.seq, .detail = news.what});
    } else {
      feed(next.state, {.what = Happens::kJournalFailed});
    }
  }
  if (state.pending[0] == 0) return state.news[0].there != 0;
  const auto what = static_cast<std::uint8_t>(machines_.records()[state.pending[0] - 1U].what);
  if (state.journal_broken != 0) {
    State& next = out.emplace_back(state, Step{Step::Kind::kJournalRefuses}).state;
    dequeue(next.pending);
    enqueue(next.news, {.there = 1, .what = what, .seq = 0, .ok = 0}, reported);
    return true;
  }
  {
    State& next = out.emplace_back(state, Step{Step::Kind::kJournalWrites}).state;
    write(next);
    dequeue(next.pending);
    enqueue(next.news, {.there = 1, .what = what, .seq = disks_.at(next.disk).seq, .ok = 1}, reported);
  }
  if (state.left.journal == 0) return true;
  for (const Step::Kind kind : {Step::Kind::kJournalFails, Step::Kind::kJournalFailsAfter}) {
    State& breaks = out.emplace_back(state, Step{kind}).state;
    --breaks.left.journal;
    breaks.disturbed = breaks.journal_broken = 1;
    if (kind == Step::Kind::kJournalFailsAfter) write(breaks);
    dequeue(breaks.pending);
    enqueue(breaks.news, {.there = 1, .what = what, .seq = 0, .ok = 0}, reported);
  }
  return true;
}

bool World::expand_files(const State& state, std::vector<Next>& out) {
  if (state.writes[0].number == 0) return false;
  const State::Write write = state.writes[0];
  if (state.left.files != 0) {
    State& fails = out.emplace_back(state, Step{Step::Kind::kFilesHalf}).state;
    dequeue(fails.writes);
    --fails.left.files;
    fails.files = State::Files::kHalf;
    fails.files_broken = fails.refused = fails.disturbed = 1;
    feed(fails, {.what = Happens::kFilesFailed, .number = write.number});
  }
  State& next = out.emplace_back(state, Step{Step::Kind::kFilesWritten}).state;
  dequeue(next.writes);
  next.files = write.to_new != 0 ? State::Files::kNew : State::Files::kOld;
  feed(next, {.what = Happens::kFilesWritten, .number = write.number});
  return true;
}

bool World::expand_rest(const State& state, std::vector<Next>& out) {
  if (state.verifying != 0) {
    State& next = out.emplace_back(state, Step{Step::Kind::kVerified}).state;
    next.verifying = 0;
    next.verified = 1;
    feed(next, {.what = Happens::kVerifyOk});
    if (state.left.verify != 0) {
      State& fails = out.emplace_back(state, Step{Step::Kind::kVerifyFails}).state;
      --fails.left.verify;
      fails.verifying = 0;
      fails.disturbed = 1;
      if (machines_.phase(state.machine) == apply::Phase::kVerifying) fails.refused = 1;
      feed(fails, {.what = Happens::kVerifyFailed});
    }
  }
  if (state.timer != 0) {
    State& next = out.emplace_back(state, Step{Step::Kind::kTimer}).state;
    next.timer = 0;
    next.disturbed = 1;
    feed(next, {.what = Happens::kTimeout, .number = state.timer});
  }
  // Where nothing went wrong, something else than a timer has to bring the run to its end.
  return state.verifying != 0 || (state.timer != 0 && state.disturbed != 0);
}

void World::expand_answered(const State& state, std::vector<Next>& out) {
  expand_journal(state, out);
  expand_files(state, out);
  const auto hear = [&](const Step& step, const Event& event) {
    const Outcome& outcome = machines_.step(state.machine, event);
    if (outcome.acts.empty() && outcome.next == state.machine) return;
    feed(out.emplace_back(state, step).state, event);
  };
  for (std::uint8_t i = 0; i < parties_; ++i) {
    const auto arrives = [&](const Letter& reply) {
      hear({.kind = Step::Kind::kAnswerArrives, .party = i, .letter = reply}, heard(i, reply));
    };
    const Party& party = state.parties[i];
    for (std::size_t n = 0; n < party.out; ++n) arrives(party.outbox[n]);
    for (std::size_t n = 0; n < party.in; ++n) {
      const Letter& letter = party.inbox[n];
      if (letter.kind == Kind::kAbort) continue;
      arrives({.kind = answer_to(letter), .round = letter.round});
      arrives({.kind = Kind::kNack, .round = letter.round, .share = letter.share});
    }
  }
  if (state.verifying != 0) {
    hear({.kind = Step::Kind::kVerified}, {.what = Happens::kVerifyOk});
    hear({.kind = Step::Kind::kVerifyFails}, {.what = Happens::kVerifyFailed});
  }
  if (state.timer != 0)
    hear({.kind = Step::Kind::kTimer}, {.what = Happens::kTimeout, .number = state.timer});
}

// ---- the laws ----

Law World::judge(const State& state) const {
  if (state.broken != Law::kHolds) return state.broken;
  const DiskTable::Disk& disk = disks_.at(state.disk);
  if (disk.law != Law::kHolds) return disk.law;
  if (!scenario_.start.accepted.empty()) {
    State::Files files = state.files;
    if (disk.restores == DiskTable::Restores::kNew) files = State::Files::kNew;
    if (disk.restores == DiskTable::Restores::kOld) files = State::Files::kOld;
    if (files == State::Files::kHalf) return Law::kFilesHalf;
    if ((files == State::Files::kNew) != (disk.is_new && !disk.rolling_back)) return Law::kFilesOther;
  }
  for (std::size_t i = 0; i < parties_; ++i) {
    if (state.parties[i].on_new != 0 && !disk.committed) return Law::kFlippedEarly;
  }
  return state.answered != 0 ? judge_answer(state) : Law::kHolds;
}

Law World::judge_answer(const State& state) const {
  const DiskTable::Disk& disk = disks_.at(state.disk);
  const auto settled = static_cast<Settled>(state.settled);
  const bool forward = settled == Settled::kCommitted;
  if (settled == Settled::kInDoubt)
    return state.journal_broken != 0 || state.files_broken != 0 ? Law::kHolds : Law::kNeedlessDoubt;
  if (state.answer_side != (forward ? 1 : 0)) return Law::kAnswerGraph;
  if (disk.is_new != forward) return Law::kAnswerJournal;
  if (disk.commit_seq != state.answer_seq) return Law::kAnswerSeq;
  if (disk.rolling_back) return Law::kAnswerEarly;
  if (forward && state.refused != 0) return Law::kCommittedAgainstWill;
  if (forward && state.verified == 0) return Law::kUnverified;
  if (!forward && state.reasoned == 0) return Law::kNoReason;
  if (!forward && state.disturbed == 0) return Law::kGaveUp;
  for (std::size_t i = 0; i < parties_; ++i) {
    Party party = state.parties[i];
    if (party.alive == 0 || (state.detached >> i & 1U) != 0) continue;
    bool mixed = (party.on_new != 0) != forward;
    for (std::size_t letter = 0; letter < party.in; ++letter) {  // it may still get what was sent
      const Letter& one = party.inbox[letter];
      obey(party, one,
           one.kind == Kind::kPrepare ? machines_.share(static_cast<std::uint8_t>(one.share - 1)) : 0);
      mixed = mixed || (party.on_new != 0) != forward;
    }
    if (mixed) return Law::kMixed;
    if (party.built != 0 && state.lossy == 0) return Law::kOrphan;
  }
  // What the panel checks by itself before it answers.
  const apply::Answer said{.state = settled, .seq = Seq{state.answer_seq}, .graph = disks_.root(forward)};
  return apply::agrees(said, *disk.ledger) ? Law::kHolds : Law::kAnswerJournal;
}

std::string World::words(const Step& step) const {
  const std::string& who = scenario_.start.participants[step.party].name;
  const bool prepares = step.letter.kind == Kind::kPrepare;
  switch (step.kind) {
    case Step::Kind::kStart:
      return "start";
    case Step::Kind::kAnswerArrives:
      return step.letter.kind == Kind::kLost ? "the loss of " + who + " is noticed"
                                             : "answer of " + who + " arrives";
    case Step::Kind::kAnswerDoubled:
      return "answer of " + who + " is doubled";
    case Step::Kind::kDies:
      return who + " dies";
    case Step::Kind::kMessageLost:
      return "message to " + who + " is lost";
    case Step::Kind::kMessageDoubled:
      return "message to " + who + " is doubled";
    case Step::Kind::kRefuses:
      return who + " refuses";
    case Step::Kind::kObeys:
      if (step.letter.kind == Kind::kAbort) return who + " drops what it prepared";
      return who + (prepares ? " prepares" : step.letter.to_new() ? " flips" : " flips back");
    case Step::Kind::kJournalReports:
      return "journal reports";
    case Step::Kind::kJournalWrites:
      return "journal writes";
    case Step::Kind::kJournalRefuses:
      return "journal refuses";
    case Step::Kind::kJournalFails:
      return "journal fails";
    case Step::Kind::kJournalFailsAfter:
      return "journal fails after writing";
    case Step::Kind::kVerified:
      return "verified";
    case Step::Kind::kVerifyFails:
      return "verification fails";
    case Step::Kind::kTimer:
      return "timer fires";
    case Step::Kind::kFilesWritten:
      return "manifests are written";
    case Step::Kind::kFilesHalf:
      return "manifests are half written";
  }
  RTT_ASSERT(false);
}

}  // namespace rtt::explore
