// SPDX-License-Identifier: Apache-2.0
// The explorer's search, its laws and its world; what it is asked to explore is explorer_test.cc.
#include <algorithm>

#include "apply/explorer_for_test.h"
#include "base/assert.h"

namespace rtt::apply {

namespace {

constexpr RouteId kViewsMark{0};  // no route has this number

Error failed(std::string message) { return {.code = Code::kIo, .message = std::move(message)}; }

}  // namespace

Explorer::Explorer(Start start, std::vector<Entry> history, Budget budget, Bug bug)
    : start_(std::move(start)), budget_(budget), bug_(bug), history_(std::move(history)) {
  target_ = *model::apply_to(start_.base, start_.plan);
  old_root_ = model::graph_root(start_.base);
  new_root_ = model::graph_root(target_);
}

Report Explorer::run() {
  State first{.machine = std::make_shared<TwoPhase>(), .left = budget_};
  first.parties.resize(start_.participants.size());
  for (const Entry& entry : history_) first.durable.push_back(std::make_shared<Entry>(entry));
  feed(first, start_);
  push(std::move(first), "start");
  while (!stack_.empty() && report_.violation.empty()) {
    const State state = std::move(stack_.back());
    stack_.pop_back();
    if (std::string broken = violation(state); !broken.empty()) {
      note(state, std::move(broken));
      break;
    }
    expanded_ = &state;
    const bool moves = expand(state);
    if (state.answer) continue;
    if (!moves) note(state, "hang: no answer, and only a fault could move it");
  }
  report_.states = seen_.size();
  return report_;
}

void Explorer::note(const State& state, std::string violation) {
  if (!report_.violation.empty()) return;
  report_.violation = std::move(violation);
  for (const Step* step = state.trace.get(); step != nullptr; step = step->before.get()) {
    report_.trace.push_back(step->what);
  }
  std::reverse(report_.trace.begin(), report_.trace.end());
}

std::string Explorer::key(const State& state) const {
  std::string out = text::to_json(state.machine->describe());
  for (const Party& party : state.parties) {
    out += party.alive ? "|+" : "|-";
    out += party.on_new ? 'n' : 'o';
    for (const RouteId id : party.up) out += std::to_string(id.value) + ',';
    for (const Letter& letter : party.inbox) {
      out += '<' + std::to_string(static_cast<int>(letter.kind)) + std::to_string(letter.round) +
             (letter.to_new ? 'n' : 'o');
    }
    for (const Reply& reply : party.outbox)
      out += '>' + std::to_string(static_cast<int>(reply.kind)) + std::to_string(reply.round);
  }
  out += '#' + state.durable_key + '/';
  for (const Append& append : state.pending) out += static_cast<char>('0' + static_cast<int>(append.what));
  out += '/';
  for (const JournalNews& news : state.news) {
    out += static_cast<char>('0' + static_cast<int>(news.what));
    out += news.ok ? '+' : '-';
  }
  for (const WriteAccepted& write : state.writes) out += 'w' + std::to_string(write.write);
  out += static_cast<char>('0' + static_cast<int>(state.files));
  out += state.journal_broken ? 'b' : ' ';
  out += state.write_broken ? 'f' : ' ';
  out += state.verifying ? 'v' : ' ';
  out += state.refused ? 'r' : ' ';
  out += state.timer ? std::to_string(*state.timer) : "-";
  if (state.answer) out += std::string(to_string(state.answer->state));
  const Budget& left = state.left;
  for (const int each : {left.nacks, left.deaths, left.lost_messages, left.doubled_answers,
                         left.journal_failures, left.verify_failures, left.write_failures}) {
    out += static_cast<char>('0' + each);
  }
  return out;
}

// ---- the laws ----

const Recovered* Explorer::recovered(const State& state) {
  if (const auto at = folded_.find(state.durable_key); at != folded_.end()) return &at->second;
  std::vector<Entry> entries;
  for (const auto& entry : state.durable) entries.push_back(*entry);
  if (bug_ == Bug::kRecoveryDropsCommit && entries.back().type == journal::RecordType::kCommit &&
      entries.size() > 1) {
    entries.pop_back();
  }
  if (bug_ == Bug::kRecoveryForgetsRollback) {
    std::erase_if(entries, [](const Entry& entry) { return entry.type == journal::RecordType::kRollback; });
  }
  auto folded = fold(entries);
  if (!folded) return nullptr;
  return &folded_.emplace(state.durable_key, std::move(*folded)).first->second;
}

std::string Explorer::crash_violation(const State& state) {
  const Recovered* now = recovered(state);
  if (now == nullptr) return "recovery refuses its own journal";
  if (now->root != old_root_ && now->root != new_root_)
    return "recovery finds a graph that is neither before nor after";
  // What the disk says, read independently of the code under test: the last C (new graph) or B (old graph
  // again).
  const std::size_t last = state.durable_key.find_last_of("CB");
  const bool is_new = last != std::string::npos && state.durable_key[last] == 'C';
  if ((now->root == new_root_) != is_new)
    return "a durable COMMIT is lost (or one that is not durable is believed)";
  std::vector<Entry> entries;
  for (const auto& entry : state.durable) entries.push_back(*entry);
  for (journal::NewRecord& record : repairs(*now)) {
    if (bug_ == Bug::kRecoveryKeepsPrepare && record.type == journal::RecordType::kAbort) continue;
    entries.push_back(
        {.type = record.type, .seq = Seq{entries.back().seq.value + 1}, .payload = record.payload});
  }
  const auto settled = fold(entries);
  if (!settled) return "recovery refuses its own repairs: " + settled.error().message;
  if (settled->prepare || settled->rollback || !repairs(*settled).empty())
    return "recovery leaves something unfinished";
  const std::size_t decided = state.durable_key.find('R');
  const bool back = decided != std::string::npos;
  if (back && settled->root != old_root_) return "a ROLLBACK that was decided is not finished";
  if (!back && settled->root != now->root) return "repairs change a graph nobody decided to change";
  return {};
}

std::string Explorer::answer_violation(const State& state, const Recovered& now) const {
  const Answer& answer = *state.answer;
  const bool forward = answer.state == Settled::kCommitted;
  if (answer.state == Settled::kInDoubt) {
    return state.journal_broken || state.write_broken ? "" : "in doubt although nothing failed";
  }
  if (answer.graph != (forward ? new_root_ : old_root_)) return "the answer names the wrong graph";
  if (now.root != answer.graph) return "the answer and the journal disagree";
  if (now.seq != answer.seq) return "the answer's seq is not the COMMIT in force";
  if (now.rollback) return "answered before the rollback was durable";
  if (forward && state.refused) return "committed although somebody refused or failed to verify";
  if (!forward && answer.reason.message.empty()) return "rolled back without a reason";
  for (std::size_t i = 0; i < state.parties.size(); ++i) {
    const std::string& name = start_.participants[i].name;
    const Party& party = state.parties[i];
    const bool detached = std::binary_search(answer.detached.begin(), answer.detached.end(), name);
    if (!party.alive || detached) continue;
    bool on_new = party.on_new;
    for (const Letter& letter : party.inbox)
      on_new = letter.kind == Letter::Kind::kFlip ? letter.to_new : on_new;
    if (on_new != forward) return "mixed: " + name + " is on the other graph, and the answer does not say so";
  }
  return {};
}

// What lies in the workspace once recovery has done what it says is what belongs to the graph it finds.
std::string Explorer::files_violation(const State& state, const Recovered& now) const {
  if (start_.accepted.empty()) return {};
  State::Files files = state.files;
  const AcceptedChanges back = bug_ == Bug::kRecoveryLeavesFiles ? AcceptedChanges() : unfinished(now);
  if (!back.empty()) files = back == start_.accepted ? State::Files::kNew : State::Files::kOld;
  const bool is_new = now.root == new_root_ && !now.rollback;
  if (files == State::Files::kMixed) return "a crash leaves manifests half written";
  if ((files == State::Files::kNew) != is_new) return "a crash leaves the manifests of another graph";
  return {};
}

std::string Explorer::violation(const State& state) {
  // What a crash leaves depends on the disk alone, so each content of it is judged once.
  auto verdict = crashes_.find(state.durable_key);
  if (verdict == crashes_.end()) verdict = crashes_.emplace(state.durable_key, crash_violation(state)).first;
  if (!verdict->second.empty()) return verdict->second;
  if (std::string files = files_violation(state, *recovered(state)); !files.empty()) return files;
  const bool committed = state.durable_key.find('C') != std::string::npos;
  for (std::size_t i = 0; i < state.parties.size(); ++i) {
    if (state.parties[i].on_new && !committed)
      return start_.participants[i].name + " flipped before COMMIT was durable";
  }
  if (!state.answer) return {};
  ++report_.finished;
  report_.committed += state.answer->state == Settled::kCommitted ? 1U : 0U;
  report_.rolled_back += state.answer->state == Settled::kRolledBack ? 1U : 0U;
  report_.in_doubt += state.answer->state == Settled::kInDoubt ? 1U : 0U;
  return answer_violation(state, *recovered(state));
}

// ---- the world ----

void Explorer::push(State next, std::string what) {
  ++report_.transitions;
  if (observer_) {
    if (std::string refused = observer_(expanded_, what, next); !refused.empty())
      note(next, std::move(refused));
  }
  next.trace = std::make_shared<Step>(std::move(what), next.trace);
  if (seen_.insert(key(next)).second) stack_.push_back(std::move(next));
}

void Explorer::feed(State& state, const Event& event) {
  auto machine = std::make_shared<TwoPhase>(*state.machine);
  const bool answered = machine->finished();
  const std::vector<Action> actions = machine->step(event, Instant{0});
  if (answered && !actions.empty()) note(state, "acts after its answer");
  state.machine = machine;
  perform(state, actions);
}

void Explorer::perform(State& state, const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    if (const auto* append = std::get_if<AppendJournal>(&action)) {
      perform_append(state, *append);
    } else if (const auto* write = std::get_if<WriteAccepted>(&action)) {
      state.writes.push_back(*write);
    } else if (const auto* prepare = std::get_if<Prepare>(&action)) {
      const bool views = prepare->routes.empty();
      if (!views) views_come_first(state);
      perform_letter(state, prepare->participant,
                     {.kind = Letter::Kind::kPrepare,
                      .round = prepare->round,
                      .route = views ? kViewsMark : prepare->routes.front().id});
    } else if (const auto* flip = std::get_if<Flip>(&action)) {
      perform_letter(state, flip->participant,
                     {.kind = Letter::Kind::kFlip, .round = flip->round, .to_new = *flip->graph == target_});
    } else if (const auto* abort = std::get_if<Abort>(&action)) {
      perform_letter(state, abort->participant, {.kind = Letter::Kind::kAbort});
    } else if (std::holds_alternative<Verify>(action)) {
      state.verifying = true;
    } else if (const auto* timer = std::get_if<SetTimer>(&action)) {
      if (bug_ != Bug::kTimerNeverFires) state.timer = timer->timer;
    } else if (const auto* answer = std::get_if<Answer>(&action)) {
      if (state.answer && bug_ == Bug::kNone) note(state, "answers twice");
      state.answer = *answer;
      if (bug_ == Bug::kDoubtIsCalledRollback && answer->state == Settled::kInDoubt) {
        state.answer->state = Settled::kRolledBack;
      }
    }
  }
}

