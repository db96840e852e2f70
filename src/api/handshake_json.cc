// SPDX-License-Identifier: Apache-2.0
#include "api/handshake_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "api/error_json.h"
#include "model/limits.h"
#include "model/saddr.h"

namespace rtt::api {

using namespace fabric;
using text::Json;

namespace {

constexpr std::string_view kSyn = "endpoint.syn", kAck = "endpoint.ack", kNack = "endpoint.nack",
                           kBind = "endpoint.bind", kReady = "endpoint.ready", kTrip = "endpoint.trip";
constexpr auto kVerbs = std::to_array<std::string_view>({kSyn, kAck, kNack, kBind, kReady, kTrip});
constexpr std::string_view kMembarrier = "membarrier", kSeqCst = "seq_cst";
constexpr std::string_view kAsks = "asks", kTells = "tells", kAgain = "again", kOtherLane = "other-lane";

std::string number(std::uint64_t value) { return counter_text(value); }
std::string_view fence_word(WaitFence fence) {
  return fence == WaitFence::kMembarrier ? kMembarrier : kSeqCst;
}
std::string_view tone_word(Tone tone) { return tone == Tone::kAsks ? kAsks : kTells; }

Json words(const std::vector<std::string>& all) {
  Json out{text::JsonArray{}};
  for (const std::string& each : all) out.push(each);
  return out;
}

constexpr auto kChecksums = std::to_array<std::string_view>({"full", "header", "sampled", "off"});

Json params_json(const LaneParams& params) {
  return Json::object({{"route_id", params.route_id},
                       {"ring_slots", params.ring_slots},
                       {"arena_bytes", params.arena_bytes},
                       {"checksum", kChecksums[static_cast<std::size_t>(params.checksum)]},
                       {"sample_every", params.sample_every},
                       {"fence", fence_word(params.fence)},
                       {"ring", params.ring},
                       {"control", number(params.control.value)}});
}

struct Writer {
  HandshakeRequest operator()(const Syn& syn) const {
    Json lanes{text::JsonArray{}};
    for (const model::LaneKind lane : syn.lanes) lanes.push(model::to_string(lane));
    return {kSyn, Json::object({{"nonce", number(syn.nonce.value)},
                                {"saddr", syn.saddr},
                                {"caps", words(syn.caps)},
                                {"contract", rtt::to_string(syn.contract)},
                                {"lanes", std::move(lanes)},
                                {"fence", fence_word(syn.fence)}})};
  }
  HandshakeRequest operator()(const Ack& ack) const {
    return {kAck, Json::object({{"nonce", number(ack.nonce.value)},
                                {"generation", number(ack.generation.value)},
                                {"caps", words(ack.caps)},
                                {"lane", model::to_string(ack.lane)},
                                {"params", params_json(ack.params)}})};
  }
  HandshakeRequest operator()(const Nack& nack) const {
    return {kNack, Json::object({{"nonce", number(nack.nonce.value)}, {"error", error_json(nack.reason)}})};
  }
  HandshakeRequest operator()(const Bind& bind) const {
    return {kBind, Json::object(
                       {{"nonce", number(bind.nonce.value)}, {"generation", number(bind.generation.value)}})};
  }
  HandshakeRequest operator()(const Ready& ready) const {
    return {kReady, Json::object({{"nonce", number(ready.nonce.value)},
                                  {"generation", number(ready.generation.value)},
                                  {"lane", model::to_string(ready.lane)},
                                  {"tone", tone_word(ready.tone)}})};
  }
  HandshakeRequest operator()(const Trip& trip) const {
    return {kTrip, Json::object({{"nonce", number(trip.nonce.value)},
                                 {"error", error_json(trip.reason)},
                                 {"advice", trip.advice == TripAdvice::kTryAgain ? kAgain : kOtherLane},
                                 {"tone", tone_word(trip.tone)}})};
  }
};

// One message's arguments. Every getter that fails names its key.
class Reader {
 public:
  Reader(std::string_view verb, const Json& args) : verb_(verb), args_(args) {}

