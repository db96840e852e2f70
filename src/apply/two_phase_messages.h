// SPDX-License-Identifier: Apache-2.0
// What TwoPhase (two_phase.h) is told and what it asks for, as values.
//
// Thread: any (values).   Units: none.   Fails: never.   Limits: kParticipantsMax participants a plan.
#pragma once

#include <cstdint>
#include <memory>
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
// A graph as the machine and its actions share it: nobody changes one, and 10,000 routes are not copied for
// each participant.
using SharedGraph = std::shared_ptr<const model::Graph>;
struct StoreGraph {  // a graph too large to stand in the COMMIT that follows: store it durably first
  Digest root;
  std::shared_ptr<const std::string> text;  // its canonical JSON, of which the root is the hash
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
  SharedGraph graph;
};
struct Abort {  // drop what was prepared; no answer expected
  std::string participant;
};
struct Verify {  // answer: VerifyOk or VerifyFailed
  SharedGraph graph;
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

}  // namespace rtt::apply
