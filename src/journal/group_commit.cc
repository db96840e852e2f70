// SPDX-License-Identifier: Apache-2.0
#include "journal/group_commit.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rtt::journal {

GroupCommit::GroupCommit(Writer writer)
    : submitted_(writer.last_seq()), durable_(writer.last_seq()), writer_(std::move(writer)) {}

Result<Seq> GroupCommit::submit(std::vector<ReadyRecord> records) {
  RTT_ASSERT(!records.empty());
  Submission submission{.records = std::move(records)};
  for (const ReadyRecord& record : submission.records) submission.bytes += record.bytes_max();
  if (submission.bytes > writer_.batch_bytes_max()) {
    return fail(Code::kTooLarge,
                "a journal batch of " + std::to_string(submission.bytes) + " bytes is larger than a segment");
  }
  Lock lock(mutex_);
  while (!failed_ && !waiting_.empty() && waiting_bytes_ + submission.bytes > kWaitingBytesMax) {
    RTT_TRY(until(lock, {durable_.value + 1}));
  }
  RTT_TRY(well());
  submitted_.value += submission.records.size();
  waiting_bytes_ += submission.bytes;
  waiting_.push_back(std::move(submission));
  return submitted_;
}

Status GroupCommit::wait(Seq seq) {
  Lock lock(mutex_);
  RTT_ASSERT(seq <= submitted_);
  return until(lock, seq);
}

// REQUIRES: seq was submitted.
Status GroupCommit::until(Lock& lock, Seq seq) {
  while (durable_ < seq) {
    if (failed_) return std::unexpected(*failed_);
    if (writing_) {
      sleep(lock);
    } else {
      write_one_group(lock);
    }
  }
  return {};
}

void GroupCommit::write_one_group(Lock& lock) {
  std::vector<ReadyRecord> group;
  for (std::size_t bytes = 0; !waiting_.empty();) {
    Submission& next = waiting_.front();
    if (!group.empty() && bytes + next.bytes > std::min(kGroupBytesMax, writer_.batch_bytes_max())) break;
    bytes += next.bytes;
    waiting_bytes_ -= next.bytes;
    std::move(next.records.begin(), next.records.end(), std::back_inserter(group));
    waiting_.pop_front();
  }
  writing_ = true;
  lock.unlock();
  Status written = writer_.append(group);
  lock.lock();
  writing_ = false;
  if (written) {
    durable_ = writer_.last_seq();
  } else {
    failed_ = written.error();
  }
  if (sleepers_ > 0) written_.notify_all();
}

Status GroupCommit::alone(const std::function<Status(Writer&)>& use) {
  Lock lock(mutex_);
  while (writing_ || durable_ < submitted_) {
    RTT_TRY(until(lock, submitted_));
    if (writing_) sleep(lock);
  }
  RTT_TRY(well());
  Status done = use(writer_);
  submitted_ = durable_ = writer_.last_seq();
  failed_ = writer_.failed();
  return done;
}

void GroupCommit::sleep(Lock& lock) const {
  ++sleepers_;
  written_.wait(lock);
  --sleepers_;
}

Status GroupCommit::well() const {
  if (!failed_) return {};
  return std::unexpected(
      Error(*failed_).in("the journal takes no more records after a failed write").hinting("rtt doctor"));
}

Seq GroupCommit::durable() const {
  const Lock lock(mutex_);
  return durable_;
}

std::uint64_t GroupCommit::appended_bytes() const {
  Lock lock(mutex_);
  while (writing_) sleep(lock);
  return writer_.appended_bytes();
}

Digest GroupCommit::root() const {
  Lock lock(mutex_);
  while (writing_) sleep(lock);
  return writer_.root();
}

}  // namespace rtt::journal