// Views are the whole of what is shown: a route that comes up before they are at hand may have to go again.
void Explorer::views_come_first(const State& state) {
  for (std::size_t i = 0; i < state.parties.size(); ++i) {
    const Party& party = state.parties[i];
    const bool shows = start_.participants[i].shows == Participant::Shows::kViews;
    if (shows && party.alive && std::find(party.up.begin(), party.up.end(), kViewsMark) == party.up.end())
      note(state, "a route is prepared before the views are at hand");
  }
}

void Explorer::perform_append(State& state, const AppendJournal& action) {
  if (bug_ == Bug::kAbortRecordForgotten && action.what == Written::kAbort) return;
  if (action.what == Written::kCommit && bug_ != Bug::kCommitsBeforePrepared) {
    for (std::size_t i = 0; i < state.parties.size(); ++i) {
      std::vector<RouteId> ids = start_.participants[i].routes;
      if (start_.participants[i].shows == Participant::Shows::kViews) ids.push_back(kViewsMark);
      for (const RouteId id : ids) {
        const auto& up = state.parties[i].up;
        const bool prepared = std::find(up.begin(), up.end(), id) != up.end();
        if (state.parties[i].alive && !prepared)
          note(state, "COMMIT although " + start_.participants[i].name + " is not prepared");
      }
    }
  }
  state.pending.push_back(
      {.entry = {.type = action.type, .seq = {}, .payload = action.payload}, .what = action.what});
  if (bug_ == Bug::kFlipBeforeCommitIsDurable && action.what == Written::kCommit) {
    feed(state, Durable{.what = Written::kCommit, .seq = Seq{state.durable.size() + 1}});
  }
  if (bug_ == Bug::kAnswersBeforeFlip && action.what == Written::kCommit) {
    state.answer =
        Answer{.state = Settled::kCommitted, .seq = Seq{state.durable.size() + 1}, .graph = new_root_};
  }
}

