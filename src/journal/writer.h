// SPDX-License-Identifier: Apache-2.0
// Appends batches to the last segment: one write, one sync, then they count.
//
// A batch lies in one segment, whole: if it does not fit into the rest of the current one a new segment is
// begun, and the old one keeps zeros to its end. So only the last segment can end in a half-written batch.
// Every record of a batch but the first carries the payload member `batch`, the seq of the first (tail.h says
// what for).
//
// Owns: the current segment's file.   Thread: one.   Limits: a batch no larger than a segment.
// Fails: kTooLarge (nothing written, the writer goes on), kIo, kNoSpace (the writer takes no more).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "journal/group.h"
#include "journal/reader.h"
#include "journal/storage.h"

namespace rtt::journal {

class Writer {
 public:
  // Continues where `state` ended.   REQUIRES: that end is clean.
  static Result<Writer> resume(Storage& storage, const Layout& layout, ReadState state);

  // The seqs are those that follow last_seq(), in order.
  Status append(std::span<const ReadyRecord> records);
  // The same of a group that was laid and sealed as it follows last().
  Status append(const Group& group);
  Result<std::vector<Seq>> append_batch(const std::vector<NewRecord>& records);
  [[nodiscard]] Seq last_seq() const { return last_.seq; }
  [[nodiscard]] const Link& last() const { return last_; }
  [[nodiscard]] const crypto::MerkleTree& tree() const { return tree_; }
  [[nodiscard]] Digest root() const { return tree_.root(); }
  // Where the last append began.
  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] std::uint64_t appended_bytes() const { return appended_bytes_; }  // since it was resumed
  [[nodiscard]] std::size_t batch_bytes_max() const {
    return static_cast<std::size_t>(layout_.segment_bytes) - kSegmentHeaderBytes;
  }
  [[nodiscard]] const std::optional<Error>& failed() const { return failed_; }

 private:
  Writer(Storage& storage, const Layout& layout) : storage_(&storage), layout_(layout) {}
  Status begin_segment();
  [[nodiscard]] Status well() const;
  Status write(ByteView bytes);
  Status zero_ahead(std::uint64_t begin, std::uint64_t end);

  Storage* storage_;
  Layout layout_;
  std::unique_ptr<StoredFile> file_;  // none before the first record
  Place place_;
  std::uint64_t offset_ = 0;
  std::uint64_t zeroed_to_ = 0;  // blocks before this are written
  std::uint64_t appended_bytes_ = 0;
  Link last_;
  crypto::MerkleTree tree_;
  std::optional<Error> failed_;
};

}  // namespace rtt::journal
