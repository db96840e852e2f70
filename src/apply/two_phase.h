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
#include <memory>
#include <string>
#include <vector>

#include "apply/two_phase_messages.h"
#include "base/units.h"
#include "model/plan.h"

namespace rtt::apply {

struct TwoPhaseOptions {
  Nanos prepare_max = nanos_from_ms(30'000);  // each batch
  Nanos flip_max = nanos_from_ms(2'000);
  Nanos verify_max = nanos_from_ms(5'000);
  Nanos rollback_max = nanos_from_ms(5'000);  // each step of a rollback
  friend bool operator==(const TwoPhaseOptions&, const TwoPhaseOptions&) = default;
};

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
  // The graph of this root, if it is the one the plan starts from or the one it leads to.
  [[nodiscard]] SharedGraph graph_with(const Digest& root) const;
  // REQUIRES: it is one of these two, as an action names it.
  [[nodiscard]] Digest root_of(const SharedGraph& graph) const;
  // Everything the next step depends on, for status, and for the explorer to tell states apart.
  [[nodiscard]] text::Json describe() const;
  // Of machines that were given the same Start.
  friend bool operator==(const TwoPhase&, const TwoPhase&) = default;

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

  // What does not change from Start on; the way back is the plan turned round.
  struct Job {
    Start start;  // participants sorted by name
    model::Plan back;
    SharedGraph base, target;
    Digest base_root, target_root;
    std::shared_ptr<const std::string> target_text;  // canonical JSON: hashed, measured and stored
  };
  [[nodiscard]] const AcceptedChanges& accepted() const { return job_->start.accepted; }
  [[nodiscard]] const model::Plan& plan() const { return way_back_ ? job_->back : job_->start.plan; }

  TwoPhaseOptions options_;
  std::shared_ptr<const Job> job_;  // shared by the copies of a machine: explorers make many
  Phase phase_ = Phase::kIdle;
  bool way_back_ = false;  // a ROLLBACK is durable
  Seq commit_seq_;
  std::vector<std::string> lost_;         // sorted; never asked again
  std::vector<std::string> asked_;        // sorted; got a Prepare, so an Abort is due
  std::vector<std::string> waiting_;      // sorted; owe an answer in this round
  std::vector<std::string> unconfirmed_;  // sorted; refused the last Flip of a rollback, or were too late
  std::size_t batch_ = 0;                 // next entry of the order
  bool views_begun_ = false;              // they come before the first batch
  std::uint32_t round_ = 0, timer_ = 0;
  std::uint32_t write_ = 0;  // the last WriteAccepted, 0: no file was touched
  bool writing_ = false;     // it is not answered
  Error reason_;
};

}  // namespace rtt::apply
