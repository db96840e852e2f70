// SPDX-License-Identifier: Apache-2.0
#include "journal/writer.h"

#include <algorithm>

#include "journal/record.h"
#include "model/limits.h"
#include "text/json_canonical.h"

namespace rtt::journal {

Result<Writer> Writer::resume(Storage& storage, const Layout& layout, ReadState state) {
  RTT_ASSERT(state.report.end == ReadReport::End::kClean);
  RTT_ASSERT(layout.segment_bytes > kSegmentHeaderBytes && layout.segment_bytes % 8 == 0);
  Writer writer(storage, layout);
  writer.last_seq_ = state.report.last_seq;
  writer.last_hash_ = state.report.last_hash;
  writer.tree_ = std::move(state.report.tree);
  writer.offset_ = state.end_offset;
  writer.zeroed_to_ = state.end_offset;  // perhaps more: zeros are then written over zeros, once
  if (!state.segment.empty()) {
    RTT_TRY_SET(writer.file_, storage.open(state.segment, Storage::Access::kReadWrite));
    // A batch written by a process that died before its sync may be among what was read: it counts from now
    // on.
    RTT_TRY(writer.file_->sync_data());
  }
  return writer;
}

Status Writer::begin_segment() {
  const Seq first{last_seq_.value + 1};
  const std::string name = segment_name(first);
  const Bytes head = encode_segment_header({.first_seq = first, .prev = last_hash_});
  zeroed_to_ = std::min(layout_.segment_bytes, head.size() + layout_.zeros_ahead_bytes);
  RTT_TRY(storage_->create_zeroed(
      name, {.bytes = layout_.segment_bytes, .written_bytes = zeroed_to_, .head = head}));
  RTT_TRY_SET(file_, storage_->open(name, Storage::Access::kReadWrite));
  offset_ = kSegmentHeaderBytes;
  return {};
}

Status Writer::write(ByteView bytes) {
  if (!file_ || bytes.size() > layout_.segment_bytes - offset_) RTT_TRY(begin_segment());
  RTT_ASSERT(bytes.size() <= layout_.segment_bytes - offset_);
  RTT_TRY(file_->write_at(offset_, bytes));
  RTT_TRY(zero_ahead(offset_ + bytes.size()));
  return file_->sync_data();
}

// Keeps at least half of zeros_ahead_bytes of written blocks behind `end`. The zeros become durable with the
// batch; if a crash loses them nothing changes, as what they are written over reads as zeros too.
Status Writer::zero_ahead(std::uint64_t end) {
  if (zeroed_to_ == layout_.segment_bytes || zeroed_to_ >= end + layout_.zeros_ahead_bytes / 2) return {};
  const std::uint64_t from = std::max(zeroed_to_, end);
  zeroed_to_ = std::min(layout_.segment_bytes, end + layout_.zeros_ahead_bytes);
  if (zeroed_to_ <= from) return {};
  return file_->write_at(from, Bytes(static_cast<std::size_t>(zeroed_to_ - from)));
}

Result<std::vector<Seq>> Writer::append_batch(std::vector<NewRecord> records) {
  if (failed_) {
    return std::unexpected(
        Error(*failed_).in("the journal takes no more records after a failed write").hinting("rtt doctor"));
  }
  std::vector<Seq> seqs;
  std::vector<Digest> hashes;
  buffer_.clear();
  const std::uint64_t first = last_seq_.value + 1;
  Digest prev = last_hash_;
  for (NewRecord& record : records) {
    RTT_ASSERT(record.payload.is_object());
    const Seq seq{first + seqs.size()};
    if (seq.value != first) record.payload.set("batch", first);
    const std::string text = text::canonical_json(record.payload);
    if (text.size() > limits::kRecordPayloadBytesMax) {
      return fail(Code::kTooLarge, "a journal record of " + std::to_string(text.size()) +
                                       " bytes is over the limit of " +
                                       std::to_string(limits::kRecordPayloadBytesMax));
    }
    prev = encode_record(buffer_, {.seq = seq, .type = record.type, .prev = prev}, text);
    hashes.push_back(prev);
    seqs.push_back(seq);
    if (buffer_.size() > layout_.segment_bytes - kSegmentHeaderBytes) {
      return fail(Code::kTooLarge, "a journal batch is larger than a segment of " +
                                       std::to_string(layout_.segment_bytes) + " bytes");
    }
  }
  if (seqs.empty()) return seqs;
  if (Status written = write(buffer_); !written) {
    // Some of it may be in the file or in its cached pages; only a fresh look at the disk can tell.
    failed_ = written.error();
    if (file_) file_->forget_cache();
    return std::unexpected(std::move(written).error().in("the journal could not be written"));
  }
  offset_ += buffer_.size();
  last_seq_ = seqs.back();
  last_hash_ = prev;
  for (const Digest& hash : hashes) tree_.append(hash);
  return seqs;
}

}  // namespace rtt::journal
