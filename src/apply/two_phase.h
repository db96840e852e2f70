// SPDX-License-Identifier: Apache-2.0
// TwoPhase: how one plan becomes the graph, as a step machine without clock, file or socket.
//
//     idle → preparing → committing → flipping → verifying → done
//              │ NACK, loss, timeout      │ loss, timeout, verify failed
//              ▼                          ▼
//           aborting → done            rolling back: journal → prepare → commit → flip → done
//
// Order, and so what every crash leaves behind: PREPARE durable → participants prepare batch by batch
// (plan.order) → COMMIT durable → flip → verify → Answer. Before COMMIT is durable everything is dropped
// (ABORT); after it nothing is lost: it is finished, or taken back by ROLLBACK and a second COMMIT whose
// graph root is the old one. While rolling back, participants that are lost, refuse or are late are left
// behind (their routes wait), so it always ends. When the journal fails while a COMMIT or ROLLBACK is being
// written nobody knows what the disk holds: the machine stops with kInDoubt, touches no participant, and
// recovery decides.
//
// What a plan accepts of MCP servers besides is files of the workspace: they are written once PREPARE is
// durable and before anybody is asked to prepare, so the COMMIT ends that too, and put back before the ABORT
// or the second COMMIT. Where they cannot be put back the machine stops with kInDoubt and leaves it to
// recovery. Events that are late, repeated or meant for an earlier round are ignored, so the shell
// may deliver anything in any order.
//
// The shell performs the returned actions in order and feeds back what happened. One machine carries one
// plan.
//
// Owns: the plan and both graphs.   Thread: the panel's loop.   Fails: never; a failure is an Answer with its
// reason. Limits: kParticipantsMax; timers of TwoPhaseOptions.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "apply/records.h"
#include "base/units.h"
#include "model/plan.h"

