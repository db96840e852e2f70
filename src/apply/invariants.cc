// SPDX-License-Identifier: Apache-2.0
#include "apply/invariants.h"

namespace rtt::apply {

Status agrees(const Answer& answer, const Recovered& ledger) {
  if (answer.state == Settled::kInDoubt) return {};
  const auto differs = [](std::string what) {
    return fail(Code::kInternal, "the answer and the journal disagree: " + std::move(what), "AnswerTrue",
                "the next panel recovers from what the journal holds: rtt audit --verify");
  };
  if (answer.graph != ledger.root)
    return differs("graph " + rtt::to_string(answer.graph) + " is said, " + rtt::to_string(ledger.root) +
                   " is kept");
  if (answer.seq != ledger.seq) {
    return differs("commit " + std::to_string(answer.seq.value) + " is said, " +
                   std::to_string(ledger.seq.value) + " is the last one");
  }
  // An ABORT that could not be written: recovery drops such a PREPARE just the same.
  if (ledger.prepare && answer.state != Settled::kRolledBack) return differs("a PREPARE is open");
  if (ledger.rollback) return differs("a ROLLBACK is open");
  return {};
}

}  // namespace rtt::apply
