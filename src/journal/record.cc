// SPDX-License-Identifier: Apache-2.0
#include "journal/record.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/crc32c.h"
#include "base/hex.h"
#include "crypto/sha256.h"
#include "model/limits.h"

namespace rtt::journal {
namespace {

constexpr std::size_t kLenAt = 0, kCrcAt = 4, kSeqAt = 8, kTypeAt = 16, kReservedAt = 17, kPrevAt = 24;
constexpr std::size_t kRecordBytesMax = kRecordHeaderBytes + limits::kRecordPayloadBytesMax;
static_assert(kPrevAt + sizeof(Digest) == kRecordHeaderBytes);
static_assert(kReservedAt + 7 == kPrevAt);

constexpr std::string_view kMagic = "RTTWAL01";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kVersionAt = 8, kSegmentReservedAt = 12, kFirstSeqAt = 16, kSegmentPrevAt = 24,
                      kSegmentCrcAt = 56;
static_assert(kSegmentPrevAt + sizeof(Digest) == kSegmentCrcAt);

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

Digest load_digest(ByteView bytes, std::size_t at) {
  Digest digest;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), digest.bytes.size(), digest.bytes.begin());
  return digest;
}

void store_digest(MutableBytes bytes, std::size_t at, const Digest& digest) {
  std::copy(digest.bytes.begin(), digest.bytes.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

std::size_t lay_record(MutableBytes to, Seq seq, RecordType type,
                       std::span<const std::string_view> payload_pieces) {
  std::size_t length = kRecordHeaderBytes;
  for (const std::string_view piece : payload_pieces) {
    RTT_ASSERT(length + piece.size() <= to.size());
    if (!piece.empty()) std::memcpy(to.data() + length, piece.data(), piece.size());
    length += piece.size();
  }
  RTT_ASSERT(length <= kRecordBytesMax && padded(length) <= to.size());
  std::ranges::fill(to.first(kRecordHeaderBytes), std::byte{0});
  std::ranges::fill(to.subspan(length, padded(length) - length), std::byte{0});
  store_le(to, kLenAt, static_cast<std::uint32_t>(length));
  store_le(to, kSeqAt, seq.value);
  to[kTypeAt] = static_cast<std::byte>(type);
  return padded(length);
}

Digest seal_record(MutableBytes record, const Digest& prev) {
  record = record.first(load_le<std::uint32_t>(record, kLenAt));
  store_digest(record, kPrevAt, prev);
  store_le(record, kCrcAt, crc32c(record.subspan(kSeqAt)));
  return crypto::sha256(record);
}

Digest encode_record(Bytes& out, const RecordHead& head, std::string_view payload_text) {
  const std::size_t start = out.size();
  out.resize(start + padded(kRecordHeaderBytes + payload_text.size()));
  const MutableBytes record = MutableBytes(out).subspan(start);
  lay_record(record, head.seq, head.type, {&payload_text, 1});
  return seal_record(record, head.prev);
}

std::optional<std::size_t> claimed_span(ByteView input) {
  if (input.size() < sizeof(std::uint32_t)) return std::nullopt;
  const std::size_t length = load_le<std::uint32_t>(input, kLenAt);
  if (length < kRecordHeaderBytes || length > kRecordBytesMax) return std::nullopt;
  return padded(length);
}

std::optional<RecordView> decode_record(ByteView input) {
  const auto span = claimed_span(input);
  if (!span || *span > input.size()) return std::nullopt;
  const std::size_t length = load_le<std::uint32_t>(input, kLenAt);
  const ByteView record = input.first(length);
  // The type in the lowest byte, and with it the reserved ones.
  const auto type = load_le<std::uint64_t>(record, kTypeAt);
  if (type < static_cast<std::uint8_t>(RecordType::kPrepare) ||
      type > static_cast<std::uint8_t>(RecordType::kAudit)) {
    return std::nullopt;
  }
  if (!all_zero(input.subspan(length, *span - length))) return std::nullopt;
  if (crc32c(record.subspan(kSeqAt)) != load_le<std::uint32_t>(record, kCrcAt)) return std::nullopt;
  return RecordView{.seq = {load_le<std::uint64_t>(record, kSeqAt)},
                    .type = static_cast<RecordType>(type),
                    .prev = load_digest(record, kPrevAt),
                    .payload_text = as_text(record.subspan(kRecordHeaderBytes)),
                    .bytes = record};
}

Bytes encode_segment_header(const SegmentHeader& header) {
  Bytes out(kSegmentHeaderBytes);
  std::copy_n(as_bytes(kMagic).begin(), kMagic.size(), out.begin());
  store_le(MutableBytes(out), kVersionAt, kVersion);
  store_le(MutableBytes(out), kFirstSeqAt, header.first_seq.value);
  store_digest(out, kSegmentPrevAt, header.prev);
  store_le(MutableBytes(out), kSegmentCrcAt, crc32c(out));
  return out;
}

std::optional<SegmentHeader> decode_segment_header(ByteView input) {
  if (input.size() < kSegmentHeaderBytes) return std::nullopt;
  Bytes copy(input.begin(), input.begin() + kSegmentHeaderBytes);
  const auto crc = load_le<std::uint32_t>(copy, kSegmentCrcAt);
  store_le(MutableBytes(copy), kSegmentCrcAt, std::uint32_t{0});
  if (crc32c(copy) != crc) return std::nullopt;
  if (as_text(ByteView(copy).first(kMagic.size())) != kMagic) return std::nullopt;
  if (load_le<std::uint32_t>(copy, kVersionAt) != kVersion) return std::nullopt;
  if (load_le<std::uint32_t>(copy, kSegmentReservedAt) != 0) return std::nullopt;
  if (!all_zero(ByteView(copy).subspan(kSegmentCrcAt + 4))) return std::nullopt;
  return SegmentHeader{.first_seq = {load_le<std::uint64_t>(copy, kFirstSeqAt)},
                       .prev = load_digest(copy, kSegmentPrevAt)};
}

std::optional<Seq> seq_member(const text::Json& payload, std::string_view key) {
  const text::Json* found = payload.find(key);
  if (found == nullptr) return std::nullopt;
  if (found->is_int() && found->as_int() >= 0) return Seq{static_cast<std::uint64_t>(found->as_int())};
  if (!found->is_string()) return std::nullopt;
  Seq seq;
  const std::string& text = found->as_string();
  const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), seq.value);
  if (status != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return seq;
}

std::string segment_name(Seq first_seq) {
  Bytes big_endian(8);
  for (std::size_t i = 0; i < 8; ++i) big_endian[i] = static_cast<std::byte>(first_seq.value >> (56 - 8 * i));
  return to_hex(big_endian) + ".seg";
}

std::optional<Seq> parse_segment_name(std::string_view name) {
  if (name.size() != 20 || !name.ends_with(".seg")) return std::nullopt;
  const auto bytes = from_hex(name.substr(0, 16));
  if (!bytes) return std::nullopt;
  Seq seq;
  for (const std::byte b : *bytes) seq.value = seq.value << 8 | std::to_integer<std::uint64_t>(b);
  return seq;
}

}  // namespace rtt::journal
