// SPDX-License-Identifier: Apache-2.0
#include "journal/segment_reader.h"

#include <algorithm>
#include <array>

#include "crypto/sha256_many.h"
#include "journal/hash_file.h"
#include "journal/tail.h"

namespace rtt::journal {
namespace {

constexpr std::size_t kWindowBytes = std::size_t{64} << 10;
constexpr int kLooksMax = 64;
constexpr std::size_t kRecordsAtOnce = 64;  // that stay in the fastest cache from the crc to the hash

// The part of a file that is in memory, moved forward as reading goes on.
class Window {
 public:
  Window(StoredFile& file, std::uint64_t segment_bytes)
      : file_(file),
        bytes_max_(static_cast<std::size_t>(std::min<std::uint64_t>(kWindowBytes, segment_bytes))) {}

  // Bytes from `offset` on, at least `count` of them unless the file ends before.
  Result<ByteView> at(std::uint64_t offset, std::size_t count) {
    const bool inside =
        offset >= start_ && offset - start_ <= filled_ && count <= filled_ - (offset - start_);
    if (!inside) {
      RTT_TRY(load(offset, std::max(count, bytes_max_)));
    }
    return ByteView(bytes_).first(filled_).subspan(static_cast<std::size_t>(offset - start_));
  }
  // At most `count` bytes from `offset` on, and no further into the file.
  Result<ByteView> up_to(std::uint64_t offset, std::uint64_t count) {
    const bool inside = offset >= start_ && offset - start_ < filled_;
    if (!inside) RTT_TRY(load(offset, static_cast<std::size_t>(std::min<std::uint64_t>(count, bytes_max_))));
    const ByteView found = ByteView(bytes_).first(filled_).subspan(static_cast<std::size_t>(offset - start_));
    return found.first(static_cast<std::size_t>(std::min<std::uint64_t>(count, found.size())));
  }
  void forget() { filled_ = 0; }

 private:
  Status load(std::uint64_t offset, std::size_t count) {
    bytes_.resize(std::max(bytes_.size(), count));
    start_ = offset;
    filled_ = 0;
    RTT_TRY_SET(filled_, file_.read_at(offset, MutableBytes(bytes_).first(count)));
    return {};
  }

  StoredFile& file_;
  std::size_t bytes_max_;
  Bytes bytes_;
  std::uint64_t start_ = 0;
  std::size_t filled_ = 0;
};

Bytes whole_of(StoredFile& file, std::uint64_t size, Status& done) {
  Bytes bytes(static_cast<std::size_t>(size));
  const auto got = file.read_at(0, bytes);
  if (!got) done = std::unexpected(got.error());
  bytes.resize(got.value_or(0));
  return bytes;
}

// One segment, from its header or from a place in it.
class Segment {
 public:
  Segment(Storage& storage, const Layout& layout, Access access, const Part& part, StoredFile& file,
          const Look& look)
      : storage_(storage),
        layout_(layout),
        access_(access),
        part_(part),
        file_(file),
        look_(look),
        window_(file, layout.segment_bytes) {}

  // A segment gets its name only when it is whole, so no crash explains a wrong header or length.
  Status begin() {
    RTT_TRY_SET(const std::uint64_t size, file_.size());
    RTT_TRY_SET(const ByteView head, window_.at(0, kSegmentHeaderBytes));
    read_.end_offset = kSegmentHeaderBytes;
    read_.short_file = size < layout_.segment_bytes;
    const auto header = decode_segment_header(head);
    read_.header_sound = header && header->first_seq == part_.first_seq && header->first_seq.value > 0 &&
                         size <= layout_.segment_bytes;
    if (!read_.header_sound) return {};
    take_up({.seq = {header->first_seq.value - 1}, .hash = header->prev},
            crypto::MerkleTree(header->first_seq.value - 1));
    return {};
  }
  void begin_at(const Begin& from) {
    read_.end_offset = from.place.offset;
    take_up(from.last, from.tree);
  }
  Status run(Standing standing) {
    RTT_TRY(read_records());
    return read_tail(standing);
  }
  PartRead& result() { return read_; }

