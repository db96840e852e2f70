// SPDX-License-Identifier: Apache-2.0
#include "journal/tail.h"

#include <cstring>

namespace rtt::journal {
namespace {

constexpr std::size_t kSectorBytes = 512;
constexpr std::size_t kWordBytes = 8;

bool zero_word(ByteView bytes, std::size_t at) { return load_le<std::uint64_t>(bytes, at) == 0; }

// The next record at or after `at` that is valid by itself and belongs at or after `least`; every record begins at a
// multiple of 8.
struct Found {
  std::size_t at = 0;
  RecordView record;
};
std::optional<Found> next_valid(ByteView rest, std::size_t at, Seq least) {
  for (; at + kRecordHeaderBytes <= rest.size(); at += kWordBytes) {
    if (const auto record = decode_record(rest.subspan(at)); record && record->seq >= least) return Found{at, *record};
  }
  return std::nullopt;
}

// Whether a lost or half-written sector explains why [0, end) of `rest` is bad. The words of an all-zero `prev` are no
// evidence: the first record has one.
bool has_hole(ByteView rest, std::size_t end, const Expected& expected) {
  const std::size_t prev_begin = 24, prev_end = 56;
  for (std::size_t at = 0; at + kWordBytes <= end; at += kWordBytes) {
    const bool sector_ends = (expected.offset + at + kWordBytes) % kSectorBytes == 0 || at + kWordBytes >= end;
    if (!sector_ends || !zero_word(rest, at)) continue;
    if (expected.prev.is_zero() && at >= prev_begin && at < prev_end) continue;
    return true;
  }
  return false;
}

// Whether the record says it was written in one batch that began at or before `seq`.
bool same_batch(const RecordView& record, Seq seq) {
  const auto payload = text::parse_json(record.payload_text);
  if (!payload) return false;
  const std::int64_t first = payload->int_or("batch", 0);
  return first >= 1 && static_cast<std::uint64_t>(first) <= seq.value;
}

}  // namespace

std::size_t used_bytes(ByteView bytes) {
  std::size_t used = bytes.size();
  // Blocks without an early end, so that the compiler makes vector code of the usual case: nothing but zeros.
  constexpr std::size_t kBlockBytes = 4096;
  for (; used >= kBlockBytes; used -= kBlockBytes) {
    std::uint64_t any = 0;
    const std::byte* block = bytes.data() + used - kBlockBytes;
    for (std::size_t at = 0; at < kBlockBytes; at += kWordBytes) {
      std::uint64_t word = 0;
      std::memcpy(&word, block + at, sizeof word);
      any |= word;
    }
    if (any != 0) break;
  }
  while (used % kWordBytes != 0 && bytes[used - 1] == std::byte{0}) --used;
  if (used % kWordBytes != 0) return used;
  while (used > 0 && zero_word(bytes, used - kWordBytes)) used -= kWordBytes;
  while (used > 0 && bytes[used - 1] == std::byte{0}) --used;
  return used;
}

Tail judge_tail(ByteView rest, const Expected& expected) {
  Tail tail{.end = ReadReport::End::kClean, .bytes = used_bytes(rest)};
  if (tail.bytes == 0) return tail;
  tail.end = ReadReport::End::kTorn;
  auto found = next_valid(rest, 0, expected.seq);
  if (!found) return tail;
  // A record that is whole where it should stand, yet breaks the chain, was not made by a crash.
  if (found->at == 0 || !has_hole(rest, found->at, expected)) {
    tail.end = ReadReport::End::kDamaged;
    return tail;
  }
  while (found) {
    if (!same_batch(found->record, expected.seq)) {
      tail.end = ReadReport::End::kDamaged;
      return tail;
    }
    found = next_valid(rest, found->at + found->record.span(), expected.seq);
  }
  return tail;
}

}  // namespace rtt::journal
