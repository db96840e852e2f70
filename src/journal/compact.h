// SPDX-License-Identifier: Apache-2.0
// Compacts a journal: of segments older than a record only the hashes of their records are kept
// (hash_file.h; docs/design/015-journal.md says why so).
//
// The hashes are durable before the segment goes; after a crash in between both are there, the segment
// counts, and the next compaction removes it. A segment that does not verify stays, and so do all after it.
//
// Thread: one; the caller holds the writer's lock.   Fails: kJournalDamaged (nothing is lost), kIo, kNoSpace.
// Limits: one segment at a time.
#pragma once

#include "journal/segment_reader.h"
#include "journal/storage.h"

namespace rtt::journal {

// All segments whose every record comes before `keep_from`; never the last one. How many they were.
Result<std::size_t> compact(Storage& storage, const Layout& layout, Seq keep_from);
// The first record of the last `segments` segments; 0 if there are no more than these.
Result<Seq> first_of_last(Storage& storage, std::size_t segments);

}  // namespace rtt::journal
