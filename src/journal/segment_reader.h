// SPDX-License-Identifier: Apache-2.0
// SegmentReader: one file of a journal, verified by itself: a segment with its records, or the hashes that
// are kept of one.
//
// Every record carries the hash of the one before it and every file that of the file before, so each verifies
// alone, from what its own header claims; whether the headers fit one another is for whoever reads several
// (reader.h).
//
// Reads through a window that stays in the processor's cache. Proving that the rest of a segment is zeros
// would cost more than verifying 1,000 records (3 ms against 0.5 ms for 16 MiB here), so blocks that were
// never written are stepped over: the file system vouches for them.
//
// Records are verified some at a time: each says the hash of the one before, so the hashes of neighbours are
// computed side by side (crypto/sha256_many.h) and what they say is compared afterwards.
//
// Thread: one; others may read other files.   Fails: kIo, kPermission of the storage; what does not verify is
// in the report.   Limits: one window, and one segment where its tail is not clean.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "journal/group.h"
#include "journal/record.h"
#include "journal/storage.h"
#include "model/limits.h"

namespace rtt::journal {

struct Layout {
  std::uint64_t segment_bytes = limits::kSegmentBytes;
  // How far ahead of the records a segment's blocks are written with zeros. More makes a new segment and the
  // proof of a clean end slower, less makes the extra work come more often.
  std::uint64_t zeros_ahead_bytes = std::uint64_t{512} << 10;
  // Behind a batch from this size on none are written: the next is likely as large, and writing all of it
  // twice costs more than the metadata that move with blocks written for the first time (200 KiB here: 1.1 ms
  // against 0.9, 400 KiB: 2.1 against 1.4; below 100 KiB the zeros are cheaper).
  std::uint64_t large_batch_bytes = std::uint64_t{128} << 10;
};

enum class Access : std::uint8_t {
  kBeside,  // a writer may be at work
  kAlone,   // the caller holds the writer's lock
};

// The files of a journal in order.
struct Part {
  std::string name;
  Seq first_seq;  // as the name says
  enum class Kind : std::uint8_t { kSegment, kHashes } kind = Kind::kSegment;
};
// Where there is a segment and the hashes of it too, the segment counts: a crash came between the two. One
// that is compacted while somebody reads is read as its hashes.
Result<std::vector<Part>> parts_of(Storage& storage);

struct Place {  // of a record
  std::string segment;
  std::uint64_t offset = 0;
};
// Where reading begins, and what is taken for granted of all before.
struct Begin {
  Place place;
  Link last;
  crypto::MerkleTree tree;
};

struct PartRead {
  bool header_sound = false;
  Link before;  // what its header claims stands before its first record
  ReadReport report;
  std::uint64_t end_offset = 0;  // after its last good record
  std::uint64_t tail_bytes = 0;  // of a torn tail, up to the last that is not zero
  bool short_file = false;       // the segment ends before its preallocated size
  std::vector<Digest> hashes;    // of a file of hashes
};

// Of a segment, each verified record in order.
struct Found {
  const RecordView& record;
  const Digest& hash;
  std::uint64_t offset = 0;        // in its segment
  const crypto::MerkleTree& tree;  // of the segment, or of all where reading began at a place
  std::span<const Digest> since;   // verified with this one, before it and not yet in `tree`
  [[nodiscard]] crypto::MerkleTree tree_before() const;
};
using Look = std::function<void(const Found&)>;

enum class Standing : std::uint8_t { kInside, kLast };  // whether another file follows

class SegmentReader {
 public:
  SegmentReader(Storage& storage, const Layout& layout, Access access)
      : storage_(storage), layout_(layout), access_(access) {}
  // A segment's header alone, for whoever wants to know whether it fits before anything is looked at; hashes
  // whole.
  Result<PartRead> read_header(Part part);
  // The whole; `from`: only what follows there, in this segment.
  Result<PartRead> read(Part part, Standing standing, const Look& look, const Begin* from = nullptr);

 private:
  Result<std::unique_ptr<StoredFile>> open(Part& part);
  Storage& storage_;
  const Layout& layout_;
  Access access_;
};

}  // namespace rtt::journal
