// SPDX-License-Identifier: Apache-2.0
#include "apply/two_phase.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/assert.h"
#include "crypto/sha256.h"
#include "text/json_canonical.h"

namespace rtt::apply {
namespace {

using model::Route;

constexpr std::array<std::string_view, 11> kPhaseNames{
    "idle",     "preparing",        "committing",      "flipping",      "verifying", "aborting",
    "rollback", "rollback-prepare", "rollback-commit", "rollback-flip", "done"};

// Sorted vectors of names as sets: a plan has few participants and their order must not matter.
void insert(std::vector<std::string>& names, const std::string& name) {
  const auto at = std::lower_bound(names.begin(), names.end(), name);
  if (at == names.end() || *at != name) names.insert(at, name);
}
bool erase(std::vector<std::string>& names, const std::string& name) {
  const auto at = std::lower_bound(names.begin(), names.end(), name);
  if (at == names.end() || *at != name) return false;
  names.erase(at);
  return true;
}
bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::binary_search(names.begin(), names.end(), name);
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

text::Json json_of(const std::vector<std::string>& names) {
  text::JsonArray out;
  for (const std::string& name : names) out.emplace_back(name);
  return text::Json(std::move(out));
}

// Ids of the adds in one batch of the order ("A7" -> 7), sorted.
std::vector<RouteId> adds_in(const std::vector<std::string>& batch) {
  std::vector<RouteId> out;
  for (const std::string& entry : batch) {
    RouteId id;
    if (entry.starts_with('A')) std::from_chars(entry.data() + 1, entry.data() + entry.size(), id.value);
    if (id.value != 0) out.push_back(id);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Whether the order names every edit of the plan exactly once: a route it left out would be committed
// unprepared.
bool order_is_whole(const model::Plan& plan) {
  std::vector<std::string> named, wanted;
  for (const auto& batch : plan.order) named.insert(named.end(), batch.begin(), batch.end());
  for (const Route& route : plan.routes_add) wanted.push_back("A" + std::to_string(route.id.value));
  for (const Route& route : plan.routes_del) wanted.push_back("D" + std::to_string(route.id.value));
  std::sort(named.begin(), named.end());
  std::sort(wanted.begin(), wanted.end());
  return named == wanted;
}

}  // namespace

std::string_view to_string(Settled settled) {
  constexpr std::array<std::string_view, 4> kNames{"committed", "rolled_back", "unchanged", "in_doubt"};
  return kNames[static_cast<std::size_t>(settled)];
}
std::string_view to_string(Phase phase) { return kPhaseNames[static_cast<std::size_t>(phase)]; }

std::vector<Action> TwoPhase::step(const Event& event, Instant now) {
  return std::visit([&](const auto& each) { return on(each, now); }, event);
}

bool TwoPhase::rolling_back() const {
  return phase_ == Phase::kRollbackJournal || phase_ == Phase::kRollbackPreparing ||
         phase_ == Phase::kRollbackCommitting || phase_ == Phase::kRollbackFlipping;
}

// ---- events ----

TwoPhase::Actions TwoPhase::on(const Start& event, Instant /*now*/) {
  RTT_ASSERT(phase_ == Phase::kIdle);
  auto job = std::make_shared<Job>(Job{.start = event,
                                       .back = model::inverse(event.plan),
                                       .base = std::make_shared<const model::Graph>(event.base),
                                       .base_root = event.plan.base});
  std::vector<Participant>& participants = job->start.participants;
  std::sort(participants.begin(), participants.end(),
            [](const Participant& a, const Participant& b) { return a.name < b.name; });
  for (Participant& each : participants) {
    std::sort(each.routes.begin(), each.routes.end());
    std::sort(each.restores.begin(), each.restores.end());
  }
  auto target = model::apply_to(event.base, event.plan);
  if (!target) {  // the base may not be what the plan says it is
    job->base_root = model::graph_root(event.base);
    job_ = std::move(job);
    reason_ = std::move(target).error();
    return settle(Settled::kRolledBack, event.base_seq);
  }
  job->target_text = std::make_shared<const std::string>(text::canonical_json(model::to_json(*target)));
  job->target_root = crypto::sha256(*job->target_text);
  job->target = std::make_shared<const model::Graph>(std::move(*target));
  job_ = std::move(job);
  // A promotion ends the canary even where the canary was the whole plan.
  if (plan().empty() && event.accepted.empty() && event.verb != Verb::kPromote)
    return settle(Settled::kUnchanged, event.base_seq);
  if (event.participants.size() > kParticipantsMax) {
    reason_ = Error{.code = Code::kLimit,
                    .message = std::to_string(event.participants.size()) + " driver instances in one plan, " +
                               std::to_string(kParticipantsMax) + " is the limit"};
    return settle(Settled::kRolledBack, event.base_seq);
  }
  if (!order_is_whole(plan())) {
    reason_ = Error{.code = Code::kBadShape,
                    .message = "the order of the plan does not name each of its routes once"};
    return settle(Settled::kRolledBack, event.base_seq);
  }
  phase_ = Phase::kPreparing;
  const PrepareRecord record{
      .plan_id = event.plan_id, .base = job_->base_root, .who = event.who, .accepted = event.accepted};
  return {AppendJournal{journal::RecordType::kPrepare, to_json(record), Written::kPrepare}};
}

TwoPhase::Actions TwoPhase::on(const PrepareDone& event, Instant now) {
  if (phase_ != Phase::kPreparing && phase_ != Phase::kRollbackPreparing) return {};
  if (!settle_debt(event.participant, event.round)) return {};
  return round_over(now);
}

TwoPhase::Actions TwoPhase::on(const Nack& event, Instant now) {
  if (!settle_debt(event.participant, event.round)) return {};
  if (phase_ == Phase::kRollbackFlipping) insert(unconfirmed_, event.participant);
  return trouble(named(Code::kNack, event.participant, event.route, event.error), now);
}

TwoPhase::Actions TwoPhase::on(const Durable& event, Instant now) {
  switch (event.what) {
    case Written::kPrepare:
      if (phase_ != Phase::kPreparing || round_ != 0 || write_ != 0) return {};
      return accepted().empty() ? begin_round(now) : write_accepted(accepted());
    case Written::kCommit:
      if (phase_ != Phase::kCommitting) return {};
      commit_seq_ = event.seq;
      if (lost_.empty()) return begin_flip(now);
      return roll_back(reason_);
    case Written::kAbort:
      if (phase_ != Phase::kAborting || writing_) return {};
      return settle(Settled::kRolledBack, job_->start.base_seq);
    case Written::kRollback:
      if (phase_ != Phase::kRollbackJournal) return {};
      phase_ = Phase::kRollbackPreparing;
      way_back_ = true;  // what was deleted is brought up again, in reverse order
      batch_ = 0;
      views_begun_ = false;
      return accepted().empty() ? begin_round(now) : write_accepted(inverse(accepted()));
    case Written::kRollbackCommit:
      if (phase_ != Phase::kRollbackCommitting) return {};
      commit_seq_ = event.seq;
      return begin_flip(now);
  }
  RTT_ASSERT(false);
}

TwoPhase::Actions TwoPhase::on(const JournalFailed& event, Instant /*now*/) {
  switch (phase_) {
    case Phase::kPreparing:
      if (round_ != 0 || write_ != 0) return {};  // nothing of ours is being written
      reason_ = event.error;
      return settle(Settled::kRolledBack, job_->start.base_seq);
    case Phase::kAborting:  // a PREPARE without ABORT is dropped by recovery just the same
      if (writing_) return {};
      return settle(Settled::kRolledBack, job_->start.base_seq);
    case Phase::kCommitting:
      reason_ = event.error;
      return settle(Settled::kInDoubt, job_->start.base_seq);
    case Phase::kRollbackJournal:
    case Phase::kRollbackCommitting:
      reason_ = event.error;
      return settle(Settled::kInDoubt, commit_seq_);
    case Phase::kIdle:
    case Phase::kFlipping:
    case Phase::kVerifying:
    case Phase::kRollbackPreparing:
    case Phase::kRollbackFlipping:
    case Phase::kDone:
      return {};
  }
  RTT_ASSERT(false);
}

TwoPhase::Actions TwoPhase::on(const AcceptedWritten& event, Instant now) {
  if (!writing_ || event.write != write_) return {};
  writing_ = false;
  return phase_ == Phase::kAborting ? write_abort() : begin_round(now);
}

TwoPhase::Actions TwoPhase::on(const AcceptedFailed& event, Instant /*now*/) {
  if (!writing_ || event.write != write_) return {};
  writing_ = false;
  if (phase_ == Phase::kPreparing) return abort(event.error);
  reason_ = event.error;
  return settle(Settled::kInDoubt, phase_ == Phase::kAborting ? job_->start.base_seq : commit_seq_);
}

TwoPhase::Actions TwoPhase::on(const FlipDone& event, Instant now) {
  if (phase_ != Phase::kFlipping && phase_ != Phase::kRollbackFlipping) return {};
  if (!settle_debt(event.participant, event.round)) return {};
  return round_over(now);
}

TwoPhase::Actions TwoPhase::on(const VerifyOk& /*event*/, Instant /*now*/) {
  if (phase_ != Phase::kVerifying) return {};
  return settle(Settled::kCommitted, commit_seq_);
}

TwoPhase::Actions TwoPhase::on(const VerifyFailed& event, Instant /*now*/) {
  if (phase_ != Phase::kVerifying) return {};
  return roll_back(event.error);
}

TwoPhase::Actions TwoPhase::on(const Timeout& event, Instant now) {
  if (event.timer != timer_) return {};
  const std::string names = joined(waiting_);
  const bool asked = phase_ == Phase::kPreparing || phase_ == Phase::kFlipping || rolling_back();
  if ((asked && waiting_.empty()) || (!asked && phase_ != Phase::kVerifying)) return {};
  if (phase_ == Phase::kRollbackFlipping) {  // nobody waits any longer, so nobody else can confirm
    for (const std::string& name : waiting_) insert(unconfirmed_, name);
  }
  waiting_.clear();
  Error late{.code = Code::kDeadline,
             .message = phase_ == Phase::kVerifying
                            ? "the new wiring did not prove itself in time"
                            : "no answer in time from " + names + " while " + std::string(to_string(phase_))};
  return trouble(std::move(late), now);
}

TwoPhase::Actions TwoPhase::on(const ParticipantLost& event, Instant now) {
  const bool known = std::any_of(job_->start.participants.begin(), job_->start.participants.end(),
                                 [&](const Participant& each) { return each.name == event.participant; });
  if (!known || phase_ == Phase::kIdle || finished()) return {};
  insert(lost_, event.participant);
  const bool owed = erase(waiting_, event.participant);
  if (rolling_back() && !owed) return {};
  const Error cause{.code = Code::kLost, .message = event.reason.empty() ? "it ended" : event.reason};
  return trouble(named(Code::kNack, event.participant, {}, cause), now);
}

// ---- phases ----

std::vector<Route> TwoPhase::share_of(const Participant& participant) const {
  const std::vector<RouteId> batch = adds_in(plan().order[batch_]);
  const auto& mine = rolling_back() ? participant.restores : participant.routes;
  std::vector<Route> out;
  for (const Route& route : plan().routes_add) {
    const bool in_batch = std::binary_search(batch.begin(), batch.end(), route.id);
    if (in_batch && std::binary_search(mine.begin(), mine.end(), route.id)) out.push_back(route);
  }
  return out;
}

TwoPhase::Actions TwoPhase::begin_round(Instant now) {
  ++round_;
  waiting_.clear();
  Actions actions;
  if (!std::exchange(views_begun_, true)) {  // all that will be shown, for one that stays may have been lost
    for (const Participant& participant : job_->start.participants) {
      if (participant.shows == Participant::Shows::kViews && !contains(lost_, participant.name))
        ask(actions, participant, {.views = rolling_back() ? job_->base->views : job_->target->views});
    }
  }
  for (; batch_ < plan().order.size() && actions.empty(); ++batch_) {
    for (const Participant& participant : job_->start.participants) {
      if (contains(lost_, participant.name)) continue;
      std::vector<Route> routes = share_of(participant);
      if (!routes.empty()) ask(actions, participant, {.routes = std::move(routes)});
    }
  }
  if (actions.empty()) return write_commit();
  actions.push_back(timer(now, rolling_back() ? options_.rollback_max : options_.prepare_max));
  return actions;
}

void TwoPhase::ask(Actions& actions, const Participant& participant, Prepare prepare) {
  insert(waiting_, participant.name);
  insert(asked_, participant.name);
  prepare.participant = participant.name;
  prepare.round = round_;
  actions.emplace_back(std::move(prepare));
}

TwoPhase::Actions TwoPhase::write_commit() {
  const bool back = rolling_back();
  phase_ = back ? Phase::kRollbackCommitting : Phase::kCommitting;
  const SharedGraph& graph = back ? job_->base : job_->target;
  const auto text = back ? std::make_shared<const std::string>(text::canonical_json(model::to_json(*graph)))
                         : job_->target_text;
  const bool is_inline = text->size() <= kInlineGraphBytesMax;
  CommitRecord record{.plan_id = job_->start.plan_id,
                      .before = back ? job_->target_root : job_->base_root,
                      .after = back ? job_->base_root : job_->target_root,
                      .graph = is_inline ? std::optional(*graph) : std::nullopt,
                      .who = job_->start.who,
                      .action = back ? Verb::kRollback : job_->start.verb,
                      .reason = back ? reason_.message : job_->start.reason,
                      .accepted = back ? inverse(accepted()) : accepted()};
  Actions actions;
  if (!is_inline) actions.push_back(StoreGraph{record.after, text});
  actions.push_back(AppendJournal{journal::RecordType::kCommit, to_json(record),
                                  back ? Written::kRollbackCommit : Written::kCommit});
  return actions;
}

TwoPhase::Actions TwoPhase::begin_flip(Instant now) {
  const bool back = rolling_back();
  phase_ = back ? Phase::kRollbackFlipping : Phase::kFlipping;
  ++round_;
  waiting_.clear();
  Actions actions;
  for (const Participant& participant : job_->start.participants) {
    if (contains(lost_, participant.name)) continue;
    insert(waiting_, participant.name);
    actions.push_back(Flip{participant.name, round_, back ? job_->base : job_->target});
  }
  if (waiting_.empty()) return round_over(now);
  actions.push_back(timer(now, back ? options_.rollback_max : options_.flip_max));
  return actions;
}

TwoPhase::Actions TwoPhase::begin_verify(Instant now) {
  phase_ = Phase::kVerifying;
  return {Verify{job_->target}, timer(now, options_.verify_max)};
}

TwoPhase::Actions TwoPhase::round_over(Instant now) {
  if (!waiting_.empty()) return {};
  switch (phase_) {
    case Phase::kPreparing:
    case Phase::kRollbackPreparing:
      return begin_round(now);
    case Phase::kFlipping:
      return begin_verify(now);
    case Phase::kRollbackFlipping:
      return settle(Settled::kRolledBack, commit_seq_);
    case Phase::kIdle:
    case Phase::kCommitting:
    case Phase::kVerifying:
    case Phase::kAborting:
    case Phase::kRollbackJournal:
    case Phase::kRollbackCommitting:
    case Phase::kDone:
      return {};
  }
  RTT_ASSERT(false);
}

TwoPhase::Actions TwoPhase::trouble(Error reason, Instant now) {
  switch (phase_) {
    case Phase::kPreparing:
      return abort(std::move(reason));
    case Phase::kCommitting:  // the COMMIT may be on disk already: first learn, then take it back
      if (reason_.message.empty()) reason_ = std::move(reason);
      return {};
    case Phase::kFlipping:
    case Phase::kVerifying:
      return roll_back(std::move(reason));
    case Phase::kRollbackPreparing:  // the way back goes on without whoever is in its way
    case Phase::kRollbackFlipping:
      return round_over(now);
    case Phase::kRollbackJournal:
    case Phase::kRollbackCommitting:
    case Phase::kAborting:
    case Phase::kIdle:
    case Phase::kDone:
      return {};
  }
  RTT_ASSERT(false);
}

TwoPhase::Actions TwoPhase::write_accepted(AcceptedChanges changes) {
  writing_ = true;
  return {WriteAccepted{.write = ++write_, .changes = std::move(changes)}};
}

TwoPhase::Actions TwoPhase::abort(Error reason) {
  phase_ = Phase::kAborting;
  waiting_.clear();
  reason_ = std::move(reason);
  Actions actions;
  for (const std::string& name : asked_) {
    if (!contains(lost_, name)) actions.push_back(Abort{name});
  }
  for (Action& action : write_ == 0 ? write_abort() : write_accepted(inverse(accepted())))
    actions.push_back(std::move(action));
  return actions;
}

TwoPhase::Actions TwoPhase::write_abort() {
  const AbortRecord record{.plan_id = job_->start.plan_id, .reason = reason_.message};
  return {AppendJournal{journal::RecordType::kAbort, to_json(record), Written::kAbort}};
}

TwoPhase::Actions TwoPhase::roll_back(Error reason) {
  phase_ = Phase::kRollbackJournal;
  waiting_.clear();
  reason_ = std::move(reason);
  const RollbackRecord record{
      .to_seq = job_->start.base_seq, .plan_id = job_->start.plan_id, .reason = reason_.message};
  return {AppendJournal{journal::RecordType::kRollback, to_json(record), Written::kRollback}};
}

TwoPhase::Actions TwoPhase::settle(Settled state, Seq seq) {
  const bool forward =
      state == Settled::kCommitted ||
      (state == Settled::kInDoubt && phase_ != Phase::kCommitting && phase_ != Phase::kAborting);
  phase_ = Phase::kDone;
  waiting_.clear();
  Answer answer{.state = state, .seq = seq, .graph = forward ? job_->target_root : job_->base_root};
  if (state == Settled::kRolledBack || state == Settled::kInDoubt) answer.reason = reason_;
  answer.detached = lost_;
  for (const std::string& name : unconfirmed_) insert(answer.detached, name);
  return {std::move(answer)};
}

// ---- small parts ----

SetTimer TwoPhase::timer(Instant now, Nanos after) { return {.timer = ++timer_, .deadline = now + after}; }

bool TwoPhase::settle_debt(const std::string& participant, std::uint32_t round) {
  return round == round_ && erase(waiting_, participant);
}

Error TwoPhase::named(Code code, const std::string& who, RouteId route, const Error& cause) const {
  std::string what = who + " refused";
  std::string where;
  for (const auto* routes : {&plan().routes_add, &plan().routes_del}) {
    for (const Route& each : *routes) {
      if (route.value != 0 && each.id == route && where.empty()) where = model::route_name(each);
    }
  }
  if (!where.empty()) what += " route " + std::to_string(route.value) + " (" + where + ")";
  Error out{.code = code,
            .message = what + " while " + std::string(to_string(phase_)) + " plan " +
                       rtt::to_string(job_->start.plan_id) + ": " + cause.message,
            .where = where.empty() ? who : where,
            .hint = cause.hint,
            .causes = cause.causes};
  if (out.causes.size() < kErrorCausesMax) {
    out.causes.insert(out.causes.begin(), code_name(cause.code) + ": " + cause.message);
  }
  return out;
}

SharedGraph TwoPhase::graph_with(const Digest& root) const {
  if (!job_) return nullptr;
  if (job_->target && job_->target_root == root) return job_->target;
  return job_->base_root == root ? job_->base : nullptr;
}

Digest TwoPhase::root_of(const SharedGraph& graph) const {
  RTT_ASSERT(job_ && (graph == job_->base || graph == job_->target));
  return graph == job_->base ? job_->base_root : job_->target_root;
}

text::Json TwoPhase::describe() const {
  return text::Json::object({{"asked", json_of(asked_)},
                             {"batch", batch_},
                             {"commit_seq", commit_seq_.value},
                             {"lost", json_of(lost_)},
                             {"phase", to_string(phase_)},
                             {"reason", reason_.message},
                             {"round", round_},
                             {"timer", timer_},
                             {"unconfirmed", json_of(unconfirmed_)},
                             {"views", views_begun_},
                             {"way_back", way_back_},
                             {"waiting", json_of(waiting_)},
                             {"write", write_},
                             {"writing", writing_}});
}

}  // namespace rtt::apply
