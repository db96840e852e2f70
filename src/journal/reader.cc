// SPDX-License-Identifier: Apache-2.0
#include "journal/reader.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace rtt::journal {
namespace {

constexpr unsigned kThreadsMax = 64;

Record to_record(const RecordView& found, const Digest& hash) {
  return {.seq = found.seq,
          .type = found.type,
          .prev = found.prev,
          .payload_text = std::string(found.payload_text),
          .hash = hash};
}

// Puts what its files say together, in order, until the first that does not fit or does not verify.
class Joined {
 public:
  explicit Joined(Storage& storage) : storage_(storage) {}

  [[nodiscard]] bool whole() const { return state_.report.end == ReadReport::End::kClean; }
  // Whether the file goes on where the last one ended; if not, that is damage.
  bool follows(const Part& part, const PartRead& read) {
    if (part.kind == Part::Kind::kSegment) {
      state_.segment = part.name;
      state_.end_offset = kSegmentHeaderBytes;
    }
    const ReadReport& report = state_.report;
    const bool fits =
        read.header_sound && read.before.seq == report.last_seq && read.before.hash == report.last_hash;
    if (fits) return true;
    state_.report.end = ReadReport::End::kDamaged;
    state_.report.bad_seq = {report.last_seq.value + 1};
    state_.report.bad_file = storage_.path_of(part.name);
    state_.report.bad_offset = 0;
    return false;
  }
  // REQUIRES: follows(), or that reading began in this file.
  void add(PartRead read) {
    ReadReport& report = state_.report;
    report.last_seq = read.report.last_seq;
    report.records = report.last_seq.value;
    report.last_hash = read.report.last_hash;
    if (read.report.compacted_to.value > 0) report.compacted_to = read.report.compacted_to;
    if (read.report.tree.begin() == 0) {
      report.tree = std::move(read.report.tree);
    } else {
      report.tree.append(read.report.tree);
    }
    report.end = read.report.end;
    report.bad_seq = read.report.bad_seq;
    report.bad_file = std::move(read.report.bad_file);
    report.bad_offset = read.report.bad_offset;
    state_.end_offset = read.end_offset;
    state_.tail_bytes = read.tail_bytes;
    state_.short_file = read.short_file;
  }
  void begin_in(const Part& part) { state_.segment = part.name; }
  ReadState& state() { return state_; }

 private:
  Storage& storage_;
  ReadState state_;
};

Standing standing_of(std::size_t i, const std::vector<Part>& parts) {
  return i + 1 == parts.size() ? Standing::kLast : Standing::kInside;
}

struct Share {  // what one thread found out of one file
  Result<PartRead> read = PartRead();
  std::vector<Kept> kept;
  std::vector<Digest> hashes;
};

}  // namespace

Result<ReadState> read_storage(Storage& storage, const Layout& layout, Access access, const Visit& visit,
                               const Begin* from) {
  RTT_TRY_SET(std::vector<Part> parts, parts_of(storage));
  Record record;
  const Look look = [&](const Found& found) {
    record.seq = found.record.seq;
    record.type = found.record.type;
    record.prev = found.record.prev;
    record.payload_text = found.record.payload_text;
    record.hash = found.hash;
    visit(record);
  };
  SegmentReader reader(storage, layout, access);
  Joined joined(storage);
  std::size_t i = 0;
  if (from != nullptr) {
    while (i < parts.size() && parts[i].name != from->place.segment) ++i;
    RTT_ASSERT(i < parts.size());
    joined.begin_in(parts[i]);
    RTT_TRY_SET(PartRead read, reader.read(parts[i], standing_of(i, parts), visit ? look : Look(), from));
    joined.add(std::move(read));
    ++i;
  }
  for (; i < parts.size() && joined.whole(); ++i) {
    RTT_TRY_SET(PartRead read, reader.read_header(parts[i]));
    if (!joined.follows(parts[i], read)) break;
    if (parts[i].kind == Part::Kind::kSegment) {
      RTT_TRY_SET(read, reader.read(parts[i], standing_of(i, parts), visit ? look : Look()));
    }
    joined.add(std::move(read));
  }
  return std::move(joined.state());
}

Result<Verified> verify_storage(Storage& storage, const Layout& layout, Access access,
                                const VerifyOptions& options) {
  RTT_TRY_SET(const std::vector<Part> parts, parts_of(storage));
  std::vector<Share> shares(parts.size());
  std::atomic<std::size_t> next = 0;
  const bool hashes = options.hashes == VerifyOptions::Hashes::kKeep;
  const auto work = [&] {
    SegmentReader reader(storage, layout, access);
    for (std::size_t i = next++; i < parts.size(); i = next++) {
      Share& share = shares[i];
      const Look look = [&](const Found& found) {
        if (hashes) share.hashes.push_back(found.hash);
        if (!options.keep || !options.keep(found.record)) return;
        share.kept.push_back({.record = to_record(found.record, found.hash),
                              .place = {parts[i].name, found.offset},
                              .tree_before = found.tree_before()});
      };
      share.read = reader.read(parts[i], standing_of(i, parts), options.keep || hashes ? look : Look());
    }
  };
  std::vector<std::jthread> threads;
  const std::size_t wanted = std::min<std::size_t>({parts.size(), options.threads, kThreadsMax});
  for (std::size_t i = 1; i < wanted; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  Verified verified;
  Joined joined(storage);
  for (std::size_t i = 0; i < parts.size() && joined.whole(); ++i) {
    RTT_TRY_SET(PartRead read, std::move(shares[i].read));
    if (!joined.follows(parts[i], read)) break;
    for (Kept& kept : shares[i].kept) {
      crypto::MerkleTree all = joined.state().report.tree;
      all.append(kept.tree_before);
      kept.tree_before = std::move(all);
      verified.kept.push_back(std::move(kept));
    }
    if (hashes) {
      const std::vector<Digest>& from = read.hashes.empty() ? shares[i].hashes : read.hashes;
      verified.hashes.insert(verified.hashes.end(), from.begin(), from.end());
    }
    joined.add(std::move(read));
  }
  verified.state = std::move(joined.state());
  return verified;
}

}  // namespace rtt::journal