void Explorer::perform_letter(State& state, const std::string& name, Letter letter) {
  const auto at = std::find_if(start_.participants.begin(), start_.participants.end(),
                               [&](const Participant& each) { return each.name == name; });
  RTT_ASSERT(at != start_.participants.end());
  Party& party = state.parties[static_cast<std::size_t>(at - start_.participants.begin())];
  const bool back = state.machine->phase() == Phase::kRollbackFlipping;
  if (bug_ == Bug::kRollbackFlipsNobody && letter.kind == Letter::Kind::kFlip && back) {
    party.outbox.push_back({.kind = Reply::Kind::kFlipDone, .round = letter.round});
    return;
  }
  if (bug_ == Bug::kCommitsBeforePrepared && letter.kind == Letter::Kind::kPrepare) {
    party.outbox.push_back({.kind = Reply::Kind::kPrepareDone, .round = letter.round});
  }
  if (party.alive) party.inbox.push_back(letter);
}

void Explorer::deliver(State& state, std::size_t place, const Reply& reply) {
  const std::string& name = start_.participants[place].name;
  const text::Json now = state.machine->describe();
  const auto present = static_cast<std::uint32_t>(now.int_or("round", 0));
  const std::uint32_t round = bug_ == Bug::kStaleAnswersCount ? present : reply.round;
  const bool preparing = now.string_or("phase").find("prepar") != std::string_view::npos;
  switch (reply.kind) {
    case Reply::Kind::kPrepareDone:
      return feed(state, PrepareDone{name, round});
    case Reply::Kind::kFlipDone:
      return feed(state, FlipDone{name, round});
    case Reply::Kind::kNack:
      if (bug_ == Bug::kNackCountsAsDone) {
        return preparing ? feed(state, PrepareDone{name, round}) : feed(state, FlipDone{name, round});
      }
      return feed(state, Nack{name, round, reply.route, failed("not today")});
    case Reply::Kind::kLost:
      state.refused = state.refused || !state.machine->finished();
      if (bug_ == Bug::kLostCountsAsDone) {
        return preparing ? feed(state, PrepareDone{name, present}) : feed(state, FlipDone{name, present});
      }
      return feed(state, ParticipantLost{name, "killed"});
  }
}

