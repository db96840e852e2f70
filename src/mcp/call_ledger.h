// SPDX-License-Identifier: Apache-2.0
// CallLedger: one compact record a call, handed on in batches, so that recording costs a call nothing it can
// feel.
//
// Arguments and results are not recorded, only their sizes: they may hold secrets. What does not fit is
// counted and the count is itself a record.
//
// Owns: records not handed on yet.   Thread: the loop's.   Fails: never.   Limits: kAuditPendingMax; 100 ms.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/units.h"
#include "os/loop.h"
#include "text/json.h"

namespace rtt::mcp {

struct CallRecord {
  WallTime ts;
  std::string who, to, method;
  enum class Outcome : std::uint8_t { kResult, kToolError, kRpcError, kFailure } outcome = Outcome::kResult;
  Code code = Code::kInternal;  // kFailure
  Nanos latency;
  std::size_t in_bytes = 0, out_bytes = 0;
};
// {ts,who,action:"call",to,method,outcome:"result"|"tool_error"|"error"|"RTT…",latency_ns,in_bytes,out_bytes}
text::Json to_json(const CallRecord& record);

class CallLedger {
 public:
  CallLedger(os::Loop& loop, std::function<void(text::Json)> sink);
  ~CallLedger();
  void add(CallRecord record);
  void flush();

 private:
  void arm(Nanos delay);
  void hand_on(std::size_t count_max);

  os::Loop& loop_;
  std::function<void(text::Json)> sink_;
  std::deque<CallRecord> pending_;
  std::uint64_t dropped_ = 0;
  os::Loop::TimerId timer_ = 0;
};

}  // namespace rtt::mcp
