// SPDX-License-Identifier: Apache-2.0
// Batch: receipts sealed together (docs/formats/receipts.md): one Merkle tree over them, one signature for
// all.
//
// A signature costs 43 µs and a call 10, so calls are signed by the batch: the seal names the tree's root,
// the digest of the subjects and the seal before it, so a log is one chain, and one seal known from elsewhere
// (the journal keeps some) vouches for everything before it.
//
// Thread: any (values), a BatchBuilder one (pure).   Units: bytes, microseconds since 1970.
// Fails: decode: nothing is returned; check: says what is wrong.
// Limits: kReceiptsPerBatchMax, kSubjectsBytesMax.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "crypto/keyring.h"
#include "crypto/merkle.h"
#include "receipts/receipt.h"

namespace rtt::receipts {

struct Seal {
  std::uint64_t first = 0, count = 0;  // indices of its receipts
  std::uint64_t lost = 0;              // calls since the seal before that no receipt could be kept of
  std::int64_t at_us = 0;
  Digest prev;                           // of the seal before it; zero for the first of all
  Digest root;                           // RFC 6962 tree hash over the receipts' bytes
  Digest subjects;                       // SHA-256 of the subjects' canonical JSON
  std::vector<crypto::SignRecord> sign;  // one; none where nobody can sign
  [[nodiscard]] std::uint64_t end() const { return first + count; }
  friend bool operator==(const Seal&, const Seal&) = default;
};
// SHA-256 of canonical {at_us,count,first,lost,prev,root,subjects}: what is signed, as kind `receipt`.
Digest digest_of(const Seal& seal);
text::Json to_json(const Seal& seal);  // those members, `seal` (the digest) and `sign`

// A batch in the bytes it was read from.
struct Batch {
  Seal seal;
  std::vector<Subject> subjects;
  ByteView receipts;      // seal.count times kReceiptBytes
  std::size_t bytes = 0;  // of the whole block
  [[nodiscard]] Receipt at(std::uint64_t i) const {
    return load(receipts.subspan(static_cast<std::size_t>(i) * kReceiptBytes, kReceiptBytes));
  }
};
// The block at the start of `input`; nothing if there is none that is whole.
std::optional<Batch> decode(ByteView input);
// Whether what does not decode is the beginning of a block whose rest was never written.
bool is_cut_short(ByteView rest);
// What its bytes say against its seal: empty, or what is wrong.
std::string check(const Batch& batch);
// The Merkle path of its receipt `i`, nearest first.
std::vector<Digest> path_of(const Batch& batch, std::uint64_t i);

class BatchBuilder {
 public:
  BatchBuilder() { clear(); }
  // `receipt.index` and `subject` are set here.
  void add(std::uint64_t index, Receipt receipt, const Subject& subject);
  [[nodiscard]] std::size_t count() const { return tree_.size(); }
  [[nodiscard]] bool full() const {
    return count() >= kReceiptsPerBatchMax || subject_bytes_ >= kSubjectsBytesMax;
  }
  struct Closing {
    std::int64_t at_us = 0;
    std::uint64_t lost = 0;
    Digest prev;
    const crypto::SecretKey* key = nullptr;  // nullptr: nobody signs
  };
  // The block to be written, valid until clear(). REQUIRES: count() > 0.
  ByteView close(const Closing& closing);
  [[nodiscard]] const Seal& seal() const { return seal_; }  // of the last close()
  void clear();

 private:
  std::uint16_t subject_index(const Subject& subject);

  Bytes block_;
  crypto::MerkleTree tree_;
  std::vector<Subject> subjects_;
  FlatMap<std::string, std::uint16_t> known_;
  std::uint16_t last_ = 0;
  std::size_t subject_bytes_ = 0;
  std::uint64_t first_ = 0;
  Seal seal_;
};

}  // namespace rtt::receipts
