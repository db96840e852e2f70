// SPDX-License-Identifier: Apache-2.0
#include "journal/compact.h"

#include <algorithm>

#include "journal/hash_file.h"

namespace rtt::journal {
namespace {

Status replace(Storage& storage, const Layout& layout, const Part& part) {
  HashFile file{.first_seq = part.first_seq, .prev = {}, .hashes = {}};
  const Look look = [&](const Found& found) {
    if (file.hashes.empty()) file.prev = found.record.prev;
    file.hashes.push_back(found.hash);
  };
  RTT_TRY_SET(const PartRead read,
              SegmentReader(storage, layout, Access::kAlone).read(part, Standing::kInside, look));
  if (!read.header_sound || read.report.end != ReadReport::End::kClean || file.hashes.empty()) {
    return fail(Code::kJournalDamaged, "a segment that does not verify is not compacted",
                storage.path_of(part.name), "rtt audit --verify");
  }
  RTT_TRY(storage.save(hash_file_name(part.first_seq), encode_hash_file(file)));
  return storage.remove(part.name);
}

}  // namespace

Result<std::size_t> compact(Storage& storage, const Layout& layout, Seq keep_from) {
  RTT_TRY_SET(const std::vector<Part> parts, parts_of(storage));
  std::size_t count = 0;
  for (std::size_t i = 0; i + 1 < parts.size() && parts[i + 1].first_seq <= keep_from; ++i) {
    if (parts[i].kind != Part::Kind::kSegment) continue;
    RTT_TRY(replace(storage, layout, parts[i]));
    ++count;
  }
  return count;
}

Result<Seq> first_of_last(Storage& storage, std::size_t segments) {
  RTT_TRY_SET(const std::vector<Part> parts, parts_of(storage));
  const auto is_segment = [](const Part& part) { return part.kind == Part::Kind::kSegment; };
  if (std::cmp_less_equal(std::ranges::count_if(parts, is_segment), segments)) return Seq{0};
  return parts[parts.size() - segments].first_seq;
}

}  // namespace rtt::journal
