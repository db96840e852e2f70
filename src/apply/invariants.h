// SPDX-License-Identifier: Apache-2.0
// Invariants: what the panel checks of itself before it tells anybody (spec/invariants.md), as a function of
// what its machine says and what its journal holds.
//
// Thread: any (pure functions).   Fails: as said.
#pragma once

#include "apply/recover.h"
#include "apply/two_phase_messages.h"

namespace rtt::apply {

// AnswerTrue: what an answer says is what the journal says, and nothing is left open behind it. An answer in
// doubt says nothing. kInternal names what differs.
Status agrees(const Answer& answer, const Recovered& ledger);

}  // namespace rtt::apply
