// SPDX-License-Identifier: Apache-2.0
// Writes a signed CHECKPOINT of the journal as it is, and remembers where it stands.
//
// The record is durable before its place is; a crash in between leaves an older place, from which a restart
// reads a little more.
//
// Thread: one.   Fails: kBusy if the journal has gone on, kIo, kNoSpace.   Limits: kCheckpointsKept places.
#pragma once

#include <vector>

#include "journal/storage.h"
#include "journal/writer.h"

namespace rtt::journal {

// `places`: those remembered so far, newest first; the new one is put before them.
Status write_checkpoint(Storage& storage, Writer& writer, const Journal::NewCheckpoint& what,
                        const crypto::SecretKey& key, std::vector<CheckpointPlace>& places);

}  // namespace rtt::journal
