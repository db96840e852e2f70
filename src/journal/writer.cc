// SPDX-License-Identifier: Apache-2.0
#include "journal/writer.h"

#include <algorithm>

#include "journal/record.h"
#include "model/limits.h"

namespace rtt::journal {

Result<Writer> Writer::resume(Storage& storage, const Layout& layout, ReadState state) {
  RTT_ASSERT(state.report.end == ReadReport::End::kClean);
  RTT_ASSERT(layout.segment_bytes > kSegmentHeaderBytes && layout.segment_bytes % 8 == 0);
  Writer writer(storage, layout);
  writer.last_ = {.seq = state.report.last_seq, .hash = state.report.last_hash};
  writer.tree_ = std::move(state.report.tree);
  writer.offset_ = state.end_offset;
  writer.zeroed_to_ = state.end_offset;  // perhaps more: zeros are then written over zeros, once
  if (!state.segment.empty()) {
    RTT_TRY_SET(writer.file_, storage.open(state.segment, Storage::Access::kReadWrite));
    writer.place_.segment = state.segment;
    // A batch written by a process that died before its sync may be among what was read: it counts from now
    // on.
    RTT_TRY(writer.file_->sync_data());
  }
  return writer;
}

Status Writer::begin_segment() {
  const Seq first{last_.seq.value + 1};
  const std::string name = segment_name(first);
  const Bytes head = encode_segment_header({.first_seq = first, .prev = last_.hash});
  zeroed_to_ = std::min(layout_.segment_bytes, head.size() + layout_.zeros_ahead_bytes);
  RTT_TRY(storage_->create_zeroed(
      name, {.bytes = layout_.segment_bytes, .written_bytes = zeroed_to_, .head = head}));
  RTT_TRY_SET(file_, storage_->open(name, Storage::Access::kReadWrite));
  place_.segment = name;
  offset_ = kSegmentHeaderBytes;
  return {};
}

Status Writer::write(ByteView bytes) {
  if (!file_ || bytes.size() > layout_.segment_bytes - offset_) RTT_TRY(begin_segment());
  RTT_ASSERT(bytes.size() <= layout_.segment_bytes - offset_);
  RTT_TRY(file_->write_at(offset_, bytes));
  RTT_TRY(zero_ahead(offset_, offset_ + bytes.size()));
  return file_->sync_data();
}

// Keeps at least half of zeros_ahead_bytes of written blocks behind `end`, where a batch that is not large
// ends. The zeros become durable with the batch; if a crash loses them nothing changes, as what they are
// written over reads as zeros too.
Status Writer::zero_ahead(std::uint64_t begin, std::uint64_t end) {
  if (end - begin >= layout_.large_batch_bytes) return {};
  if (zeroed_to_ == layout_.segment_bytes || zeroed_to_ >= end + layout_.zeros_ahead_bytes / 2) return {};
  const std::uint64_t from = std::max(zeroed_to_, end);
  zeroed_to_ = std::min(layout_.segment_bytes, end + layout_.zeros_ahead_bytes);
  if (zeroed_to_ <= from) return {};
  return file_->write_at(from, Bytes(static_cast<std::size_t>(zeroed_to_ - from)));
}

Status Writer::well() const {
  if (!failed_) return {};
  return std::unexpected(
      Error(*failed_).in("the journal takes no more records after a failed write").hinting("rtt doctor"));
}

Status Writer::append(std::span<const ReadyRecord> records) {
  RTT_TRY(well());
  if (records.empty()) return {};
  Group group(last_.seq, bytes_max(records));
  group.lay(records);
  group.seal(last_, group.laid());
  return append(group);
}

Status Writer::append(const Group& group) {
  RTT_TRY(well());
  RTT_ASSERT(group.tree().begin() == last_.seq.value && group.tree().end() == group.end().seq.value);
  const std::size_t bytes = group.bytes().size();
  if (bytes > batch_bytes_max()) {
    return fail(Code::kTooLarge, "a journal batch is larger than a segment of " +
                                     std::to_string(layout_.segment_bytes) + " bytes");
  }
  if (Status written = write(group.bytes()); !written) {
    // Some of it may be in the file or in its cached pages; only a fresh look at the disk can tell.
    failed_ = written.error();
    if (file_) file_->forget_cache();
    return std::unexpected(std::move(written).error().in("the journal could not be written"));
  }
  place_.offset = offset_;
  offset_ += bytes;
  appended_bytes_ += bytes;
  last_ = group.end();
  tree_.append(group.tree());
  return {};
}

Result<std::vector<Seq>> Writer::append_batch(const std::vector<NewRecord>& records) {
  RTT_TRY_SET(const std::vector<ReadyRecord> ready, make_ready(records));
  std::vector<Seq> seqs;
  for (std::size_t i = 1; i <= ready.size(); ++i) seqs.push_back({last_.seq.value + i});
  RTT_TRY(append(ready));
  return seqs;
}

}  // namespace rtt::journal
