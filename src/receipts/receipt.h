// SPDX-License-Identifier: Apache-2.0
// Receipt: what is kept of one call (docs/formats/receipts.md): who called what, by which accepted
// definition, when, how long, how it ended, how large it was, and keyed hashes of the arguments and the
// result, never themselves.
//
// 112 bytes whatever was called: the words, which repeat from call to call, stand once a batch as its
// subjects. The bytes are also the leaf of the batch's Merkle tree, so a proof needs no second form.
//
// Thread: any (values).   Units: nanoseconds, bytes.   Fails: parse: nothing is returned.
// Limits: those of batches and of the log, below.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/id.h"
#include "base/units.h"
#include "text/json.h"

namespace rtt::receipts {

inline constexpr std::size_t kReceiptBytes = 112;
inline constexpr std::size_t kReceiptsPerBatchMax = 1024;
inline constexpr std::size_t kSubjectsBytesMax = std::size_t{256} << 10;  // of a batch
inline constexpr std::size_t kSegmentBytes = std::size_t{4} << 20;
inline constexpr std::size_t kSegmentsMax = 16;  // then the oldest goes: some 590,000 receipts

// How a call ended: an answer of three kinds, or RTT's own error code (100 and above).
enum class Outcome : std::uint16_t { kResult = 0, kToolError = 1, kRpcError = 2 };
std::string outcome_text(std::uint16_t outcome);  // result tool_error error RTT…

struct Subject {
  std::string who, to, method;
  Digest pin;  // of the definition in force; zero: of no single one
  friend bool operator==(const Subject&, const Subject&) = default;
};
text::Json to_json(const Subject& subject);  // {method,pin?,to,who}
std::optional<Subject> subject_from_json(const text::Json& json);

struct Receipt {
  std::uint64_t index = 0;  // its number in this workspace
  std::int64_t ts_us = 0;   // wall time of its end, microseconds since 1970
  std::uint64_t latency_ns = 0;
  std::uint64_t in_bytes = 0, out_bytes = 0;
  std::uint32_t route = 0;  // 0: none was planned
  std::uint16_t outcome = 0;
  std::uint16_t subject = 0;  // in its batch
  Digest arguments, result;   // HMAC-SHA-256 under the user's receipts key
  friend bool operator==(const Receipt&, const Receipt&) = default;
};
void store(MutableBytes into, const Receipt& receipt);  // REQUIRES: kReceiptBytes
Receipt load(ByteView bytes);                           // REQUIRES: kReceiptBytes

// The line `rtt audit` shows:
// {action:"call",arguments,in_bytes,latency_ns,method,out_bytes,outcome,pin?,reason,
// receipt,result,route,to,ts,who}.
text::Json to_json(const Receipt& receipt, const Subject& subject, std::string_view ts);

}  // namespace rtt::receipts
