// SPDX-License-Identifier: Apache-2.0
// Group: the records of one write, made ready by whoever submits them, laid down in their final place, and
// chained as soon as somebody has the time.
//
// What an append costs is spread over three steps, so that little of it is done while a disk waits for it.
// Serialising takes longest and is done before a record knows its place, with a note of where the member
// `batch` goes. Laying a record into the group is a copy of its bytes, done in the order of submission.
// Chaining (a crc and a hash a record, each after the one before) goes on behind, while others still lay and
// while the group before is on its way to the disk.
//
// Owns: the bytes of the write.   Thread: one that lays and one that seals, at the same time, which tell each
// other under a lock of theirs how far is laid.   Fails: make_ready: kTooLarge.
// Limits: kRecordPayloadBytesMax, the room it was made with.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crypto/merkle.h"
#include "journal/journal.h"

namespace rtt::journal {

struct ReadyRecord {
  RecordType type = RecordType::kAudit;
  std::string text;                             // canonical JSON without `batch`
  std::size_t batch_at = 0;                     // where in `text` that member goes
  [[nodiscard]] std::size_t bytes_max() const;  // of the record in a segment, padding and `batch` included
};
// `payload` is an object; a member `batch` in it is dropped.
Result<ReadyRecord> make_ready(const NewRecord& record);
Result<std::vector<ReadyRecord>> make_ready(std::span<const NewRecord> records);

struct Link {  // where a chain has come to
  Seq seq;
  Digest hash;
};
class Group {
 public:
  // Of the records that follow `last`.
  Group(Seq last, std::size_t room);
  // The same room for another write.
  void begin_anew(Seq last);

  // Of whoever lays.
  [[nodiscard]] std::size_t room() const { return bytes_max_ - laid_; }
  [[nodiscard]] std::size_t laid() const { return laid_; }  // bytes
  void lay(std::span<const ReadyRecord> records);           // REQUIRES: their bytes_max is within room()

  // Of whoever seals.
  [[nodiscard]] std::size_t sealed() const { return sealed_; }  // bytes
  // Chains those in the first `laid` bytes that are not chained yet.   REQUIRES: the chain has come to
  // `last`.
  void seal(const Link& last, std::size_t laid);
  [[nodiscard]] const Link& end() const { return end_; }  // where the chain has come to since

  // Of whoever writes, once all is sealed.
  [[nodiscard]] ByteView bytes() const { return {bytes_.get(), sealed_}; }
  [[nodiscard]] const crypto::MerkleTree& tree() const { return tree_; }  // of its records

 private:
  MutableBytes all() { return {bytes_.get(), bytes_max_}; }

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t bytes_max_;
  std::size_t laid_ = 0, sealed_ = 0;
  Seq first_, next_;
  Link end_;
  crypto::MerkleTree tree_;
};
// Room for these and no more.
std::size_t bytes_max(std::span<const ReadyRecord> records);

}  // namespace rtt::journal
