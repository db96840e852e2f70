// SPDX-License-Identifier: Apache-2.0
// Reads a journal, verifies it, and says how it ends (docs/formats/journal.md).
//
// In order, for whoever needs the records; or its files side by side on several cores, for whoever needs the
// proof and a few records: SHA-256 takes more than half of what a record costs, and the links between files
// are checked afterwards. Both come to the same report.
//
// A reader may run while another process appends. What it meets in the last segment is then looked at again
// until two looks agree, because one look is not a snapshot: a later batch may be complete where it reads
// while an earlier one was not when it passed. A batch that is still half written after that is nobody's loss
// while its writer lives.
//
// Thread: one, or as many as verify_storage is told to use.
// Fails: kIo, kPermission of the storage; a journal that does not verify is a report, not an error.
// Limits: those of segment_reader.h, for each thread.
#pragma once

#include <cstdint>
#include <functional>

#include "journal/journal.h"
#include "journal/segment_reader.h"
#include "journal/storage.h"

namespace rtt::journal {

struct ReadState {
  ReadReport report;
  std::string segment;           // the last one's name; empty if there is none
  std::uint64_t end_offset = 0;  // in it, after its last good record
  std::uint64_t tail_bytes = 0;  // of a torn tail, up to the last that is not zero
  bool short_file = false;       // the segment ends before its preallocated size
};

using Visit = std::function<void(const Record&)>;
// `from`: where to begin; nothing: at the first record.
Result<ReadState> read_storage(Storage& storage, const Layout& layout, Access access, const Visit& visit,
                               const Begin* from = nullptr);

struct Kept {
  Record record;
  Place place;
  crypto::MerkleTree tree_before;  // of all records before it
};
struct Verified {
  ReadState state;
  std::vector<Kept> kept;      // in order
  std::vector<Digest> hashes;  // of every record, if they were asked for: 32 bytes each
};
struct VerifyOptions {
  unsigned threads = 2;
  std::function<bool(const RecordView&)> keep{};  // called by every thread
  enum class Hashes : std::uint8_t { kDrop, kKeep } hashes = Hashes::kDrop;
};
Result<Verified> verify_storage(Storage& storage, const Layout& layout, Access access,
                                const VerifyOptions& options);

}  // namespace rtt::journal
