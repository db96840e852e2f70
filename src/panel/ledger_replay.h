// SPDX-License-Identifier: Apache-2.0
// LedgerReplay: reads the journal into the committed state, from the newest checkpoint that a trusted key
// signed and whose state is at hand; and keeps that state beside the journal for the next time.
//
// `.rtt/wal/states/<64 hex>.json` holds what a checkpoint leads to, under its hash; the graphs of its commits
// lie in the content-addressed store beside it (ledger.h). Both are durable before the CHECKPOINT is
// appended.
//
// Owns: the fold.   Thread: one.
// Fails: kJournalDamaged, kTampered (a state that is not what its hash says), kIo.
// Limits: kStateBytesMax; kSegmentsKept whole segments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apply/ledger_state.h"
#include "crypto/keyring.h"
#include "journal/journal.h"
#include "registry/workspace.h"

namespace rtt::panel {

inline constexpr std::size_t kStateBytesMax = std::size_t{64} << 20;
// What a restart reads behind the last checkpoint: some 2 ms.
inline constexpr std::uint64_t kCheckpointEveryRecords = 4096;
inline constexpr std::uint64_t kCheckpointEveryBytes = std::uint64_t{1} << 20;
// Of older segments, of 16 MiB each, only the hashes of the records are kept.
inline constexpr std::size_t kSegmentsKept = 32;
// A compaction that finds more graphs beside the journal reads what is left of it, to remove those nobody
// names: up to a second for 32 segments.
inline constexpr std::size_t kGraphsKept = 1024;
struct Kept {
  std::size_t segments = kSegmentsKept, graphs = kGraphsKept;
};

class LedgerReplay {
 public:
  explicit LedgerReplay(const registry::Workspace& workspace) : workspace_(workspace) {}
  // For Journal::open() and replay_journal(); this outlives their call.
  [[nodiscard]] journal::Replay hooks();
  // After it: what a record said that made no sense, if one did.
  [[nodiscard]] const Status& folded() const { return folded_; }
  apply::Fold& fold() { return fold_; }
  [[nodiscard]] std::uint64_t panel_starts() const { return panel_starts_; }

 private:
  Status accept(const journal::Checkpoint& checkpoint);
  void see(const journal::Record& record);

  const registry::Workspace& workspace_;
  std::optional<crypto::Keyring> keyring_;
  apply::Fold fold_;
  std::uint64_t panel_starts_ = 0;
  Status folded_;
};

// Whether a restart would have to read enough to be worth a checkpoint.
bool checkpoint_due(const journal::Journal& journal);
// Keeps the state and its graphs, appends a CHECKPOINT signed by this user, removes states nobody names any
// more, and compacts what is older than the last segments. Without a key of this user, and while a change is
// unfinished, it does nothing.
Status write_checkpoint(const registry::Workspace& workspace, journal::Journal& journal,
                        const apply::Recovered& now, std::uint64_t panel_starts, Kept kept = {});

}  // namespace rtt::panel
