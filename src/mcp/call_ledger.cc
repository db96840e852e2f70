// SPDX-License-Identifier: Apache-2.0
#include "mcp/call_ledger.h"

#include <utility>

#include "mcp/gateway.h"
#include "os/clock.h"

namespace rtt::mcp {
namespace {

constexpr Nanos kBatchTime = nanos_from_ms(100);
constexpr std::size_t kSlice = 64;  // records handed on before the loop goes round

std::string outcome_text(const CallRecord& record) {
  switch (record.outcome) {
    case CallRecord::Outcome::kResult:
      return "result";
    case CallRecord::Outcome::kToolError:
      return "tool_error";
    case CallRecord::Outcome::kRpcError:
      return "error";
    case CallRecord::Outcome::kFailure:
      break;
  }
  return code_name(record.code);
}

}  // namespace

text::Json to_json(const CallRecord& record) {
  // In key order: FlatMap then only appends, which halves the cost of a record.
  return text::Json::object({{"action", "call"},
                             {"in_bytes", record.in_bytes},
                             {"latency_ns", record.latency.value},
                             {"method", record.method},
                             {"out_bytes", record.out_bytes},
                             {"outcome", outcome_text(record)},
                             {"to", record.to},
                             {"ts", os::rfc3339(record.ts)},
                             {"who", record.who}});
}

CallLedger::CallLedger(os::Loop& loop, std::function<void(text::Json)> sink)
    : loop_(loop), sink_(std::move(sink)) {}

CallLedger::~CallLedger() { loop_.cancel(timer_); }

void CallLedger::add(CallRecord record) {
  if (!sink_) return;
  if (pending_.size() >= kAuditPendingMax) {
    ++dropped_;
    return;
  }
  pending_.push_back(std::move(record));
  if (timer_ == 0) arm(kBatchTime);
}

void CallLedger::arm(Nanos delay) {
  timer_ = loop_.after(delay, [this] {
    timer_ = 0;
    hand_on(kSlice);
    if (!pending_.empty()) arm({0});  // calls get their turn between two slices
  });
}

void CallLedger::hand_on(std::size_t count_max) {
  for (std::size_t i = 0; i < count_max && !pending_.empty(); ++i) {
    sink_(to_json(pending_.front()));
    pending_.pop_front();
  }
  if (dropped_ > 0) {
    sink_(text::Json::object({{"action", "call_records_dropped"},
                              {"count", std::exchange(dropped_, 0)},
                              {"ts", os::rfc3339(os::wall_now())},
                              {"who", "gateway"}}));
  }
}

void CallLedger::flush() { hand_on(pending_.size()); }

}  // namespace rtt::mcp
