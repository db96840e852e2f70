// SPDX-License-Identifier: Apache-2.0
#include "journal/begin.h"

#include <algorithm>

#include "crypto/sha256.h"
#include "journal/record.h"

namespace rtt::journal {
namespace {

constexpr std::size_t kPlacesBytesMax = 4096;

std::unexpected<Error> not_there(const CheckpointPlace& place, const std::string& path) {
  return fail(Code::kJournalDamaged, "no CHECKPOINT record stands where it was written",
              path + ":" + std::to_string(place.offset), "rtt audit --verify");
}

std::vector<CheckpointPlace> remembered(Storage& storage) {
  const auto file = storage.open(std::string(kPlacesName), Storage::Access::kRead);
  if (!file) return {};
  Bytes bytes(kPlacesBytesMax);
  const auto got = (*file)->read_at(0, bytes);
  return got ? decode_places(as_text(ByteView(bytes).first(*got))) : std::vector<CheckpointPlace>();
}

Seq newest(const std::vector<CheckpointPlace>& places) {
  return places.empty() ? Seq{0} : Seq{places.front().seq.value + 1};
}

// The record at `place`; its segment's header has to be sound, nothing else of the segment is looked at.
Result<Record> record_at(Storage& storage, const Layout& layout, const CheckpointPlace& place) {
  const Part part{.name = place.segment, .first_seq = *parse_segment_name(place.segment)};
  const std::string path = storage.path_of(place.segment);
  RTT_TRY_SET(const PartRead header, SegmentReader(storage, layout, Access::kBeside).read_header(part));
  if (!header.header_sound || place.offset < kSegmentHeaderBytes || place.offset >= layout.segment_bytes)
    return not_there(place, path);
  RTT_TRY_SET(const auto file, storage.open(place.segment, Storage::Access::kRead));
  Bytes bytes(kRecordHeaderBytes);
  RTT_TRY_SET(std::size_t got, file->read_at(place.offset, bytes));
  const auto span = claimed_span(ByteView(bytes).first(got));
  if (!span) return not_there(place, path);
  bytes.resize(*span);
  RTT_TRY_SET(got, file->read_at(place.offset, bytes));
  const auto found = decode_record(ByteView(bytes).first(got));
  if (!found || found->type != RecordType::kCheckpoint || found->seq < part.first_seq)
    return not_there(place, path);
  return Record{.seq = found->seq,
                .type = found->type,
                .prev = found->prev,
                .payload_text = std::string(found->payload_text),
                .hash = crypto::sha256(found->bytes)};
}

struct Accepted {
  Begin begin;
  Digest state;
};
Result<Accepted> begin_behind(const Record& record, const CheckpointPlace& place, const Accept& accept) {
  RTT_TRY_SET(const text::Json payload, record.payload());
  RTT_TRY_SET(const Checkpoint checkpoint, checkpoint_from_json(payload, record.seq));
  RTT_TRY(accept(checkpoint));
  Begin begin{.place = {.segment = place.segment,
                        .offset = place.offset + padded(kRecordHeaderBytes + record.payload_text.size())},
              .last = {.seq = record.seq, .hash = record.hash},
              .tree = tree_of(checkpoint)};
  begin.tree.append(record.hash);
  return Accepted{.begin = std::move(begin), .state = checkpoint.state};
}

Result<Accepted> begin_at(Storage& storage, const Layout& layout, const CheckpointPlace& place,
                          const Accept& accept) {
  RTT_TRY_SET(const Record record, record_at(storage, layout, place));
  return begin_behind(record, place, accept);
}

std::string why(const Error& error) {
  return error.where.empty() ? error.message : error.message + " (" + error.where + ")";
}

class Search {
 public:
  Search(Storage& storage, const Layout& layout, const Accept& accept)
      : storage_(storage), layout_(layout), accept_(accept) {}

  // Whether one of these, in turn, is accepted.
  bool try_each(std::vector<CheckpointPlace> places) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      auto accepted = begin_at(storage_, layout_, places[i], accept_);
      if (accepted) {
        found_.from = std::move(accepted->begin);
        places[i].state = accepted->state;
        places.erase(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(i));
        places.resize(std::min(places.size(), kCheckpointsKept));
        found_.places = std::move(places);
        return true;
      }
      found_.passed_over.push_back("the checkpoint after record " + std::to_string(places[i].seq.value) +
                                   " is not used: " + why(accepted.error()));
    }
    return false;
  }
  Beginning& found() { return found_; }

 private:
  Storage& storage_;
  const Layout& layout_;
  const Accept& accept_;
  Beginning found_;
};

Result<std::vector<CheckpointPlace>> all_in(Storage& storage, const Layout& layout) {
  RTT_TRY_SET(const Verified verified,
              verify_storage(storage, layout, Access::kBeside, {.keep = [](const RecordView& record) {
                               return record.type == RecordType::kCheckpoint;
                             }}));
  std::vector<CheckpointPlace> places;
  for (const Kept& kept : verified.kept) {
    places.push_back({.seq = {kept.record.seq.value - 1},
                      .state = {},
                      .segment = kept.place.segment,
                      .offset = kept.place.offset});
  }
  std::ranges::reverse(places);
  return places;
}

}  // namespace

Result<Beginning> find_beginning(Storage& storage, const Layout& layout, const Accept& accept) {
  Search search(storage, layout, accept);
  std::vector<CheckpointPlace> places = remembered(storage);
  search.found().remembered_to = newest(places);
  if (!accept || search.try_each(std::move(places))) return std::move(search.found());
  RTT_TRY_SET(const std::vector<Part> parts, parts_of(storage));
  if (parts.empty() || parts.front().kind == Part::Kind::kSegment) return std::move(search.found());
  RTT_TRY_SET(places, all_in(storage, layout));
  search.found().passed_over.clear();
  if (search.try_each(std::move(places))) return std::move(search.found());
  const auto& passed_over = search.found().passed_over;
  return fail(Code::kJournalDamaged,
              "of the first records only the hashes are kept, and no checkpoint behind them can be used" +
                  (passed_over.empty() ? std::string() : ": " + passed_over.front()),
              storage.path_of(parts.front().name), "rtt audit --verify");
}

Seq remembered_to(Storage& storage) { return newest(remembered(storage)); }

void hold_to(Seq remembered, const Storage& storage, ReadReport& report) {
  if (report.end == ReadReport::End::kDamaged || remembered <= report.last_seq) return;
  report.end = ReadReport::End::kDamaged;
  report.bad_seq = {report.last_seq.value + 1};
  report.bad_file = storage.path_of(std::string(kPlacesName));
  report.bad_offset = 0;
}

}  // namespace rtt::journal
