// SPDX-License-Identifier: Apache-2.0
// Group: the records of one write, made ready by whoever submits them and put into bytes by whoever writes.
//
// Serialising takes longer than all the rest, so it happens before a record knows its place: on the
// submitter's thread, with a note of where the member `batch` goes, the seq of the write's first record,
// which only the writer knows. What is left for the one who writes is a crc and a hash a record.
//
// Thread: any (pure).   Fails: kTooLarge.   Limits: kRecordPayloadBytesMax.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "journal/journal.h"

namespace rtt::journal {

struct ReadyRecord {
  RecordType type = RecordType::kAudit;
  std::string text;                             // canonical JSON without `batch`
  std::size_t batch_at = 0;                     // where in `text` that member goes
  [[nodiscard]] std::size_t bytes_max() const;  // of the record in a segment, padding and `batch` included
};
// `payload` is an object; a member `batch` in it is dropped.
Result<ReadyRecord> make_ready(NewRecord record);
Result<std::vector<ReadyRecord>> make_ready(std::vector<NewRecord> records);

struct Link {  // where a chain has come to
  Seq seq;
  Digest hash;
};
// Appends the records as they follow `last`, all of one write, and gives their hashes.
std::vector<Digest> encode_group(Bytes& out, const Link& last, std::span<const ReadyRecord> records);

}  // namespace rtt::journal
