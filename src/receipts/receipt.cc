// SPDX-License-Identifier: Apache-2.0
#include "receipts/receipt.h"

#include <algorithm>

namespace rtt::receipts {
namespace {

constexpr std::size_t kIndexAt = 0, kTimeAt = 8, kLatencyAt = 16, kInAt = 24, kOutAt = 32, kRouteAt = 40,
                      kOutcomeAt = 44, kSubjectAt = 46, kArgumentsAt = 48, kResultAt = 80;
static_assert(kResultAt + sizeof(Digest) == kReceiptBytes);

void store_digest(MutableBytes into, std::size_t at, const Digest& digest) {
  std::ranges::copy(digest.bytes, into.subspan(at).begin());
}

Digest load_digest(ByteView bytes, std::size_t at) {
  Digest digest;
  std::ranges::copy(bytes.subspan(at, digest.bytes.size()), digest.bytes.begin());
  return digest;
}

}  // namespace

std::string outcome_text(std::uint16_t outcome) {
  switch (static_cast<Outcome>(outcome)) {
    case Outcome::kResult:
      return "result";
    case Outcome::kToolError:
      return "tool_error";
    case Outcome::kRpcError:
      return "error";
  }
  return code_name(static_cast<Code>(outcome));
}

text::Json to_json(const Subject& subject) {
  text::Json json =
      text::Json::object({{"method", subject.method}, {"to", subject.to}, {"who", subject.who}});
  if (!subject.pin.is_zero()) json.set("pin", to_string(subject.pin));
  return json;
}

std::optional<Subject> subject_from_json(const text::Json& json) {
  if (!json.is_object()) return std::nullopt;
  Subject subject{.who = std::string(json.string_or("who")),
                  .to = std::string(json.string_or("to")),
                  .method = std::string(json.string_or("method"))};
  if (const std::string_view pin = json.string_or("pin"); !pin.empty()) {
    const auto digest = parse_digest(pin);
    if (!digest) return std::nullopt;
    subject.pin = *digest;
  }
  return subject;
}

void store(MutableBytes into, const Receipt& receipt) {
  RTT_ASSERT(into.size() == kReceiptBytes);
  store_le(into, kIndexAt, receipt.index);
  store_le(into, kTimeAt, static_cast<std::uint64_t>(receipt.ts_us));
  store_le(into, kLatencyAt, receipt.latency_ns);
  store_le(into, kInAt, receipt.in_bytes);
  store_le(into, kOutAt, receipt.out_bytes);
  store_le(into, kRouteAt, receipt.route);
  store_le(into, kOutcomeAt, receipt.outcome);
  store_le(into, kSubjectAt, receipt.subject);
  store_digest(into, kArgumentsAt, receipt.arguments);
  store_digest(into, kResultAt, receipt.result);
}

Receipt load(ByteView bytes) {
  RTT_ASSERT(bytes.size() == kReceiptBytes);
  return {.index = load_le<std::uint64_t>(bytes, kIndexAt),
          .ts_us = static_cast<std::int64_t>(load_le<std::uint64_t>(bytes, kTimeAt)),
          .latency_ns = load_le<std::uint64_t>(bytes, kLatencyAt),
          .in_bytes = load_le<std::uint64_t>(bytes, kInAt),
          .out_bytes = load_le<std::uint64_t>(bytes, kOutAt),
          .route = load_le<std::uint32_t>(bytes, kRouteAt),
          .outcome = load_le<std::uint16_t>(bytes, kOutcomeAt),
          .subject = load_le<std::uint16_t>(bytes, kSubjectAt),
          .arguments = load_digest(bytes, kArgumentsAt),
          .result = load_digest(bytes, kResultAt)};
}

text::Json to_json(const Receipt& receipt, const Subject& subject, std::string_view ts) {
  const std::string outcome = outcome_text(receipt.outcome);
  std::string reason = subject.to;
  if (receipt.outcome != 0) reason += ": " + outcome;
  text::Json json = text::Json::object({{"action", "call"},
                                        {"arguments", to_string(receipt.arguments)},
                                        {"in_bytes", receipt.in_bytes},
                                        {"latency_ns", receipt.latency_ns},
                                        {"method", subject.method},
                                        {"out_bytes", receipt.out_bytes},
                                        {"outcome", outcome},
                                        {"reason", reason},
                                        {"receipt", receipt.index},
                                        {"result", to_string(receipt.result)},
                                        {"route", receipt.route},
                                        {"to", subject.to},
                                        {"ts", ts},
                                        {"who", subject.who}});
  if (!subject.pin.is_zero()) json.set("pin", to_string(subject.pin));
  return json;
}

}  // namespace rtt::receipts
