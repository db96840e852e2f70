// SPDX-License-Identifier: Apache-2.0
// Opens a journal for writing: verifies it, cuts a torn tail, says so in the journal itself, and goes on from
// there.
//
// The cut is made so that a crash at any moment of it leaves a journal that can be opened again, and nothing
// lost: the bytes are saved durably first, then zeroed and synced, then the AUDIT record is appended. A saved
// tail that no record mentions (a crash between the last two) gets its record at the next opening.
//
// Thread: one; the caller holds the writer's lock.
// Fails: kJournalDamaged (with the seq and place), kIo, kNoSpace.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "journal/begin.h"
#include "journal/writer.h"

namespace rtt::journal {

struct OpenOptions {
  Layout layout;
  std::function<std::string()> timestamp;  // RFC 3339, for the AUDIT record of a cut
  Accept accept{};                         // of a checkpoint to begin from; nothing: from the first record
};
struct OpenedWriter {
  Writer writer;
  std::optional<Torn> torn;
  std::vector<CheckpointPlace> checkpoints{};
  std::vector<std::string> passed_over{};
  Seq begun{};                       // the record behind which the replay began; 0: at the first
  std::uint64_t replayed_bytes = 0;  // of the records behind it
};
Result<OpenedWriter> open_storage(Storage& storage, const OpenOptions& options,
                                  const std::function<void(const Record&)>& replay);

}  // namespace rtt::journal
