// SPDX-License-Identifier: Apache-2.0
// ReceiptLog: the files of a workspace's receipts (`.rtt/wal/receipts/<first index>.rcp`), and reading them.
//
// One process writes, by one write(2) a batch, without waiting for the disk: what a killed process wrote is
// kept. Whoever owns the log syncs it beside the loop (take_unsynced); what a machine that loses power had
// not written yet is gone (docs/design/006-receipts.md). A batch cut short, by a crash or a full disk, is cut
// away before the next one is written. Numbers are never given twice: a log that is opened goes on at the
// next multiple of kIndexStep, beyond whatever the last writer may have promised and not kept.
//
// Owns: the newest segment's descriptor.   Thread: one writer; readers of their own.
// Fails: kIo, kNoSpace, kPermission, with the file in `where`.
// Limits: kSegmentBytes a segment, kSegmentsMax of them, then the oldest is removed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "os/beneath_file.h"
#include "receipts/batch.h"

namespace rtt::receipts {

inline constexpr std::uint64_t kIndexStep = 65'536;
inline constexpr std::string_view kFolder = "wal/receipts";  // beneath .rtt

class ReceiptLog {
 public:
  // Makes the folder if need be.
  static Result<ReceiptLog> open(std::string folder);

  [[nodiscard]] std::uint64_t next_index() const { return next_index_; }
  [[nodiscard]] const Digest& head() const { return head_; }  // the last seal's; zero: none yet
  // What BatchBuilder::close() gave, whose seal follows head().
  Status append(ByteView block, const Seal& seal);
  // The files written to since this was last asked: what makes them durable is the caller's.
  [[nodiscard]] std::vector<os::Fd> take_unsynced();

 private:
  explicit ReceiptLog(std::string folder) : folder_(std::move(folder)) {}
  Status resume(const std::string& name);
  Status begin_segment(std::uint64_t first);
  void remove_oldest();

  std::string folder_;
  std::optional<os::RecordFile> file_;
  std::uint64_t good_bytes_ = 0;  // of the newest segment, whole batches
  bool cut_needed_ = false;
  bool dirty_ = false;            // the newest
  std::vector<os::Fd> unsynced_;  // those before it
  std::uint64_t next_index_ = 1;
  Digest head_;
};

struct LogReport {
  std::uint64_t segments = 0, batches = 0, receipts = 0;
  std::uint64_t lost = 0;  // told by the seals
  std::uint64_t first = 0, last = 0;
  Digest head;
  std::uint64_t torn_bytes = 0;  // behind the last whole batch of the newest segment
  std::string problem, where;    // the first damage; reading ended there
};

// Every batch in order, each checked against its seal and the seal before it. A folder that is not there is
// an empty log.
class LogReader {
 public:
  static Result<LogReader> open(std::string folder);
  // Its views live until the next call. Nothing: the end, or damage (report()).
  Result<std::optional<Batch>> next();
  [[nodiscard]] const LogReport& report() const { return report_; }

 private:
  explicit LogReader(std::string folder) : folder_(std::move(folder)) {}
  Result<bool> next_segment();
  Result<bool> look_again();
  void damaged(std::string what);
  [[nodiscard]] std::string fault(const Batch& batch) const;

  std::string folder_;
  std::vector<std::string> names_;
  std::size_t next_name_ = 0;
  std::string text_;    // of the segment at hand
  std::size_t at_ = 0;  // read so far of it
  LogReport report_;
};

}  // namespace rtt::receipts
