// SPDX-License-Identifier: Apache-2.0
#include "journal/group.h"

#include <array>

#include "journal/record.h"
#include "model/limits.h"
#include "text/json_canonical.h"

namespace rtt::journal {
namespace {

constexpr std::string_view kBatch = "batch";
constexpr std::string_view kBatchKey = R"("batch":)";
constexpr std::size_t kBatchBytesMax = kBatchKey.size() + std::string_view("9007199254740991,").size();

// Hashed side by side into the tree.
constexpr std::size_t kHashesAtOnce = 64;

}  // namespace

std::size_t ReadyRecord::bytes_max() const {
  return padded(kRecordHeaderBytes + text.size() + kBatchBytesMax);
}

Result<ReadyRecord> make_ready(const NewRecord& record) {
  RTT_ASSERT(record.payload.is_object());
  text::CanonicalWithGap written = text::canonical_json_with_gap(record.payload, kBatch);
  if (written.text.size() + kBatchBytesMax > limits::kRecordPayloadBytesMax) {
    return fail(Code::kTooLarge, "a journal record of " + std::to_string(written.text.size()) +
                                     " bytes is over the limit of " +
                                     std::to_string(limits::kRecordPayloadBytesMax - kBatchBytesMax));
  }
  return ReadyRecord{.type = record.type, .text = std::move(written.text), .batch_at = written.gap_at};
}

Result<std::vector<ReadyRecord>> make_ready(std::span<const NewRecord> records) {
  std::vector<ReadyRecord> ready;
  ready.reserve(records.size());
  for (const NewRecord& record : records) {
    RTT_TRY_SET(ReadyRecord one, make_ready(record));
    ready.push_back(std::move(one));
  }
  return ready;
}

std::size_t bytes_max(std::span<const ReadyRecord> records) {
  std::size_t bytes = 0;
  for (const ReadyRecord& record : records) bytes += record.bytes_max();
  return bytes;
}

Group::Group(Seq last, std::size_t room)
    : bytes_(std::make_unique_for_overwrite<std::byte[]>(room)), bytes_max_(room) {
  begin_anew(last);
}

void Group::begin_anew(Seq last) {
  laid_ = sealed_ = 0;
  first_ = next_ = {last.value + 1};
  tree_ = crypto::MerkleTree(last.value);
}

void Group::lay(std::span<const ReadyRecord> records) {
  const std::string first = std::to_string(first_.value);
  for (const ReadyRecord& record : records) {
    const std::string_view text = record.text;
    const std::string_view before = text.substr(0, record.batch_at), after = text.substr(record.batch_at);
    std::array<std::string_view, 6> pieces{before};
    if (next_ == first_) {
      pieces[1] = after;
    } else {
      const bool begins = before == "{", ends = after == "}";
      pieces = {before, ends && !begins ? "," : "", kBatchKey, first, ends ? "" : ",", after};
    }
    laid_ += lay_record(all().subspan(laid_), next_, record.type, pieces);
    ++next_.value;
  }
}

void Group::seal(const Link& last, std::size_t laid) {
  std::array<Digest, kHashesAtOnce> hashes;
  std::size_t count = 0;
  end_ = last;
  while (sealed_ < laid) {
    const MutableBytes record = all().subspan(sealed_, laid - sealed_);
    end_ = {.seq = {end_.seq.value + 1}, .hash = seal_record(record, end_.hash)};
    sealed_ += *claimed_span(record);
    hashes[count++] = end_.hash;
    if (count < hashes.size() && sealed_ < laid) continue;
    tree_.append(std::span(hashes).first(count));
    count = 0;
  }
}

}  // namespace rtt::journal
