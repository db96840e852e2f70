// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/parked_calls.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/assert.h"
#include "crypto/hmac.h"
#include "crypto/sha256.h"
#include "mcp/wire/era.h"
#include "model/limits.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

constexpr std::size_t kTagDigits = 12;
constexpr std::string_view kMark = "rtt1-";

std::string unknown_state(std::string_view why) {
  return error_object(RpcCode::kInvalidParams, "Invalid params: requestState " + std::string(why) +
                                                   ": call again without requestState and inputResponses");
}

std::optional<std::string> state_of(std::string_view params) {
  if (params.find("requestState") == std::string_view::npos) return std::nullopt;
  const auto raw = member(params, "requestState");
  return raw ? decode_string(*raw) : std::nullopt;
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data() + text.size() || *end != '-') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return value;
}

std::string mac_of(std::string_view key, std::string_view text) {
  constexpr std::size_t kPrefix = std::string_view("sha256-").size();
  return to_string(crypto::HmacSha256(as_bytes(key)).mac(text)).substr(kPrefix);
}

}  // namespace

std::string call_identity(std::string_view method, std::string_view params) {
  std::string own = edited(params, {"_meta", "inputResponses", "requestState"});
  // Members in another order are the same call; what no tree can hold must come back as it was.
  if (const auto read = text::parse_json(own, {.bytes_max = limits::kMcpLineBytesMax}))
    own = text::canonical_json(*read);
  return std::string(method) + "\n" + to_string(crypto::sha256(own));
}

ParkedCalls::ParkedCalls(std::string key)
    : key_(std::move(key)), tag_(std::string(kMark) + mac_of(key_, "tag").substr(0, kTagDigits) + "-") {}

ParkedCalls::Taken ParkedCalls::ask(CallKey call, CallKey ask, std::string_view method,
                                    std::string_view params) {
  Parked* parked = calls_.find(call);
  if (parked == nullptr) {
    if (calls_.size() >= kParkedCallsMax) return Taken::kFull;
    parked = &calls_.set(call, {});
  }
  if (parked->wanted.size() >= kParkedAsksMax) return Taken::kFull;
  parked->wanted.push_back(
      {ask, "input-" + std::to_string(next_name_++), std::string(method), std::string(params)});
  return Taken::kTaken;
}

std::string ParkedCalls::seal(std::uint64_t serial, Instant expires, std::string_view identity) const {
  const std::string said = std::to_string(serial) + "-" + std::to_string(expires.ns) + "-";
  return tag_ + said + mac_of(key_, said + std::string(identity));
}

std::string ParkedCalls::hand_out(CallKey call, std::string_view identity, Instant now) {
  Parked& parked = *calls_.find(call);
  parked.serial = next_serial_++;
  parked.expires = now + nanos_from_ms(kParkedMs);
  std::string requests;
  for (const Wanted& one : parked.wanted) {
    requests +=
        (requests.empty() ? "" : ",") + json_quoted(one.name) + R"(:{"method":)" + json_quoted(one.method);
    requests += R"(,"params":)" + (one.params.empty() ? "{}" : one.params) + "}";
  }
  return R"({"resultType":"input_required","inputRequests":{)" + requests + R"(},"requestState":)" +
         json_quoted(seal(parked.serial, parked.expires, identity)) + "}";
}

bool ParkedCalls::waits(CallKey call) const {
  const Parked* const parked = calls_.find(call);
  return parked != nullptr && parked->serial != 0;
}

bool ParkedCalls::wants_input(CallKey call) const {
  const Parked* const parked = calls_.find(call);
  return parked != nullptr && !parked->wanted.empty();
}

bool ParkedCalls::is_own(std::string_view params) const {
  const auto state = state_of(params);
  return state && state->starts_with(tag_);
}

std::expected<ParkedCalls::Resumed, std::string> ParkedCalls::resume(std::string_view identity,
                                                                     std::string_view params, Instant now) {
  const std::string state = state_of(params).value_or("");
  std::string_view rest = state;
  rest.remove_prefix(std::min(tag_.size(), rest.size()));
  const auto serial = take_number(rest);
  const auto expires = serial ? take_number(rest) : std::nullopt;
  const bool sealed = expires && std::cmp_less_equal(*expires, INT64_MAX) &&
                      seal(*serial, Instant{static_cast<std::int64_t>(*expires)}, identity) == state;
  if (!sealed) return Refused(unknown_state("was changed, or is another call's"));
  for (auto& [key, parked] : calls_) {
    if (parked.serial != *serial) continue;
    if (now >= parked.expires) return Refused(unknown_state("has expired"));
    Resumed out{.call = key, .inputs = {}, .answer = {}};
    parked.serial = 0;
    const auto responses = member(params, "inputResponses");
    std::erase_if(parked.wanted, [&](const Wanted& one) {
      const auto response = responses ? member(*responses, one.name) : std::nullopt;
      if (response) out.inputs.push_back({one.ask, *response});
      return response.has_value();
    });
    // What is still wanted may be another call's, which waits for it: it comes before the answer.
    if (!parked.wanted.empty()) return out;
    out.answer = std::exchange(parked.answer, std::nullopt);
    if (out.answer) kept_bytes_ -= out.answer->size();
    calls_.erase(CallKey{out.call});
    return out;
  }
  return Refused(unknown_state("was used already"));
}

void ParkedCalls::finish(CallKey call, std::string_view member, std::string_view payload) {
  Parked* const parked = calls_.find(call);
  if (parked == nullptr) return;
  std::string answer = "\"" + std::string(member) + "\":";
  if (kept_bytes_ + payload.size() > kParkedBytesMax) {
    answer = R"("error":)" + error_object(RpcCode::kBackend,
                                          "the server's answer came while the call waited for input, and is "
                                          "larger than what is kept for that: " +
                                              std::to_string(kParkedBytesMax) + " bytes");
  } else {
    answer += payload;
  }
  kept_bytes_ += answer.size();
  parked->answer = std::move(answer);
}

void ParkedCalls::withdraw(CallKey ask) {
  for (auto& [key, parked] : calls_) {
    std::erase_if(parked.wanted, [ask](const Wanted& one) { return one.ask == ask; });
  }
}

std::vector<CallKey> ParkedCalls::drop(CallKey call) {
  std::vector<CallKey> asks;
  const Parked* const parked = calls_.find(call);
  if (parked == nullptr) return asks;
  for (const Wanted& one : parked->wanted) asks.push_back(one.ask);
  if (parked->answer) kept_bytes_ -= parked->answer->size();
  calls_.erase(call);
  return asks;
}

std::vector<CallKey> ParkedCalls::expired(Instant now) const {
  std::vector<CallKey> out;
  for (const auto& [key, parked] : calls_) {
    if (parked.serial != 0 && now >= parked.expires) out.push_back(key);
  }
  return out;
}

}  // namespace rtt::mcp