namespace rtt::apply {

inline constexpr std::size_t kParticipantsMax = 4096;

// One driver instance that the plan touches. A route nobody prepares stays `waiting`.
struct Participant {
  std::string name;
  std::vector<RouteId> routes;      // of plan.routes_add: what it must bring up before COMMIT
  std::vector<RouteId> restores{};  // of plan.routes_del: to bring up again if the plan is taken back
  enum class Shows : std::uint8_t { kNothing, kViews } shows = Shows::kNothing;  // what providers see
  friend bool operator==(const Participant&, const Participant&) = default;
};

struct TwoPhaseOptions {
  Nanos prepare_max = nanos_from_ms(30'000);  // each batch
  Nanos flip_max = nanos_from_ms(2'000);
  Nanos verify_max = nanos_from_ms(5'000);
  Nanos rollback_max = nanos_from_ms(5'000);  // each step of a rollback
};

// ---- events ----
struct Start {
  model::Plan plan;
  Digest plan_id;
  model::Graph base;  // REQUIRES: graph_root(base) == plan.base
  Seq base_seq;       // of the COMMIT that made it
  std::vector<Participant> participants;
  std::string who;
  Verb verb = Verb::kApply;
  std::string reason;
  AcceptedChanges accepted{};
};
struct PrepareDone {
  std::string participant;
  std::uint32_t round = 0;  // of the Prepare it answers
};
struct Nack {  // "I will not": names the route when there is one
  std::string participant;
  std::uint32_t round = 0;
  RouteId route;
  Error error;
};
enum class Written : std::uint8_t { kPrepare, kCommit, kAbort, kRollback, kRollbackCommit };
struct Durable {
  Written what = Written::kPrepare;
  Seq seq;
};
struct JournalFailed {
  Error error;
};
struct AcceptedWritten {
  std::uint32_t write = 0;  // of the WriteAccepted it answers
};
struct AcceptedFailed {  // some of the files may be written
  std::uint32_t write = 0;
  Error error;
};
struct FlipDone {
  std::string participant;
  std::uint32_t round = 0;
};
struct VerifyOk {};
struct VerifyFailed {
  Error error;
};
struct Timeout {
  std::uint32_t timer = 0;  // of SetTimer; older ones are ignored
};
struct ParticipantLost {
  std::string participant;
  std::string reason;
};
using Event = std::variant<Start, PrepareDone, Nack, Durable, JournalFailed, AcceptedWritten, AcceptedFailed,
                           FlipDone, VerifyOk, VerifyFailed, Timeout, ParticipantLost>;

// ---- actions ----
struct AppendJournal {  // answer: Durable{what, seq} or JournalFailed
  journal::RecordType type = journal::RecordType::kPrepare;
  text::Json payload;  // without ts
  Written what = Written::kPrepare;
};
struct StoreGraph {  // a graph too large to stand in the COMMIT that follows: store it durably first
  model::Graph graph;
};
inline constexpr std::uint32_t kOwnWrite = 1;  // of the plan itself; those after it put back what was before
struct WriteAccepted {  // make the files what `after` says; answer: AcceptedWritten or AcceptedFailed
  std::uint32_t write = 0;
  AcceptedChanges changes;
};
struct Prepare {  // answer: PrepareDone or Nack, with this round
  std::string participant;
  std::uint32_t round = 0;
  std::vector<model::Route> routes;
  std::vector<model::View> views{};  // to have ready
};
struct Flip {  // answer: FlipDone with this round
  std::string participant;
  std::uint32_t round = 0;
  model::Graph graph;
};
struct Abort {  // drop what was prepared; no answer expected
  std::string participant;
};
struct Verify {  // answer: VerifyOk or VerifyFailed
  model::Graph graph;
};
struct SetTimer {  // answer: Timeout{timer}; replaces any earlier one
  std::uint32_t timer = 0;
  Instant deadline;
};
enum class Settled : std::uint8_t {
  kCommitted,
  kRolledBack,  // the graph is the one from before; `reason` says why
  kUnchanged,   // nothing to do
  kInDoubt,     // the journal failed under a COMMIT: answer kIo, stop, let recovery decide
};
std::string_view to_string(Settled settled);
struct Answer {
  Settled state = Settled::kUnchanged;
  Seq seq;         // of the COMMIT whose graph is now the truth
  Digest graph;    // its root
  Error reason{};  // kRolledBack, kInDoubt: names participant, route and why; else an empty message
  // Sorted. Who did not confirm that graph: gone, or silent through a rollback. REQUIRES of the shell: carry
  // no frame of theirs until they attach again and are given the graph in force.
  std::vector<std::string> detached{};
};
using Action =
    std::variant<AppendJournal, StoreGraph, WriteAccepted, Prepare, Flip, Abort, Verify, SetTimer, Answer>;

enum class Phase : std::uint8_t {
  kIdle,
  kPreparing,
  kCommitting,
  kFlipping,
  kVerifying,
  kAborting,
  kRollbackJournal,
  kRollbackPreparing,
  kRollbackCommitting,
  kRollbackFlipping,
  kDone,
};
std::string_view to_string(Phase phase);

class TwoPhase {
 public:
  explicit TwoPhase(TwoPhaseOptions options = {}) : options_(options) {}

  // REQUIRES: Start exactly once, as the first event.
  std::vector<Action> step(const Event& event, Instant now);

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] bool finished() const { return phase_ == Phase::kDone; }
  // Everything the next step depends on, for status, and for the explorer to tell states apart.
  [[nodiscard]] text::Json describe() const;

 private:
  using Actions = std::vector<Action>;
  Actions on(const Start& event, Instant now);
  Actions on(const PrepareDone& event, Instant now);
  Actions on(const Nack& event, Instant now);
  Actions on(const Durable& event, Instant now);
  Actions on(const JournalFailed& event, Instant now);
  Actions on(const AcceptedWritten& event, Instant now);
  Actions on(const AcceptedFailed& event, Instant now);
  Actions on(const FlipDone& event, Instant now);
  Actions on(const VerifyOk& event, Instant now);
  Actions on(const VerifyFailed& event, Instant now);
  Actions on(const Timeout& event, Instant now);
  Actions on(const ParticipantLost& event, Instant now);

  Actions begin_round(Instant now);  // prepares the views, then the next batch that needs somebody
  void ask(Actions& actions, const Participant& participant, Prepare prepare);
  Actions write_commit();  // all batches are up
  Actions begin_flip(Instant now);
  Actions begin_verify(Instant now);
  Actions write_accepted(AcceptedChanges changes);
  Actions abort(Error reason);
  Actions write_abort();
  Actions roll_back(Error reason);
  Actions settle(Settled state, Seq seq);
  SetTimer timer(Instant now, Nanos after);
  [[nodiscard]] bool rolling_back() const;
  [[nodiscard]] std::vector<model::Route> share_of(const Participant& participant) const;  // in this batch
  bool settle_debt(const std::string& participant, std::uint32_t round);  // whether it owed an answer
  Actions round_over(Instant now);
  Actions trouble(Error reason, Instant now);  // somebody refused, is gone or late
  [[nodiscard]] Error named(Code code, const std::string& who, RouteId route, const Error& cause) const;

  TwoPhaseOptions options_;
  Phase phase_ = Phase::kIdle;
  model::Plan plan_;  // turned round while rolling back
  Digest plan_id_;
  model::Graph base_, target_;
  Seq base_seq_, commit_seq_;
  std::vector<Participant> participants_;  // sorted by name
  std::vector<std::string> lost_;          // sorted; never asked again
  std::vector<std::string> asked_;         // sorted; got a Prepare, so an Abort is due
  std::vector<std::string> waiting_;       // sorted; owe an answer in this round
  std::vector<std::string> unconfirmed_;   // sorted; refused the last Flip of a rollback, or were too late
  std::size_t batch_ = 0;                  // next entry of the order
  bool views_begun_ = false;               // they come before the first batch
  std::uint32_t round_ = 0, timer_ = 0;
  AcceptedChanges accepted_;
  std::uint32_t write_ = 0;  // the last WriteAccepted, 0: no file was touched
  bool writing_ = false;     // it is not answered
  std::string who_, why_;
  Verb verb_ = Verb::kApply;
  Error reason_;
};

}  // namespace rtt::apply