  [[nodiscard]] std::unexpected<Error> bad(std::string_view key, std::string_view why) const {
    return fail(Code::kPanelProtocol, fmt::format("bad handshake message: {} {}", key, why),
                fmt::format("{}.{}", verb_, key));
  }
  Result<std::string_view> text(std::string_view key) const {
    const Json* value = args_.find(key);
    if (value == nullptr || !value->is_string()) return bad(key, "must be a string");
    return std::string_view(value->as_string());
  }
  // > 0, in decimal digits without a leading zero, so that one number has one spelling.
  Result<std::uint64_t> counter(std::string_view key) const {
    const std::uint64_t value = counter_or_none(args_, key);
    if (value == 0) return bad(key, "must be a decimal number from 1 to 2^64-1 as a string");
    return value;
  }
  Result<bool> choice(std::string_view key, std::string_view yes, std::string_view no) const {
    RTT_TRY_SET(const std::string_view word, text(key));
    if (word != yes && word != no) return bad(key, fmt::format("must be {} or {}", yes, no));
    return word == yes;
  }
  Result<model::LaneKind> lane_of(std::string_view key, const Json* value) const {
    const auto lane =
        value != nullptr && value->is_string() ? model::parse_lane(value->as_string()) : std::nullopt;
    if (!lane) return bad(key, "must be one of shm, uds, tcp, inproc");
    return *lane;
  }
  Result<std::vector<model::LaneKind>> lanes(std::string_view key) const {
    const Json* list = args_.find(key);
    if (list == nullptr || !list->is_array() || list->as_array().empty() ||
        list->as_array().size() > kLaneKindsMax) {
      return bad(key, fmt::format("must be a list of 1 to {} lanes", kLaneKindsMax));
    }
    std::vector<model::LaneKind> out;
    for (const Json& each : list->as_array()) {
      RTT_TRY_SET(const model::LaneKind lane, lane_of(key, &each));
      if (std::find(out.begin(), out.end(), lane) != out.end()) return bad(key, "names a lane twice");
      out.push_back(lane);
    }
    return out;
  }
  Result<std::vector<std::string>> caps(std::string_view key) const {
    const Json* list = args_.find(key);
    if (list == nullptr || !list->is_array() || list->as_array().size() > limits::kCapabilitiesMax) {
      return bad(key, fmt::format("must be a list of at most {} names", limits::kCapabilitiesMax));
    }
    std::vector<std::string> out;
    for (const Json& each : list->as_array()) {
      const bool name =
          each.is_string() && !each.as_string().empty() && each.as_string().size() <= limits::kNameBytesMax;
      if (!name) return bad(key, fmt::format("must hold names of 1 to {} bytes", limits::kNameBytesMax));
      if (!out.empty() && out.back() >= each.as_string()) return bad(key, "must be sorted, each name once");
      out.push_back(each.as_string());
    }
    return out;
  }
  Result<Error> reason(std::string_view key) const {
    const Json* value = args_.find(key);
    if (value == nullptr || !value->is_object()) return bad(key, "must be an object");
    if (value->string_or("message").empty()) return Error{};
    return error_from_object(*value);
  }
  Result<WaitFence> fence(std::string_view key) const {
    RTT_TRY_SET(const bool cheap, choice(key, kMembarrier, kSeqCst));
    return cheap ? WaitFence::kMembarrier : WaitFence::kSeqCst;
  }
  Result<Tone> tone() const {
    RTT_TRY_SET(const bool asks, choice("tone", kAsks, kTells));
    return asks ? Tone::kAsks : Tone::kTells;
  }
  Result<LaneParams> params() const {
    const Json* value = args_.find("params");
    if (value == nullptr || !value->is_object()) return bad("params", "must be an object");
    const Reader in(verb_, *value);
    LaneParams out;
    RTT_TRY_SET(out.route_id, in.integer("route_id", 1, UINT32_MAX));
    RTT_TRY_SET(out.ring_slots, in.integer("ring_slots", limits::kRingSlotsMin, limits::kRingSlotsMax));
    if (!std::has_single_bit(out.ring_slots)) return bad("ring_slots", "must be a power of two");
    RTT_TRY_SET(out.arena_bytes, in.integer("arena_bytes", 0, limits::kRingArenaBytesMax));
    constexpr std::uint32_t kArenaStep = 4096;
    if (out.arena_bytes % kArenaStep != 0) return bad("arena_bytes", "must be a multiple of 4096");
    RTT_TRY_SET(const std::string_view checksum, in.text("checksum"));
    const auto* const at = std::find(kChecksums.begin(), kChecksums.end(), checksum);
    if (at == kChecksums.end()) return bad("checksum", "must be full, header, sampled or off");
    out.checksum = static_cast<LaneChecksum>(at - kChecksums.begin());
    RTT_TRY_SET(out.sample_every, in.integer("sample_every", 1, UINT32_MAX));
    RTT_TRY_SET(out.fence, in.fence("fence"));
    RTT_TRY_SET(out.ring, in.integer("ring", 1, UINT32_MAX));
    RTT_TRY_SET(out.control.value, in.counter("control"));
    return out;
  }
  Result<std::uint32_t> integer(std::string_view key, std::size_t min, std::size_t max) const {
    const std::int64_t value = args_.int_or(key, -1);
    if (value < 0 || static_cast<std::uint64_t>(value) < min || static_cast<std::uint64_t>(value) > max) {
      return bad(key, fmt::format("must be a whole number from {} to {}", min, max));
    }
    return static_cast<std::uint32_t>(value);
  }
  [[nodiscard]] const Json* find(std::string_view key) const { return args_.find(key); }

