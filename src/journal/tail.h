// SPDX-License-Identifier: Apache-2.0
// What the bytes after the last good record mean: nothing (clean), a write a crash cut short (torn), or
// damage.
//
// Torn may be cut, damage may not, so the two must not be confused in either direction. A crash can only
// spoil the one batch that was being written: all before it were synced. So a bad record followed by a valid
// one with a larger seq is damage, with one exception that crashes do produce: a disk may keep the later
// sectors of an unsynced batch and lose the earlier ones. That is recognised by both of its marks: every
// valid record after the hole says (payload member `batch`) that it was written in one batch with the missing
// one, and within the bad bytes some 512-byte sector ends in what the segment held before, zeros, where a
// record has none. Rotten bytes show no such zeros: JSON holds no NUL.
//
// Thread: any (pure).   Fails: never.   Limits: one segment.
#pragma once

#include "journal/record.h"

namespace rtt::journal {

struct Expected {  // the record that should come next
  Seq seq;
  Digest prev;
  std::uint64_t offset = 0;  // of `rest` in its segment
};

struct Tail {
  ReadReport::End end = ReadReport::End::kClean;
  std::size_t bytes = 0;  // up to the last that is not zero
};

// `rest` runs from the first record that does not verify to the end of the segment.
Tail judge_tail(ByteView rest, const Expected& expected);

// Bytes of `bytes` up to the last that is not zero.
std::size_t used_bytes(ByteView bytes);

}  // namespace rtt::journal
