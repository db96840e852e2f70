// SPDX-License-Identifier: Apache-2.0
// Journal: the Merkle-chained write-ahead log (docs/formats/journal.md). Truth about what was committed, and
// when.
//
// Segments of 16 MiB are preallocated and written once with zeros, so a durable append overwrites existing
// blocks: p50 28 µs here against 37 µs for a growing file, because no metadata moves. One fdatasync per
// append_batch. Records carry the hash of the one before; the reader stops at the first that does not verify
// and tells a clean end, a torn tail (recoverable) and damage in the middle (refused) apart.
//
// Owns: the current segment.   Thread: one process writes (it holds wal/lock), by any of its threads, which
// share syncs (group_commit.h); any readers. Fails: kJournalDamaged (with the seq), kTornTail (read-only
// access to an uncut tail), kNoSpace, kIo, kBusy. Limits: kSegmentBytes (a batch lies in one segment),
// kRecordPayloadBytesMax (kTooLarge, nothing written).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "crypto/keyring.h"
#include "crypto/merkle.h"
#include "text/json.h"

namespace rtt::journal {

enum class RecordType : std::uint8_t {
  kPrepare = 1,
  kCommit = 2,
  kAbort = 3,
  kRollback = 4,
  kCheckpoint = 5,
  kAudit = 6
};
std::string_view to_string(RecordType type);

struct Record {
  Seq seq;
  RecordType type = RecordType::kAudit;
  Digest prev;
  std::string payload_text;  // canonical JSON; verified by crc and hash, not parsed: replay needs few of them
                             // as trees
  Digest hash;               // SHA-256 of the record's len bytes

  [[nodiscard]] Result<text::Json> payload()
      const;  // parses; an error (text from elsewhere) names the record
};

// Up to record `seq` the journal has this root and leads to this graph (checkpoint.h).
struct Checkpoint {
  Seq seq;  // of the record before its own
  Digest graph_root, journal_root;
  Digest state;  // of what its writer keeps beside the journal to begin from here
  std::vector<Digest> frontier;
  std::vector<crypto::SignRecord> sign;
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};
inline constexpr std::size_t kCheckpointsKept = 4;  // whose places are remembered
struct CheckpointPlace {
  Seq seq;
  Digest state;
  std::string segment;
  std::uint64_t offset = 0;
  friend bool operator==(const CheckpointPlace&, const CheckpointPlace&) = default;
};

struct ReadReport {
  std::uint64_t records = 0;
  Seq last_seq;
  Digest last_hash;
  crypto::MerkleTree tree;
  enum class End : std::uint8_t { kClean, kTorn, kDamaged } end = End::kClean;
  Seq compacted_to;  // of the records up to here only the hashes are kept; 0: all are there
  Seq bad_seq;       // the first that does not verify (kTorn, kDamaged)
  std::string bad_file;
  std::uint64_t bad_offset = 0;
};
// Reads everything in order; `visit` sees each verified record. Writes nothing.
Result<ReadReport> read_journal(const std::string& directory,
                                const std::function<void(const Record&)>& visit);
// Only what follows the newest checkpoint that `accept` takes, if there is one: whose signature counts and
// whose state is at hand, or an error that says why not. It comes before the records behind it.
struct Replay {
  std::function<Status(const Checkpoint&)> accept;
  std::function<void(const Record&)> visit;
};
struct Replayed {
  ReadReport report;
  std::vector<std::string> passed_over;  // checkpoints, and why, in words
};
Result<Replayed> replay_journal(const std::string& directory, const Replay& replay);
// The report of read_journal(), from every core at once (reader.h gives more of it).
Result<ReadReport> verify_journal(const std::string& directory);

struct NewRecord {
  RecordType type = RecordType::kAudit;
  text::Json
      payload;  // an object; its member `batch` is the journal's own (set on all but the first of a batch)
};
struct Torn {
  std::string saved_to;  // wal/torn-<seq>.bin
  std::size_t bytes = 0;
};

class Journal {
 public:
  // Takes the writer lock, verifies what is replayed, cuts a torn tail (copied aside first, an AUDIT record
  // says so).
  struct Opened {
    std::unique_ptr<Journal> journal;
    std::optional<Torn> torn;
    std::vector<std::string> passed_over{};
  };
  static Result<Opened> open(const std::string& directory, const Replay& replay);
  ~Journal();

  // Appends all, one fdatasync, returns the seq of each. On error nothing is considered written and the
  // journal refuses further appends until reopened.
  Result<std::vector<Seq>> append_batch(const std::vector<NewRecord>& records);
  // The same in two steps, for who keeps several under way: the seq that the last of these will have, known
  // at once because records are written in the order of submission or not at all; and until that is durable.
  // REQUIRES: records is not empty; seq was submitted.
  Result<Seq> submit(const std::vector<NewRecord>& records);
  Status wait(Seq seq);
  // A signed CHECKPOINT record of the journal as it is after `seq`, and where to find it.
  // Fails: kBusy if `seq` is not the last any more.
  struct NewCheckpoint {
    Seq seq;
    Digest graph_root, state;
    std::string ts, who;  // as in every record
  };
  Status checkpoint(const NewCheckpoint& what, const crypto::SecretKey& key);
  [[nodiscard]] const std::vector<CheckpointPlace>& checkpoints() const;  // newest first
  [[nodiscard]] Result<bool> has_more_segments_than(std::size_t segments) const;
  // Keeps the last `segments_kept` segments whole, and all that a remembered checkpoint needs; of older ones
  // the hashes. How many were compacted. REQUIRES: what is needed of them is kept elsewhere.
  Result<std::size_t> compact(std::size_t segments_kept);
  // What a restart would replay now.
  struct Since {
    std::uint64_t records = 0, bytes = 0;
  };
  [[nodiscard]] Since since_checkpoint() const;
  // kApplyBusy once somebody took the lock away (lease.h); nothing is written from then on.
  [[nodiscard]] Status held() const;
  [[nodiscard]] Status takes_records() const;  // or the error of the write that failed
  [[nodiscard]] Seq last_seq() const;          // that is durable
  [[nodiscard]] Digest root() const;           // RFC 6962 tree hash over record hashes from seq 1

 private:
  Journal();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::journal