 private:
  ReadReport& report() { return read_.report; }
  Seq next_seq() { return {report().last_seq.value + 1}; }

  void take_up(const Link& last, crypto::MerkleTree tree) {
    read_.before = last;
    report().last_seq = last.seq;
    report().last_hash = last.hash;
    report().tree = std::move(tree);
  }

  void bad(ReadReport::End end) {
    report().end = end;
    report().bad_seq = next_seq();
    report().bad_file = storage_.path_of(part_.name);
    report().bad_offset = read_.end_offset;
  }

  // Until the first that does not verify.
  Status read_records() {
    for (;;) {
      RTT_TRY_SET(const bool all, read_some());
      if (!all) return {};
    }
  }

  // Some that lie in the window one behind the other; whether there were any and all of them verify.
  Result<bool> read_some() {
    RTT_TRY_SET(ByteView input, window_.at(read_.end_offset, kRecordHeaderBytes));
    const auto span = claimed_span(input);
    if (!span) return false;
    if (*span > input.size()) {
      RTT_TRY_SET(input, window_.at(read_.end_offset, *span));
    }
    some_.clear();
    for (Seq seq = next_seq(); some_.size() < kRecordsAtOnce; ++seq.value) {
      const auto found = decode_record(input);
      if (!found || found->seq != seq) break;
      some_.push_back(*found);
      input = input.subspan(found->span());
    }
    return accept_chained();
  }

  bool accept_chained() {
    std::array<ByteView, kRecordsAtOnce> messages;
    std::array<Digest, kRecordsAtOnce> all;
    std::ranges::transform(some_, messages.begin(), &RecordView::bytes);
    const auto hashes = std::span(all).first(some_.size());
    crypto::sha256_many(std::span(messages).first(some_.size()), hashes);
    std::size_t count = 0;
    for (; count < some_.size() && some_[count].prev == report().last_hash; ++count) {
      const RecordView& found = some_[count];
      if (look_) {
        look_({.record = found,
               .hash = hashes[count],
               .offset = read_.end_offset,
               .tree = report().tree,
               .since = hashes.first(count)});
      }
      report().last_seq = found.seq;
      report().last_hash = hashes[count];
      read_.end_offset += found.span();
    }
    report().tree.append(hashes.first(count));
    return count > 0 && count == some_.size();
  }

  Status read_tail(Standing standing) {
    Bytes before;
    for (int look = 0; look < kLooksMax; ++look) {
      RTT_TRY_SET(const bool zeros, only_zeros());
      if (zeros && !read_.short_file) return {};
      RTT_TRY_SET(Bytes rest, load_rest());
      const Expected expected{.seq = next_seq(), .prev = report().last_hash, .offset = read_.end_offset};
      Tail tail = judge_tail(rest, expected);
      if (standing == Standing::kInside)
        tail.end = ReadReport::End::kDamaged;  // the next segment came after this was synced
      if (tail.end == ReadReport::End::kClean)
        tail.end = ReadReport::End::kTorn;  // zeros, but the file is too short
      const bool growing = access_ == Access::kBeside && standing == Standing::kLast;
      if (!growing || (look > 0 && rest == before)) {
        if (growing && tail.end == ReadReport::End::kTorn && !read_.short_file && storage_.writer_active())
          return {};
        read_.tail_bytes = tail.bytes;
        bad(tail.end);
        return {};
      }
      before = std::move(rest);
      window_.forget();
      const std::uint64_t end = read_.end_offset;
      RTT_TRY(read_records());
      if (read_.end_offset != end) before.clear();
    }
    return {};  // a writer faster than we look: what was verified is the journal as of when we looked
  }

  Result<bool> only_zeros() {
    for (std::uint64_t at = read_.end_offset;;) {
      RTT_TRY_SET(const StoredFile::Range data, file_.next_data(at));
      if (data.begin == data.end) return true;
      RTT_TRY_SET(const ByteView piece, window_.up_to(data.begin, data.end - data.begin));
      if (piece.empty()) return true;  // the file became shorter: its size says so
      if (used_bytes(piece) != 0) return false;
      at = data.begin + piece.size();
    }
  }

