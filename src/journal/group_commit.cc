// SPDX-License-Identifier: Apache-2.0
#include "journal/group_commit.h"

#include <algorithm>
#include <utility>

namespace rtt::journal {
namespace {

constexpr std::size_t kSparesMax = 2;  // one is laid into while one is written

}  // namespace

GroupCommit::GroupCommit(Writer writer)
    : submitted_(writer.last_seq()),
      durable_(writer.last_seq()),
      sealed_(writer.last()),
      writer_(std::move(writer)),
      group_bytes_max_(std::min(kGroupBytesMax, writer_.batch_bytes_max())) {}

Result<Seq> GroupCommit::submit(std::vector<ReadyRecord> records) {
  RTT_ASSERT(!records.empty());
  const std::size_t bytes = bytes_max(records);
  if (bytes > writer_.batch_bytes_max()) {
    return fail(Code::kTooLarge,
                "a journal batch of " + std::to_string(bytes) + " bytes is larger than a segment");
  }
  Lock lock(mutex_);
  while (!failed_ && waiting_bytes_ > 0 && waiting_bytes_ + bytes > kWaitingBytesMax) {
    RTT_TRY(until(lock, {durable_.value + 1}));
  }
  RTT_TRY(well());
  Group& group = open_group(bytes);
  waiting_bytes_ -= group.laid();
  group.lay(records);
  waiting_bytes_ += group.laid();
  submitted_.value += records.size();
  const Seq last = submitted_;
  if (waiting_bytes_ >= kWorthWritingBytes && !writing_ && !sealing_) write_one_group(lock);
  return last;
}

// With room for so many bytes.
Group& GroupCommit::open_group(std::size_t bytes) {
  if (!groups_.empty() && groups_.back()->room() >= bytes) return *groups_.back();
  if (bytes > group_bytes_max_ || spare_.empty()) {
    groups_.push_back(std::make_unique<Group>(submitted_, std::max(bytes, group_bytes_max_)));
  } else {
    groups_.push_back(std::move(spare_.back()));
    spare_.pop_back();
    groups_.back()->begin_anew(submitted_);
  }
  return *groups_.back();
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
    if (!help(lock)) sleep(lock);
  }
  return {};
}

// Does what is next to be done, if there is anything that nobody does.
bool GroupCommit::help(Lock& lock) {
  if (sealing_ || groups_.empty()) return false;
  if (!writing_) {
    write_one_group(lock);
    return true;
  }
  for (const auto& group : groups_) {
    if (group->sealed() == group->laid()) continue;
    seal(lock, *group);
    // Whoever slept through it may be the one to write now.
    if (!writing_ && sleepers_ > 0) changed_.notify_all();
    return true;
  }
  return false;
}

void GroupCommit::seal(Lock& lock, Group& group) {
  const std::size_t laid = group.laid();
  if (group.sealed() == laid) return;
  sealing_ = true;
  lock.unlock();
  group.seal(sealed_, laid);
  sealed_ = group.end();
  lock.lock();
  sealing_ = false;
}

void GroupCommit::write_one_group(Lock& lock) {
  std::unique_ptr<Group> group = std::move(groups_.front());
  groups_.pop_front();
  waiting_bytes_ -= group->laid();
  writing_ = true;
  seal(lock, *group);
  lock.unlock();
  Status written = writer_.append(*group);
  lock.lock();
  writing_ = false;
  if (written) {
    durable_ = writer_.last_seq();
  } else {
    failed_ = written.error();
  }
  if (spare_.size() < kSparesMax && group->laid() + group->room() == group_bytes_max_)
    spare_.push_back(std::move(group));
  if (sleepers_ > 0) changed_.notify_all();
}

Status GroupCommit::alone(const std::function<Status(Writer&)>& use) {
  Lock lock(mutex_);
  while (durable_ < submitted_) RTT_TRY(until(lock, submitted_));
  RTT_TRY(well());
  Status done = use(writer_);
  submitted_ = durable_ = writer_.last_seq();
  sealed_ = writer_.last();
  failed_ = writer_.failed();
  return done;
}

void GroupCommit::sleep(Lock& lock) const {
  ++sleepers_;
  changed_.wait(lock);
  --sleepers_;
}

Status GroupCommit::well() const {
  if (!failed_) return {};
  return std::unexpected(
      Error(*failed_).in("the journal takes no more records after a failed write").hinting("rtt doctor"));
}

Status GroupCommit::takes_records() const {
  const Lock lock(mutex_);
  return well();
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
