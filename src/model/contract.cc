// SPDX-License-Identifier: Apache-2.0
#include "model/contract.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/hex.h"
#include "text/json_canonical.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr std::array<std::string_view, 3> kDirections{"provider", "consumer", "both"};
constexpr std::array<std::string_view, 4> kBackpressures{"taildrop", "mark", "nack", "buffer"};
constexpr std::size_t kSignaturesMax = 64;
constexpr std::size_t kKeyIdBytes = 16;

bool is_key_id(std::string_view text) {
  return text.size() == kKeyIdBytes &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<crypto::SignRecord> sign_record_from_json(const Json& json, const std::string& where) {
  if (!json.is_object()) return fail(Code::kBadShape, "a signature is an object", where);
  for (const auto& [key, value] : json.as_object()) {
    if (key != "alg" && key != "key_id" && key != "sig" && key != "label") {
      return fail(Code::kUnknownKey, fmt::format("unknown key '{}' in a signature", key.substr(0, 64)),
                  where);
    }
    if (!value.is_string()) return fail(Code::kBadShape, fmt::format("'{}' must be a string", key), where);
  }
  if (json.string_or("alg") != "ed25519") {
    return fail(Code::kBadShape, "the signature's 'alg' is not 'ed25519'", where);
  }
  crypto::SignRecord record{.key_id = std::string(json.string_or("key_id"))};
  if (!is_key_id(record.key_id)) {
    return fail(Code::kBadShape, "the signature's 'key_id' is not 16 lower-case hex digits", where);
  }
  const auto bytes = from_base64(json.string_or("sig"));
  if (!bytes || bytes->size() != record.signature.bytes.size()) {
    return fail(Code::kBadShape, "the signature's 'sig' is not 64 bytes of Base64", where);
  }
  std::ranges::copy(*bytes, record.signature.bytes.begin());
  return record;
}

}  // namespace

std::string_view to_string(Direction direction) { return kDirections[static_cast<std::size_t>(direction)]; }

Json to_json(const Qos& qos) {
  Json out{text::JsonObject{}};
  if (qos.latency_budget_ms) out.set("latency_budget_ms", *qos.latency_budget_ms);
  if (qos.throughput_qps) out.set("throughput_qps", *qos.throughput_qps);
  if (qos.prio) out.set("prio", *qos.prio);
  if (qos.backpressure) out.set("backpressure", kBackpressures[static_cast<std::size_t>(*qos.backpressure)]);
  return out;
}

Json sign_records_to_json(const std::vector<crypto::SignRecord>& records) {
  Json out{text::JsonArray{}};
  for (const crypto::SignRecord& record : records) {
    out.push(Json::object(
        {{"alg", "ed25519"}, {"key_id", record.key_id}, {"sig", to_base64(record.signature.bytes)}}));
  }
  return out;
}

Result<std::vector<crypto::SignRecord>> sign_records_from_json(const Json& json, std::string_view where) {
  std::vector<crypto::SignRecord> records;
  if (json.is_object()) {
    RTT_TRY_SET(auto record, sign_record_from_json(json, std::string(where)));
    records.push_back(std::move(record));
    return records;
  }
  if (!json.is_array()) return fail(Code::kBadShape, "'sign' is an array of signatures", std::string(where));
  if (json.as_array().size() > kSignaturesMax) {
    return fail(Code::kLimit, fmt::format("more than {} signatures", kSignaturesMax), std::string(where));
  }
  for (std::size_t i = 0; i < json.as_array().size(); ++i) {
    RTT_TRY_SET(auto record, sign_record_from_json(json.as_array()[i], fmt::format("{}/{}", where, i)));
    records.push_back(std::move(record));
  }
  return records;
}

bool schemas_equal(const Json& from, const Json& to) {
  return text::canonical_json(from) == text::canonical_json(to);
}

std::optional<Contract> built_in_consumer(const Saddr& reference) {
  const bool command_line =
      reference.ns == "local" && reference.type == SymbolType::kProc && reference.name == "cli";
  const bool client = reference.ns == "client" && reference.type == SymbolType::kAgent;
  if ((!command_line && !client) || !reference.variant.empty()) return std::nullopt;
  const Version version;  // 0.0.0: it says nothing of what it speaks
  if (reference.version && *reference.version != version) return std::nullopt;
  if (reference.range && !reference.range->contains(version)) return std::nullopt;
  Saddr own{.ns = reference.ns, .type = reference.type, .name = reference.name};
  own.version = version;
  const std::string id = identity(own);
  auto contract = contract_from_object(
      text::Json::object(
          {{"$schema", "https://rtt/spec/v1"},
           {"symbol",
            text::Json::object({{"direction", "consumer"}, {"saddr", id}, {"type", to_string(own.type)}})}}),
      id);
  RTT_ASSERT(contract);
  return *std::move(contract);
}

}  // namespace rtt::model
