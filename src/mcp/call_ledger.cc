// SPDX-License-Identifier: Apache-2.0
#include "mcp/call_ledger.h"

#include <utility>

#include "mcp/gateway.h"
#include "os/clock.h"

namespace rtt::mcp {
namespace {

constexpr Nanos kBatchTime = nanos_from_ms(100);

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
  return text::Json::object({{"ts", os::rfc3339(record.ts)},
                             {"who", record.who},
                             {"action", "call"},
                             {"to", record.to},
                             {"method", record.method},
                             {"outcome", outcome_text(record)},
                             {"latency_ns", record.latency.value},
                             {"in_bytes", record.in_bytes},
                             {"out_bytes", record.out_bytes}});
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
  if (timer_ == 0) {
    timer_ = loop_.after(kBatchTime, [this] {
      timer_ = 0;
      flush();
    });
  }
}

void CallLedger::flush() {
  const std::vector<CallRecord> batch = std::exchange(pending_, {});
  for (const CallRecord& record : batch) sink_(to_json(record));
  if (dropped_ > 0) {
    sink_(text::Json::object({{"ts", os::rfc3339(os::wall_now())},
                              {"who", "gateway"},
                              {"action", "call_records_dropped"},
                              {"count", std::exchange(dropped_, 0)}}));
  }
}

}  // namespace rtt::mcp