  Result<Bytes> load_rest() {
    Bytes rest(static_cast<std::size_t>(layout_.segment_bytes - read_.end_offset));
    RTT_TRY_SET(const std::size_t got, file_.read_at(read_.end_offset, rest));
    rest.resize(got);
    return rest;
  }

  Storage& storage_;
  const Layout& layout_;
  Access access_;
  const Part& part_;
  StoredFile& file_;
  const Look& look_;
  Window window_;
  std::vector<RecordView> some_;
  PartRead read_;
};

// Hashes are written once, under a name they get when they are whole.
Result<PartRead> read_hashes(StoredFile& file, const Layout& layout, const Part& part) {
  PartRead read;
  RTT_TRY_SET(const std::uint64_t size, file.size());
  if (size > kHashFileHeaderBytes + layout.segment_bytes / kRecordHeaderBytes * sizeof(Digest)) return read;
  Status done;
  auto found = decode_hash_file(whole_of(file, size, done));
  RTT_TRY(done);
  if (!found || found->first_seq != part.first_seq || found->first_seq.value == 0) return read;
  const std::uint64_t before = found->first_seq.value - 1;
  read.header_sound = true;
  read.before = {.seq = {before}, .hash = found->prev};
  read.report.last_seq = {before + found->hashes.size()};
  read.report.last_hash = found->hashes.back();
  read.report.compacted_to = read.report.last_seq;
  read.report.tree = crypto::MerkleTree(before);
  read.report.tree.append(found->hashes);
  read.hashes = std::move(found->hashes);
  return read;
}

}  // namespace

crypto::MerkleTree Found::tree_before() const {
  crypto::MerkleTree before = tree;
  before.append(since);
  return before;
}

Result<std::vector<Part>> parts_of(Storage& storage) {
  RTT_TRY_SET(const auto names, storage.names());
  std::vector<Part> parts;
  for (const std::string& name : names) {
    if (const auto seq = parse_segment_name(name)) {
      parts.push_back({.name = name, .first_seq = *seq, .kind = Part::Kind::kSegment});
    } else if (const auto hashes = parse_hash_file_name(name)) {
      if (!std::ranges::binary_search(names, segment_name(*hashes)))
        parts.push_back({.name = name, .first_seq = *hashes, .kind = Part::Kind::kHashes});
    }
  }
  return parts;  // names are sorted, and so are these: both kinds begin with the seq
}

Result<std::unique_ptr<StoredFile>> SegmentReader::open(Part& part) {
  auto file = storage_.open(part.name, Storage::Access::kRead);
  if (file || part.kind == Part::Kind::kHashes || file.error().code != Code::kNotFound) return file;
  part = {.name = hash_file_name(part.first_seq), .first_seq = part.first_seq, .kind = Part::Kind::kHashes};
  return storage_.open(part.name, Storage::Access::kRead);
}

Result<PartRead> SegmentReader::read_header(Part part) {
  RTT_TRY_SET(const auto file, open(part));
  if (part.kind == Part::Kind::kHashes) return read_hashes(*file, layout_, part);
  const Look nothing;
  Segment segment(storage_, layout_, access_, part, *file, nothing);
  RTT_TRY(segment.begin());
  return std::move(segment.result());
}

Result<PartRead> SegmentReader::read(Part part, Standing standing, const Look& look, const Begin* from) {
  RTT_TRY_SET(const auto file, open(part));
  if (part.kind == Part::Kind::kHashes) return read_hashes(*file, layout_, part);
  Segment segment(storage_, layout_, access_, part, *file, look);
  RTT_TRY(segment.begin());
  if (!segment.result().header_sound) return std::move(segment.result());
  if (from != nullptr) segment.begin_at(*from);
  RTT_TRY(segment.run(standing));
  return std::move(segment.result());
}

}  // namespace rtt::journal
