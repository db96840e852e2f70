// SPDX-License-Identifier: Apache-2.0
// LedgerState: what the records up to a checkpoint come to, as the object that the checkpoint names
// (docs/formats/ledger.md), so that a restart folds only what follows.
//
// Folding the rest on top of it gives what folding everything gives (ledger_state_test). Graphs are not in
// it: they lie under their roots in the content-addressed store, written before the checkpoint.
//
// Thread: any (values).   Fails: kJournalDamaged naming the field.   Limits: kHistoryCommitsMax commits.
#pragma once

#include "apply/recover.h"

namespace rtt::apply {

struct LedgerState {
  Recovered recovered;             // settled: no unfinished change
  std::uint64_t panel_starts = 0;  // each start has a number
};
text::Json to_json(const Recovered& recovered, std::uint64_t panel_starts);
Result<LedgerState> ledger_state_from_json(const text::Json& json);

}  // namespace rtt::apply
