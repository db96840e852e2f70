// SPDX-License-Identifier: Apache-2.0
#include "journal/tail.h"

#include <algorithm>
#include <cstring>

#include "base/crc32c.h"

namespace rtt::journal {
namespace {

constexpr std::size_t kSectorBytes = 512;
constexpr std::size_t kWordBytes = 8;

bool zero_word(ByteView bytes, std::size_t at) { return load_le<std::uint64_t>(bytes, at) == 0; }

// The next record at or after `at` that is valid by itself and belongs at or after `least`; every record
// begins at a multiple of 8, and none with a zero, so none behind `used`: looking for one in all the zeros of
// a segment took 60 ms.
struct Found {
  std::size_t at = 0;
  RecordView record;
};
std::optional<Found> next_valid(ByteView rest, std::size_t used, std::size_t at, Seq least) {
  for (; at < used && at + kRecordHeaderBytes <= rest.size(); at += kWordBytes) {
    if (const auto record = decode_record(rest.subspan(at)); record && record->seq >= least)
      return Found{at, *record};
  }
  return std::nullopt;
}

// Whether `found` can be what is left of `whole` after its last bytes were lost.
bool cut_short(std::uint64_t found, std::uint64_t whole) {
  if (found == whole) return false;
  for (unsigned kept = 0; kept < 8; ++kept) {
    if (found == (whole & ((std::uint64_t{1} << (8 * kept)) - 1))) return true;
  }
  return false;
}

// Whether the word at `at`, the last of a sector, shows that the sector was lost or half written. Of a header
// the seq and `prev` are known, so their remains are recognised exactly; a crc that ends in 0 is taken for
// one cut short.
bool header_word_cut(ByteView rest, std::size_t at, const Expected& expected) {
  const std::size_t seq_at = 8, type_at = 16, prev_at = 24;
  const auto word = load_le<std::uint64_t>(rest, at);
  if (at < seq_at) return word >> 56 == 0;
  if (at < type_at) return cut_short(word, expected.seq.value);
  if (at < prev_at) return word == 0;
  return cut_short(word, load_le<std::uint64_t>(expected.prev.bytes, at - prev_at));
}

// Whether everything but the length of the one bad record in [0, end) is as it was written.
bool only_length_wrong(ByteView rest, std::size_t end) {
  for (std::size_t length = end; length > kRecordHeaderBytes && length + kWordBytes > end; --length) {
    if (crc32c(rest.subspan(8, length - 8)) == load_le<std::uint32_t>(rest, 4)) return true;
  }
  return false;
}

// Whether a lost or half-written sector explains why [0, end) of `rest` is bad, where `end` begins the next
// valid record: then some sector ends in zeros where a record has none.
bool has_hole(ByteView rest, std::size_t end, const Expected& expected) {
  const bool alone =
      claimed_span(rest) == end;  // one bad record whose length is intact: its padding may be zeros
  if (only_length_wrong(rest, end)) return false;
  const std::size_t payload_end = alone ? load_le<std::uint32_t>(rest, 0) : end - (kWordBytes - 1);
  for (std::size_t at = 0; at + kWordBytes <= end; at += kWordBytes) {
    const bool sector_ends =
        (expected.offset + at + kWordBytes) % kSectorBytes == 0 || at + kWordBytes >= end;
    if (!sector_ends) continue;
    if (at < kRecordHeaderBytes) {
      if (header_word_cut(rest, at, expected)) return true;
    } else if (zero_word(rest, at) || rest[std::min(at + kWordBytes, payload_end) - 1] == std::byte{0}) {
      return true;
    }
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
  auto found = next_valid(rest, tail.bytes, 0, expected.seq);
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
    found = next_valid(rest, tail.bytes, found->at + found->record.span(), expected.seq);
  }
  return tail;
}

}  // namespace rtt::journal