 private:
  std::string_view verb_;
  const Json& args_;
};

Result<HandshakeMessage> read_syn(const Reader& in) {
  Syn syn;
  RTT_TRY_SET(syn.nonce.value, in.counter("nonce"));
  RTT_TRY_SET(const std::string_view address, in.text("saddr"));
  const auto saddr = model::parse_definition(address);
  if (!saddr || model::to_string(*saddr) != address) {
    return in.bad("saddr", "must be an address with its exact version, in its one spelling");
  }
  syn.saddr = address;
  RTT_TRY_SET(syn.caps, in.caps("caps"));
  RTT_TRY_SET(const std::string_view hash, in.text("contract"));
  const auto digest = parse_digest(hash);
  if (!digest) return in.bad("contract", "must be sha256-<64 hex>");
  syn.contract = *digest;
  RTT_TRY_SET(syn.lanes, in.lanes("lanes"));
  RTT_TRY_SET(syn.fence, in.fence("fence"));
  return syn;
}

Result<HandshakeMessage> read_ack(const Reader& in) {
  Ack ack;
  RTT_TRY_SET(ack.nonce.value, in.counter("nonce"));
  RTT_TRY_SET(ack.generation.value, in.counter("generation"));
  RTT_TRY_SET(ack.caps, in.caps("caps"));
  RTT_TRY_SET(ack.lane, in.lane_of("lane", in.find("lane")));
  RTT_TRY_SET(ack.params, in.params());
  return ack;
}

Result<HandshakeMessage> read_ready(const Reader& in) {
  Ready ready;
  RTT_TRY_SET(ready.nonce.value, in.counter("nonce"));
  RTT_TRY_SET(ready.generation.value, in.counter("generation"));
  RTT_TRY_SET(ready.lane, in.lane_of("lane", in.find("lane")));
  RTT_TRY_SET(ready.tone, in.tone());
  return ready;
}

Result<HandshakeMessage> read_trip(const Reader& in) {
  Trip trip;
  RTT_TRY_SET(trip.nonce.value, in.counter("nonce"));
  RTT_TRY_SET(trip.reason, in.reason("error"));
  RTT_TRY_SET(const bool again, in.choice("advice", kAgain, kOtherLane));
  trip.advice = again ? TripAdvice::kTryAgain : TripAdvice::kOtherLane;
  RTT_TRY_SET(trip.tone, in.tone());
  return trip;
}

Result<HandshakeMessage> read_message(std::string_view verb, const Json& args) {
  const Reader in(verb, args);
  if (verb == kSyn) return read_syn(in);
  if (verb == kAck) return read_ack(in);
  if (verb == kReady) return read_ready(in);
  if (verb == kTrip) return read_trip(in);
  if (verb == kNack) {
    Nack nack;
    RTT_TRY_SET(nack.nonce.value, in.counter("nonce"));
    RTT_TRY_SET(nack.reason, in.reason("error"));
    return nack;
  }
  Bind bind;
  RTT_TRY_SET(bind.nonce.value, in.counter("nonce"));
  RTT_TRY_SET(bind.generation.value, in.counter("generation"));
  return bind;
}

}  // namespace

std::string counter_text(std::uint64_t value) { return std::to_string(value); }

std::uint64_t counter_or_none(const Json& args, std::string_view key) {
  const Json* text = args.find(key);
  if (text == nullptr || !text->is_string() || text->as_string().empty()) return 0;
  const std::string& digits = text->as_string();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.front() == '0') return 0;
  return value;
}

HandshakeRequest handshake_request(LaneEnd end, const HandshakeMessage& message) {
  HandshakeRequest request = std::visit(Writer{}, message);
  request.args.set("end", number(end.value));
  return request;
}

bool is_handshake(std::string_view verb) { return std::ranges::find(kVerbs, verb) != kVerbs.end(); }

Result<EndMessage> read_handshake(std::string_view verb, const Json& args) {
  if (!is_handshake(verb)) {
    return fail(Code::kPanelProtocol, fmt::format("'{}' is no message of the handshake", verb.substr(0, 64)));
  }
  EndMessage out;
  RTT_TRY_SET(out.end.value, Reader(verb, args).counter("end"));
  RTT_TRY_SET(out.message, read_message(verb, args));
  return out;
}

std::size_t bind_fds(model::LaneKind lane) { return lane == model::LaneKind::kShm ? 3 : 0; }

std::size_t ready_fds(model::LaneKind lane) {
  switch (lane) {
    case model::LaneKind::kShm:
      return 4;
    case model::LaneKind::kUds:
    case model::LaneKind::kTcp:
      return 1;
    case model::LaneKind::kInproc:
      return 0;
  }
  return 0;
}

}  // namespace rtt::api
