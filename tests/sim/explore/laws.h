// SPDX-License-Identifier: Apache-2.0
// Laws: what must hold in every state and at every end, one name each, so that a search says which one fell.
//
// Safety laws fall in a state; liveness laws say that a run goes on, and ends as it should.
// Thread: any.   Fails: never.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace rtt::explore {

enum class Law : std::uint8_t {
  kHolds,
  // safety
  kRecoveryRefuses,
  kRecoveryMixed,
  kCommitLost,
  kRecoveryUnsettled,
  kRollbackUnfinished,
  kRecoveryInvents,
  kDecisionWrong,
  kFilesHalf,
  kFilesOther,
  kFlippedEarly,
  kCommitUnprepared,
  kViewsLate,
  kActsAfterAnswer,
  kAnswersTwice,
  kAnswerGraph,
  kAnswerJournal,
  kAnswerSeq,
  kAnswerEarly,
  kCommittedAgainstWill,
  kUnverified,
  kNoReason,
  kNeedlessDoubt,
  kMixed,
  kOrphan,
  kBadPartStays,
  kCanaryForgotten,
  kTwoAtOnce,
  // liveness
  kHang,
  kTimerNeeded,
  kEndless,
  kGaveUp,
};

struct LawText {
  Law law;
  std::string_view text;
};
inline constexpr std::array kLaws{
    LawText{Law::kHolds, "every law holds"},
    LawText{Law::kRecoveryRefuses, "recovery refuses its own journal or its own repairs"},
    LawText{Law::kRecoveryMixed, "recovery finds a graph that is neither before nor after"},
    LawText{Law::kCommitLost, "a durable COMMIT is lost, or one that is not durable is believed"},
    LawText{Law::kRecoveryUnsettled, "recovery leaves something unfinished"},
    LawText{Law::kRollbackUnfinished, "a ROLLBACK that was decided is not finished"},
    LawText{Law::kRecoveryInvents, "repairs change a graph that nobody decided to change"},
    LawText{Law::kDecisionWrong, "the same plan is not `unchanged` on its result, or stale on its base"},
    LawText{Law::kFilesHalf, "a crash leaves manifests half written"},
    LawText{Law::kFilesOther, "a crash leaves the manifests of another graph"},
    LawText{Law::kFlippedEarly, "somebody flipped before COMMIT was durable"},
    LawText{Law::kCommitUnprepared, "COMMIT although somebody is not prepared"},
    LawText{Law::kViewsLate, "a route is prepared before the views are at hand"},
    LawText{Law::kActsAfterAnswer, "acts, or changes, after its answer"},
    LawText{Law::kAnswersTwice, "answers twice"},
    LawText{Law::kAnswerGraph, "the answer names the wrong graph"},
    LawText{Law::kAnswerJournal, "the answer and the journal disagree"},
    LawText{Law::kAnswerSeq, "the answer's seq is not the COMMIT in force"},
    LawText{Law::kAnswerEarly, "answered before the rollback was durable"},
    LawText{Law::kCommittedAgainstWill, "committed although somebody refused or failed to verify"},
    LawText{Law::kUnverified, "committed, and nobody looked whether it works"},
    LawText{Law::kNoReason, "rolled back without a reason"},
    LawText{Law::kNeedlessDoubt, "in doubt although nothing failed"},
    LawText{Law::kMixed, "somebody is on the other graph, and the answer does not say so"},
    LawText{Law::kOrphan, "a lane that was built is neither carrying nor dropped"},
    LawText{Law::kBadPartStays, "a canary that has to go back is watched on"},
    LawText{Law::kCanaryForgotten,
            "a part of a plan is in force, and recovery does not know, or the other way round"},
    LawText{Law::kTwoAtOnce, "asks for a change while another is under way"},
    LawText{Law::kHang, "hang: no answer, and only a fault could move it"},
    LawText{Law::kTimerNeeded, "hang until a timer, although nothing went wrong"},
    LawText{Law::kEndless, "a run without an end: it comes back to a state it was in, or asks on and on"},
    LawText{Law::kGaveUp, "not committed, although nothing went wrong"},
};
static_assert(kLaws.size() == static_cast<std::size_t>(Law::kGaveUp) + 1);

constexpr std::string_view to_string(Law law) { return kLaws[static_cast<std::size_t>(law)].text; }
constexpr bool is_liveness(Law law) { return law >= Law::kHang; }

}  // namespace rtt::explore
