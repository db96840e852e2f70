// SPDX-License-Identifier: Apache-2.0
#include "journal/reader.h"

#include <algorithm>

#include "crypto/sha256.h"
#include "journal/record.h"
#include "journal/tail.h"

namespace rtt::journal {
namespace {

constexpr std::size_t kWindowBytes = std::size_t{256} << 10;
constexpr int kLooksMax = 64;

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

class Reader {
 public:
  Reader(Storage& storage, const Layout& layout, Access access,
         const std::function<void(const Record&)>& visit)
      : storage_(storage), layout_(layout), access_(access), visit_(visit) {}

  Result<ReadState> run() {
    RTT_TRY_SET(const auto names, storage_.names());
    std::vector<std::string> segments;
    for (const std::string& name : names) {
      if (parse_segment_name(name)) segments.push_back(name);
    }
    for (std::size_t i = 0; i < segments.size() && report().end == ReadReport::End::kClean; ++i) {
      state_.segment = segments[i];
      RTT_TRY(read_segment(i + 1 == segments.size() ? Place::kLast : Place::kInside));
    }
    return std::move(state_);
  }

 private:
  enum class Place : std::uint8_t { kInside, kLast };
  ReadReport& report() { return state_.report; }
  Seq next_seq() { return {report().last_seq.value + 1}; }

  void bad(ReadReport::End end, std::uint64_t offset) {
    report().end = end;
    report().bad_seq = next_seq();
    report().bad_file = storage_.path_of(state_.segment);
    report().bad_offset = offset;
  }

  Status read_segment(Place place) {
    RTT_TRY_SET(const auto file, storage_.open(state_.segment, Storage::Access::kRead));
    RTT_TRY_SET(const std::uint64_t size, file->size());
    Window window(*file, layout_.segment_bytes);
    RTT_TRY_SET(const ByteView head, window.at(0, kSegmentHeaderBytes));
    const SegmentHeader expected{.first_seq = next_seq(), .prev = report().last_hash};
    state_.end_offset = kSegmentHeaderBytes;
    // A segment gets its name only when it is whole, so no crash explains a wrong header, length or place.
    if (decode_segment_header(head) != expected || state_.segment != segment_name(expected.first_seq) ||
        size > layout_.segment_bytes) {
      bad(ReadReport::End::kDamaged, 0);
      return {};
    }
    state_.short_file = size < layout_.segment_bytes;
    RTT_TRY(read_records(window));
    return read_tail(*file, window, place);
  }

  // Visits records until the first that does not verify.
  Status read_records(Window& window) {
    for (;;) {
      RTT_TRY_SET(ByteView input, window.at(state_.end_offset, kRecordHeaderBytes));
      const auto span = claimed_span(input);
      if (!span) return {};
      if (*span > input.size()) {
        RTT_TRY_SET(input, window.at(state_.end_offset, *span));
      }
      const auto found = decode_record(input);
      if (!found || found->seq != next_seq() || found->prev != report().last_hash) return {};
      accept(*found);
    }
  }

  void accept(const RecordView& found) {
    record_.seq = found.seq;
    record_.type = found.type;
    record_.prev = found.prev;
    record_.payload_text = found.payload_text;
    record_.hash = crypto::sha256(found.bytes);
    report().records += 1;
    report().last_seq = found.seq;
    report().last_hash = record_.hash;
    report().tree.append(record_.hash);
    state_.end_offset += found.span();
    if (visit_) visit_(record_);
  }

  Status read_tail(StoredFile& file, Window& window, Place place) {
    Bytes before;
    for (int look = 0; look < kLooksMax; ++look) {
      RTT_TRY_SET(const bool zeros, only_zeros(file, window));
      if (zeros && !state_.short_file) return {};
      RTT_TRY_SET(Bytes rest, load_rest(file));
      const Expected expected{.seq = next_seq(), .prev = report().last_hash, .offset = state_.end_offset};
      Tail tail = judge_tail(rest, expected);
      if (place == Place::kInside)
        tail.end = ReadReport::End::kDamaged;  // the next segment came after this was synced
      if (tail.end == ReadReport::End::kClean)
        tail.end = ReadReport::End::kTorn;  // zeros, but the file is too short
      const bool growing = access_ == Access::kBeside && place == Place::kLast;
      if (!growing || (look > 0 && rest == before)) {
        if (growing && tail.end == ReadReport::End::kTorn && !state_.short_file && storage_.writer_active())
          return {};
        state_.tail_bytes = tail.bytes;
        bad(tail.end, state_.end_offset);
        return {};
      }
      before = std::move(rest);
      window.forget();
      const std::uint64_t end = state_.end_offset;
      RTT_TRY(read_records(window));
      if (state_.end_offset != end) before.clear();
    }
    return {};  // a writer faster than we look: what was verified is the journal as of when we looked
  }

  Result<bool> only_zeros(StoredFile& file, Window& window) {
    for (std::uint64_t at = state_.end_offset;;) {
      RTT_TRY_SET(const StoredFile::Range data, file.next_data(at));
      if (data.begin == data.end) return true;
      RTT_TRY_SET(const ByteView piece, window.up_to(data.begin, data.end - data.begin));
      if (piece.empty()) return true;  // the file became shorter: its size says so
      if (used_bytes(piece) != 0) return false;
      at = data.begin + piece.size();
    }
  }

  Result<Bytes> load_rest(StoredFile& file) {
    Bytes rest(static_cast<std::size_t>(layout_.segment_bytes - state_.end_offset));
    RTT_TRY_SET(const std::size_t got, file.read_at(state_.end_offset, rest));
    rest.resize(got);
    return rest;
  }

  Storage& storage_;
  const Layout& layout_;
  Access access_;
  const std::function<void(const Record&)>& visit_;
  ReadState state_;
  Record record_;
};

}  // namespace

Result<ReadState> read_storage(Storage& storage, const Layout& layout, Access access,
                               const std::function<void(const Record&)>& visit) {
  return Reader(storage, layout, access, visit).run();
}

}  // namespace rtt::journal
