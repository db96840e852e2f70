// SPDX-License-Identifier: Apache-2.0
// GroupCommit: many submitters, one writer at a time, one sync for all that waits.
//
// There is no thread of its own. A record is laid into the open group as it is submitted. Whoever waits for
// one and finds nobody writing writes the oldest group, for all; who comes meanwhile joins the next, and
// those who wait chain what lies in it, so that it is ready when the disk is. So a lone submitter pays what a
// bare append costs, and with eight of them a sync is shared by all that they had in flight, and the disk has
// no rest: who submits and finds kWorthWritingBytes waiting and nobody writing writes too, before it goes on.
// Two writes are never under way at once: a disk could keep the second without the first. A submission is
// never split; a record's seq is known when it is submitted, because records are written in that order or not
// at all.
//
// Owns: the writer.   Thread: any.   Fails: submit: kTooLarge (nothing else is touched); both: what the
// writer failed with, for ever after.   Limits: kGroupBytesMax a write (a larger submission goes alone),
// kWaitingBytesMax submitted and not yet being written: then submit() waits.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "journal/writer.h"

namespace rtt::journal {

inline constexpr std::size_t kGroupBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kWaitingBytesMax = std::size_t{8} << 20;
inline constexpr std::size_t kWorthWritingBytes = std::size_t{64} << 10;

class GroupCommit {
 public:
  explicit GroupCommit(Writer writer);

  // The seq of its last record. REQUIRES: records is not empty.
  Result<Seq> submit(std::vector<ReadyRecord> records);
  // Until this and everything before it is durable.
  Status wait(Seq seq);
  // With the writer alone, after all that was submitted is durable; what it appends counts.
  Status alone(const std::function<Status(Writer&)>& use);
  [[nodiscard]] Status takes_records() const;  // or the error of the write that failed
  [[nodiscard]] Seq durable() const;
  [[nodiscard]] std::uint64_t appended_bytes() const;
  [[nodiscard]] Digest root() const;  // of all that is written

 private:
  using Lock = std::unique_lock<std::mutex>;
  Group& open_group(std::size_t bytes);
  bool help(Lock& lock);
  void seal(Lock& lock, Group& group);
  void write_one_group(Lock& lock);
  Status until(Lock& lock, Seq seq);
  void sleep(Lock& lock) const;
  [[nodiscard]] Status well() const;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<std::unique_ptr<Group>> groups_;  // not yet being written; only the last is laid into
  std::vector<std::unique_ptr<Group>> spare_;
  std::size_t waiting_bytes_ = 0;
  mutable std::size_t sleepers_ = 0;
  bool sealing_ = false, writing_ = false;
  Seq submitted_, durable_;
  std::optional<Error> failed_;
  Link sealed_;    // of the thread that set sealing_
  Writer writer_;  // of the thread that set writing_
  std::size_t group_bytes_max_;
};

}  // namespace rtt::journal