bool Explorer::expand_parties(const State& state) {
  bool moves = false;
  for (std::size_t i = 0; i < state.parties.size(); ++i) {
    const Party& party = state.parties[i];
    const std::string& name = start_.participants[i].name;
    if (!party.outbox.empty()) {
      moves = true;
      State next = state;
      next.parties[i].outbox.pop_front();
      deliver(next, i, party.outbox.front());
      push(std::move(next), "answer of " + name + " arrives");
      if (state.left.doubled_answers > 0) {
        State doubled = state;
        --doubled.left.doubled_answers;
        doubled.parties[i].outbox.push_back(party.outbox.front());
        push(std::move(doubled), "answer of " + name + " is doubled");
      }
    }
    if (party.alive && state.left.deaths > 0 && !state.answer) {
      State next = state;
      --next.left.deaths;
      next.parties[i].alive = false;
      next.parties[i].inbox.clear();
      next.parties[i].outbox.push_back({.kind = Reply::Kind::kLost});
      push(std::move(next), name + " dies");
    }
    if (party.inbox.empty()) continue;
    moves = true;
    const Letter letter = party.inbox.front();
    State next = state;
    next.parties[i].inbox.pop_front();
    if (state.left.lost_messages > 0) {
      State lost = next;
      --lost.left.lost_messages;
      push(std::move(lost), "message to " + name + " is lost");
    }
    if (letter.kind == Letter::Kind::kAbort) {
      next.parties[i].up.clear();
      push(std::move(next), name + " drops what it prepared");
      continue;
    }
    const bool prepares = letter.kind == Letter::Kind::kPrepare;
    if (state.left.nacks > 0) {
      State refuses = next;
      --refuses.left.nacks;
      refuses.refused = true;
      refuses.parties[i].outbox.push_back(
          {.kind = Reply::Kind::kNack, .round = letter.round, .route = letter.route});
      push(std::move(refuses), name + " refuses");
    }
    if (prepares) {
      next.parties[i].up.push_back(letter.route);
    } else {
      next.parties[i].on_new = letter.to_new;
    }
    next.parties[i].outbox.push_back(
        {.kind = prepares ? Reply::Kind::kPrepareDone : Reply::Kind::kFlipDone, .round = letter.round});
    push(std::move(next), name + (prepares ? " prepares" : letter.to_new ? " flips" : " flips back"));
  }
  return moves;
}

