// SPDX-License-Identifier: Apache-2.0
// Goal: a panel whose machine and journal part notices. Method: each way in which they can, from one where
// they agree.
#include "apply/invariants.h"

#include <gtest/gtest.h>

#include "crypto/sha256.h"

namespace rtt::apply {
namespace {

const Digest kHere = crypto::sha256("here"), kThere = crypto::sha256("there"), kElse = crypto::sha256("else");

Recovered at(const Digest& root) {
  return {.seq = Seq{7}, .root = root, .graph = {}, .plan_id = {}, .history = {}};
}
Recovered going_back(const Digest& from, const Digest& to) {
  Recovered ledger = at(from);
  ledger.rollback = UnfinishedRollback{.seq = Seq{8}, .record = {}, .root = to, .graph = {}};
  return ledger;
}

TEST(Invariants, an_answer_that_the_journal_does_not_bear_out_is_refused) {
  for (const Settled state : {Settled::kCommitted, Settled::kRolledBack, Settled::kUnchanged}) {
    const Answer answer{.state = state, .seq = Seq{7}, .graph = kHere};
    EXPECT_TRUE(agrees(answer, at(kHere)));
    EXPECT_FALSE(agrees(answer, at(kThere)));
    EXPECT_FALSE(agrees(answer, going_back(kHere, kThere)));
    Recovered open = at(kHere);
    open.prepare = UnfinishedPrepare{.seq = Seq{8}, .record = {}};
    EXPECT_EQ(agrees(answer, open).has_value(), state == Settled::kRolledBack);
    Answer other = answer;
    other.seq = Seq{6};
    EXPECT_FALSE(agrees(other, at(kHere)));
    EXPECT_EQ(agrees(other, at(kHere)).error().code, Code::kInternal);
  }
}

TEST(Invariants, an_answer_in_doubt_says_nothing) {
  EXPECT_TRUE(agrees({.state = Settled::kInDoubt, .seq = Seq{1}, .graph = kElse}, at(kHere)));
}

}  // namespace
}  // namespace rtt::apply
