// SPDX-License-Identifier: Apache-2.0
// CallLedger: a receipt of every call (docs/formats/receipts.md), sealed in batches into the workspace's log.
//
// What is kept of a call has one size and is written down at once into the batch under way, so memory is the
// same at any rate and however long the panel is away. A batch is sealed when it is full, or 100 ms after its
// first call. The newest seal is handed on for the journal at most once a second: seals are a chain, so it
// vouches for all before it. Arguments and results are kept as keyed hashes. What is written is made durable
// beside the loop, within a second or so. A disk that is full delays receipts: sealed batches wait, up to a
// limit, and are written once there is room; what does not fit is lost and counted. It never costs a call.
//
// Owns: the log, the batch under way.   Thread: the loop's.   Fails: never; health() says what is wrong.
// Limits: kReceiptsPerBatchMax, kUnwrittenBytesMax of batches that wait, those of the log.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "crypto/hmac.h"
#include "mcp/tool_stats.h"
#include "os/background_sync.h"
#include "os/loop.h"
#include "receipts/log.h"
#include "registry/workspace.h"

namespace rtt::mcp {

inline constexpr std::size_t kUnwrittenBytesMax = std::size_t{2} << 20;

struct CallRecord {
  const receipts::Subject& subject;  // of the caller, while it is added
  receipts::Outcome outcome = receipts::Outcome::kResult;
  std::optional<Code> failure;  // RTT's own; then `outcome` says nothing
  Nanos latency;
  std::uint32_t route = 0;
  std::size_t in_bytes = 0, out_bytes = 0;
  Digest arguments, result;  // by mac()
};

class CallLedger {
 public:
  // `journal` takes {action:"receipts",…}: a seal.
  CallLedger(os::Loop& loop, const registry::Workspace& workspace, std::function<void(text::Json)> journal);
  ~CallLedger();
  CallLedger(const CallLedger&) = delete;
  CallLedger& operator=(const CallLedger&) = delete;

  [[nodiscard]] Digest mac(std::string_view text) const;
  // The receipt's number; 0: none is kept.
  std::uint64_t add(const CallRecord& record);
  void flush();  // to the disk and the journal
  // {state:"on"|"off",last,kept,waiting,durable,lost,problem?}
  [[nodiscard]] text::Json health() const;
  [[nodiscard]] const ToolStats& stats() const { return stats_; }

 private:
  void open();
  void close_batch();
  Status write(ByteView block, const receipts::Seal& seal);
  void write_later();
  void write_waiting();
  void sync_soon();
  void tell_journal();

  os::Loop& loop_;
  registry::Workspace workspace_;
  std::function<void(text::Json)> journal_;
  std::optional<crypto::HmacSha256> mac_;
  std::optional<crypto::SecretKey> key_;
  std::optional<receipts::ReceiptLog> log_;
  ToolStats stats_;
  receipts::BatchBuilder batch_;
  struct Unwritten {
    Bytes block;
    receipts::Seal seal;
  };
  std::deque<Unwritten> unwritten_;  // sealed, in the order of their chain
  std::size_t unwritten_bytes_ = 0;
  os::BackgroundSync sync_;
  std::uint64_t next_index_ = 0;
  std::int64_t wall_ahead_us_ =
      0;  // wall time minus the loop's, when the batch began: one clock read a call less
  std::uint64_t kept_ = 0, lost_ = 0;  // since the start
  std::uint64_t lost_untold_ = 0;      // since the last seal
  std::uint64_t journal_count_ = 0;    // receipts since the journal was told
  std::optional<receipts::Seal> journal_seal_;
  std::string problem_;
  os::Loop::TimerId batch_timer_ = 0, journal_timer_ = 0, sync_timer_ = 0, again_timer_ = 0;
};

}  // namespace rtt::mcp