bool Explorer::expand_journal(const State& state) {
  bool moves = false;
  if (!state.news.empty()) {
    moves = true;
    State next = state;
    const JournalNews news = next.news.front();
    next.news.pop_front();
    if (news.ok) {
      feed(next, Durable{.what = news.what, .seq = news.seq});
    } else {
      feed(next, JournalFailed{failed("disk full")});
    }
    push(std::move(next), "journal reports");
  }
  if (state.pending.empty()) return moves;
  constexpr std::string_view kMarks = "PCARB";  // by Written: B is the COMMIT of the old graph
  const auto write = [&](State& next) {
    Append append = next.pending.front();
    append.entry.seq = Seq{next.durable.size() + 1};
    next.durable.push_back(std::make_shared<Entry>(std::move(append.entry)));
    next.durable_key += kMarks[static_cast<std::size_t>(append.what)];
  };
  State next = state;
  const Written what = state.pending.front().what;
  if (!state.journal_broken) {
    write(next);
    next.news.push_back({.what = what, .seq = next.durable.back()->seq});
    next.pending.pop_front();
    push(std::move(next), "journal writes");
  } else {
    next.pending.pop_front();
    next.news.push_back({.what = what, .ok = false});
    push(std::move(next), "journal refuses");
  }
  if (state.journal_broken || state.left.journal_failures == 0) return true;
  for (const bool written : {false, true}) {
    State breaks = state;
    --breaks.left.journal_failures;
    breaks.journal_broken = true;
    if (written) write(breaks);
    breaks.pending.pop_front();
    breaks.news.push_back({.what = what, .ok = false});
    push(std::move(breaks), written ? "journal fails after writing" : "journal fails");
  }
  return true;
}

bool Explorer::expand_rest(const State& state) {
  bool moves = false;
  if (state.verifying) {
    moves = true;
    State next = state;
    next.verifying = false;
    feed(next, VerifyOk{});
    push(std::move(next), "verified");
    if (state.left.verify_failures > 0) {
      State fails = state;
      --fails.left.verify_failures;
      fails.verifying = false;
      fails.refused = fails.refused || state.machine->phase() == Phase::kVerifying;
      if (bug_ == Bug::kVerifyFailureIgnored) {
        feed(fails, VerifyOk{});
      } else {
        feed(fails, VerifyFailed{failed("a call came back wrong")});
      }
      push(std::move(fails), "verification fails");
    }
  }
  if (state.timer) {
    moves = true;
    State next = state;
    next.timer.reset();
    feed(next, Timeout{*state.timer});
    push(std::move(next), "timer fires");
  }
  return moves;
}

bool Explorer::expand_files(const State& state) {
  if (state.writes.empty()) return false;
  const WriteAccepted write = state.writes.front();
  State next = state;
  next.writes.pop_front();
  if (state.left.write_failures > 0) {
    State fails = next;
    --fails.left.write_failures;
    fails.files = State::Files::kMixed;
    fails.write_broken = true;
    if (bug_ == Bug::kWriteFailureIgnored) {
      feed(fails, AcceptedWritten{write.write});
    } else {
      fails.refused = true;
      feed(fails, AcceptedFailed{write.write, failed("disk full")});
    }
    push(std::move(fails), "manifests are half written");
  }
  next.files = write.changes == start_.accepted ? State::Files::kNew : State::Files::kOld;
  feed(next, AcceptedWritten{write.write});
  push(std::move(next), "manifests are written");
  return true;
}

bool Explorer::expand(const State& state) {
  const bool parties = expand_parties(state);
  const bool journal = expand_journal(state);
  const bool files = expand_files(state);
  const bool rest = expand_rest(state);
  return parties || journal || files || rest;
}

}  // namespace rtt::apply
