// SPDX-License-Identifier: Apache-2.0
#include "receipts/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "os/file.h"

namespace rtt::receipts {
namespace {

constexpr std::string_view kSuffix = ".rcp";
// A segment is begun anew when it has reached its size, so one batch may stand beyond it.
constexpr std::size_t kSegmentBytesMax = kSegmentBytes + (std::size_t{1} << 20);

constexpr int kLooksMax = 16;

std::string name_of(std::uint64_t first) { return fmt::format("{:016x}{}", first, kSuffix); }

Result<std::vector<std::string>> segments_of(const std::string& folder) {
  RTT_TRY_SET(std::vector<std::string> names, os::list_directory(folder));
  std::erase_if(names, [](const std::string& name) {
    return name.size() != 16 + kSuffix.size() || !name.ends_with(kSuffix) ||
           name.find_first_not_of("0123456789abcdef") != 16;
  });
  return names;  // sorted: hexadecimal numbers of one length
}

}  // namespace

Result<ReceiptLog> ReceiptLog::open(std::string folder) {
  RTT_TRY(os::make_directories(folder, 0700));
  ReceiptLog log(std::move(folder));
  RTT_TRY_SET(const std::vector<std::string> names, segments_of(log.folder_));
  if (!names.empty()) {
    RTT_TRY(log.resume(names.back()));
  }
  return log;
}

// Goes on where the newest segment's last whole batch ends. Behind damage it begins another, so that what was
// done to the file can still be seen.
Status ReceiptLog::resume(const std::string& name) {
  const std::string path = folder_ + "/" + name;
  RTT_TRY_SET(const std::string text, os::read_file(path, kSegmentBytesMax));
  ByteView rest = as_bytes(text);
  std::uint64_t end = std::stoull(name.substr(0, 16), nullptr, 16);
  while (const auto batch = decode(rest)) {
    head_ = digest_of(batch->seal);
    end = batch->seal.end();
    good_bytes_ += batch->bytes;
    rest = rest.subspan(batch->bytes);
  }
  next_index_ = (end / kIndexStep + 1) * kIndexStep;
  if (!rest.empty() && !is_cut_short(rest)) return {};
  cut_needed_ = !rest.empty();
  RTT_TRY_SET(file_, os::RecordFile::open(folder_, name, os::RecordFile::Access::kAppend));
  return {};
}

std::vector<os::Fd> ReceiptLog::take_unsynced() {
  std::vector<os::Fd> files = std::exchange(unsynced_, {});
  if (!std::exchange(dirty_, false) || !file_) return files;
  if (auto copy = file_->copy()) {
    files.push_back(*std::move(copy));
  } else {
    dirty_ = true;  // no descriptor is left: the next time
  }
  return files;
}

Status ReceiptLog::begin_segment(std::uint64_t first) {
  if (std::exchange(dirty_, false) && file_) {
    if (auto copy = file_->copy()) unsynced_.push_back(*std::move(copy));
  }
  RTT_TRY_SET(file_, os::RecordFile::open(folder_, name_of(first), os::RecordFile::Access::kAppend));
  good_bytes_ = 0;
  remove_oldest();
  return {};
}

void ReceiptLog::remove_oldest() {
  const auto names = segments_of(folder_);
  if (!names || names->size() <= kSegmentsMax) return;
  for (std::size_t i = 0; i < names->size() - kSegmentsMax; ++i)
    (void)os::remove_file(folder_ + "/" + (*names)[i]);  // tried again with the next segment
}

Status ReceiptLog::append(ByteView block, const Seal& seal) {
  if (cut_needed_) {
    RTT_TRY(file_->cut(good_bytes_));
    cut_needed_ = false;
  }
  if (!file_ || good_bytes_ >= kSegmentBytes) {
    RTT_TRY(begin_segment(seal.first));
  }
  if (Status written = file_->append(block); !written) {
    cut_needed_ = true;
    return written;
  }
  good_bytes_ += block.size();
  dirty_ = true;
  next_index_ = seal.end();
  head_ = digest_of(seal);
  return {};
}

Result<LogReader> LogReader::open(std::string folder) {
  LogReader reader(std::move(folder));
  if (os::is_directory(reader.folder_)) {
    RTT_TRY_SET(reader.names_, segments_of(reader.folder_));
  }
  return reader;
}

Result<bool> LogReader::next_segment() {
  while (next_name_ < names_.size()) {
    auto text = os::read_file(folder_ + "/" + names_[next_name_++], kSegmentBytesMax);
    if (!text && text.error().code == Code::kNotFound) continue;  // the oldest, removed meanwhile
    if (!text) return std::unexpected(std::move(text).error());
    ++report_.segments;
    text_ = *std::move(text);
    at_ = 0;
    if (!text_.empty()) return true;
  }
  return false;
}

// The newest segment may be written to at this moment: a batch that is only half there is looked at again.
Result<bool> LogReader::look_again() {
  if (next_name_ != names_.size()) return false;
  RTT_TRY_SET(std::string text, os::read_file(folder_ + "/" + names_.back(), kSegmentBytesMax));
  if (text.size() <= text_.size()) return false;
  text_ = std::move(text);
  return true;
}

void LogReader::damaged(std::string what) {
  report_.problem = std::move(what);
  report_.where = fmt::format("{}/{}, byte {}", folder_, names_[next_name_ - 1], at_);
}

std::string LogReader::fault(const Batch& batch) const {
  std::string wrong = check(batch);
  if (!wrong.empty() || report_.batches == 0) return wrong;
  if (batch.seal.prev != report_.head) return "it does not follow the batch before it";
  if (batch.seal.first <= report_.last) return "its receipts have numbers that were given before";
  return {};
}

Result<std::optional<Batch>> LogReader::next() {
  if (!report_.problem.empty() || report_.torn_bytes > 0) return std::optional<Batch>();
  if (at_ == text_.size()) {
    RTT_TRY_SET(const bool more, next_segment());
    if (!more) return std::optional<Batch>();
  }
  std::optional<Batch> batch = decode(as_bytes(text_).subspan(at_));
  for (int look = 0; !batch && look < kLooksMax; ++look) {
    RTT_TRY_SET(const bool grown, look_again());
    if (!grown) break;
    batch = decode(as_bytes(text_).subspan(at_));
  }
  const ByteView rest = as_bytes(text_).subspan(at_);
  if (!batch) {
    if (next_name_ == names_.size() && is_cut_short(rest)) {
      report_.torn_bytes = rest.size();
    } else {
      damaged("a batch of receipts that cannot be read");
    }
    return std::optional<Batch>();
  }
  if (std::string wrong = fault(*batch); !wrong.empty()) {
    damaged(fmt::format("the batch of receipts from {}: {}", batch->seal.first, wrong));
    return std::optional<Batch>();
  }
  if (report_.batches == 0) report_.first = batch->seal.first;
  ++report_.batches;
  report_.receipts += batch->seal.count;
  report_.lost += batch->seal.lost;
  report_.last = batch->seal.end() - 1;
  report_.head = digest_of(batch->seal);
  at_ += batch->bytes;
  return batch;
}

}  // namespace rtt::receipts
