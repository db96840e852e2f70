// SPDX-License-Identifier: Apache-2.0
// Where reading a journal may begin: behind the newest checkpoint that verifies and that the caller accepts,
// so that a restart costs the same after a thousand records and after a million.
//
// Tried in turn: the places that the last writer remembered, newest first; then the first record, if it is
// still there; of a compacted journal, every checkpoint that its records hold, newest first. What is passed
// over, and why, is told. What comes behind a checkpoint is verified as ever; what lies before it is `audit
// --verify`'s.
//
// Thread: one.   Fails: kJournalDamaged where nothing is left to begin from, kIo.   Limits: kCheckpointsKept.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "journal/checkpoint.h"
#include "journal/reader.h"

namespace rtt::journal {

using Accept = std::function<Status(const Checkpoint&)>;

struct Beginning {
  std::optional<Begin> from;             // nothing: the first record
  std::vector<CheckpointPlace> places;   // remembered, newest first; those from the accepted one on
  std::vector<std::string> passed_over;  // in words
  Seq remembered_to;                     // of the newest CHECKPOINT record whose place is remembered
};
// No `accept`: the first record, or nothing but what is left of a compacted journal.
Result<Beginning> find_beginning(Storage& storage, const Layout& layout, const Accept& accept);

// The last record that the file of places knows of; 0: it knows of none.
Seq remembered_to(Storage& storage);
// A place is remembered after its record is durable, so a journal that ends before it has lost records:
// damage.
void hold_to(Seq remembered, const Storage& storage, ReadReport& report);

}  // namespace rtt::journal
