// SPDX-License-Identifier: Apache-2.0
#include "mcp/call_ledger.h"

#include <fmt/format.h>

#include <utility>

#include "os/clock.h"
#include "registry/identity.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr Nanos kBatchTime = nanos_from_ms(100);
constexpr Nanos kJournalTime = nanos_from_ms(1000);
constexpr Nanos kSyncTime = nanos_from_ms(1000);
constexpr Nanos kAgainTime = nanos_from_ms(1000);

}  // namespace

CallLedger::CallLedger(os::Loop& loop, const registry::Workspace& workspace,
                       std::function<void(Json)> journal)
    : loop_(loop), workspace_(workspace), journal_(std::move(journal)) {
  open();
}

CallLedger::~CallLedger() {
  loop_.cancel(batch_timer_);
  loop_.cancel(journal_timer_);
  loop_.cancel(sync_timer_);
  loop_.cancel(again_timer_);
}

void CallLedger::open() {
  auto key = registry::receipts_key(workspace_.user_dir);
  if (!key) {
    problem_ = key.error().message;
    return;
  }
  auto log = receipts::ReceiptLog::open(workspace_.dot(receipts::kFolder));
  if (!log) {
    problem_ = log.error().message;
    return;
  }
  mac_.emplace(ByteView(*key));
  std::ranges::fill(*key, std::byte{0});
  log_ = std::move(*log);
  next_index_ = log_->next_index();
  // Without a key of this user's, the chain still binds what is kept; it is told as unsigned.
  if (auto own = registry::load_own_key(workspace_.user_dir)) key_ = std::move(*own);
}

Digest CallLedger::mac(std::string_view text) const { return mac_ ? mac_->mac(text) : Digest{}; }

std::uint64_t CallLedger::add(const CallRecord& record) {
  const bool well = !record.failure && record.outcome == receipts::Outcome::kResult;
  stats_.record(record.subject.to, record.latency, well ? ToolStats::Ended::kWell : ToolStats::Ended::kBadly);
  if (!log_) {
    ++lost_;
    return 0;
  }
  const std::uint64_t index = next_index_++;
  const auto outcome = static_cast<std::uint16_t>(record.outcome);
  const std::int64_t now_us = loop_.now().ns / 1000;
  if (batch_.count() == 0) wall_ahead_us_ = os::wall_now().us - now_us;
  batch_.add(index,
             {.ts_us = now_us + wall_ahead_us_,
              .latency_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(record.latency.value, 0)),
              .in_bytes = record.in_bytes,
              .out_bytes = record.out_bytes,
              .route = record.route,
              .outcome = record.failure ? static_cast<std::uint16_t>(*record.failure) : outcome,
              .arguments = record.arguments,
              .result = record.result},
             record.subject);
  if (batch_.full()) {
    close_batch();
  } else if (batch_timer_ == 0) {
    batch_timer_ = loop_.after(kBatchTime, [this] {
      batch_timer_ = 0;
      close_batch();
    });
  }
  return index;
}

void CallLedger::close_batch() {
  const std::size_t count = batch_.count();
  if (count == 0) return;
  const ByteView block =
      batch_.close({.at_us = os::wall_now().us,
                    .lost = lost_untold_,
                    .prev = unwritten_.empty() ? log_->head() : receipts::digest_of(unwritten_.back().seal),
                    .key = key_ ? &*key_ : nullptr});
  const receipts::Seal seal = batch_.seal();
  if (unwritten_bytes_ + block.size() > kUnwrittenBytesMax) {  // the next seal tells
    lost_ += count;
    lost_untold_ += count;
    batch_.clear();
    return;
  }
  lost_untold_ = 0;
  const bool in_turn = unwritten_.empty();
  if (!in_turn || !write(block, seal)) {
    unwritten_.push_back({.block = Bytes(block.begin(), block.end()), .seal = seal});
    unwritten_bytes_ += block.size();
    write_later();
  }
  batch_.clear();
}

Status CallLedger::write(ByteView block, const receipts::Seal& seal) {
  if (Status written = log_->append(block, seal); !written) {
    problem_ = written.error().message;
    return written;
  }
  kept_ += seal.count;
  problem_.clear();
  journal_count_ += seal.count;
  journal_seal_ = seal;
  if (journal_timer_ == 0) {
    journal_timer_ = loop_.after(kJournalTime, [this] {
      journal_timer_ = 0;
      tell_journal();
    });
  }
  sync_soon();
  return {};
}

void CallLedger::write_later() {
  if (again_timer_ != 0) return;
  again_timer_ = loop_.after(kAgainTime, [this] {
    again_timer_ = 0;
    write_waiting();
  });
}

void CallLedger::write_waiting() {
  while (!unwritten_.empty()) {
    if (!write(unwritten_.front().block, unwritten_.front().seal)) return write_later();
    unwritten_bytes_ -= unwritten_.front().block.size();
    unwritten_.pop_front();
  }
}

void CallLedger::sync_soon() {
  if (sync_timer_ != 0) return;
  sync_timer_ = loop_.after(kSyncTime, [this] {
    sync_timer_ = 0;
    if (sync_.busy()) return sync_soon();  // a slow disk: what it owes by then goes with the next one
    if (sync_.last_errno() != 0) problem_ = "the disk did not take receipts for good";
    sync_.begin(log_->take_unsynced(), log_->next_index() - 1);
  });
}

void CallLedger::tell_journal() {
  if (!journal_seal_ || !journal_) return;
  Json record = receipts::to_json(*std::exchange(journal_seal_, std::nullopt));
  const std::uint64_t calls = std::exchange(journal_count_, 0);
  record.set("action", "receipts");
  record.set("calls", calls);
  record.set("reason", fmt::format("{} call{}, receipts up to {}", calls, calls == 1 ? "" : "s",
                                   record.int_or("first", 0) + record.int_or("count", 0) - 1));
  record.set("ts", os::rfc3339(os::wall_now()));
  record.set("who", "gateway");
  journal_(std::move(record));
}

void CallLedger::flush() {
  close_batch();
  if (log_ && !unwritten_.empty()) {
    loop_.cancel(std::exchange(again_timer_, 0));
    write_waiting();
  }
  tell_journal();
}

Json CallLedger::health() const {
  std::uint64_t waiting = 0;
  for (const Unwritten& one : unwritten_) waiting += one.seal.count;
  Json health = Json::object({{"durable", sync_.durable()},
                              {"kept", kept_},
                              {"last", log_ && next_index_ > 0 ? next_index_ - 1 : 0},
                              {"lost", lost_},
                              {"state", log_ ? "on" : "off"},
                              {"waiting", waiting}});
  if (!problem_.empty()) health.set("problem", problem_);
  return health;
}

}  // namespace rtt::mcp
