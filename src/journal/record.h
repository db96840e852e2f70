// SPDX-License-Identifier: Apache-2.0
// The bytes of one journal record and of a segment's header (docs/formats/journal.md): pure encode and
// decode.
//
//   0 u32 len · 4 u32 crc32c of [8, len) · 8 u64 seq · 16 u8 type · 17 seven zeros · 24 prev[32] · 56 payload
//
// little-endian, padded with zeros to 8 bytes. A decoder is handed whatever a disk returned, so it believes
// nothing: a length is checked before it is used and every byte of a record and of its padding is covered by
// some check.
//
// Thread: any (pure).   Fails: decode returns nothing for whatever does not verify by itself; the chain
// (prev, seq) is the reader's matter.   Limits: kRecordPayloadBytesMax.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "journal/journal.h"

namespace rtt::journal {

inline constexpr std::size_t kRecordHeaderBytes = 56;
inline constexpr std::size_t kSegmentHeaderBytes = 64;

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 7) & ~std::size_t{7}; }

struct RecordView {  // looks into the decoder's input
  Seq seq;
  RecordType type = RecordType::kAudit;
  Digest prev;
  std::string_view payload_text;
  ByteView bytes;                                                          // the len bytes that are hashed
  [[nodiscard]] std::size_t span() const { return padded(bytes.size()); }  // where the next record begins
};

struct RecordHead {
  Seq seq;
  RecordType type = RecordType::kAudit;
  Digest prev;
};
// Appends the record and its padding; returns its hash.   REQUIRES: payload_text within
// kRecordPayloadBytesMax.
Digest encode_record(Bytes& out, const RecordHead& head, std::string_view payload_text);
// The same in two steps, because only the second has to wait for the record before.
// Lays down all but `prev` and the crc; the bytes it spans.   REQUIRES: the payload's pieces have room in
// `to`.
std::size_t lay_record(MutableBytes to, Seq seq, RecordType type,
                       std::span<const std::string_view> payload_pieces);
// Chains the record that is laid at the beginning of `record`; its hash.
Digest seal_record(MutableBytes record, const Digest& prev);

// The record that begins at `input`, if it is whole and its length, type, reserved bytes, padding and crc are
// right.
std::optional<RecordView> decode_record(ByteView input);
// Bytes a record at `input` claims to span with its padding, if that is a possible length at all.
std::optional<std::size_t> claimed_span(ByteView input);

struct SegmentHeader {
  Seq first_seq;
  Digest prev;  // hash of the last record of the segment before; zeros in the first
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};
Bytes encode_segment_header(const SegmentHeader& header);
std::optional<SegmentHeader> decode_segment_header(ByteView input);

// The seq in this member of a payload: a number, or a decimal string above 2^53−1.
std::optional<Seq> seq_member(const text::Json& payload, std::string_view key);

std::string segment_name(Seq first_seq);  // 0000000000000001.seg
std::optional<Seq> parse_segment_name(std::string_view name);

}  // namespace rtt::journal
