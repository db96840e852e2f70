// SPDX-License-Identifier: Apache-2.0
// Any verb and any JSON read as a message of the handshake or as kPanelProtocol; what reads writes and reads
// again to the same message; and whatever arrives in whatever order, neither machine breaks its own rules.
#include "api/handshake_json.h"
#include "base/assert.h"
#include "fabric/handshake.h"

int fuzz_one(std::span<const std::byte> input);

namespace {

using namespace rtt;
using namespace rtt::fabric;

constexpr std::string_view kVerbs[] = {"endpoint.syn",   "endpoint.ack",  "endpoint.nack", "endpoint.bind",
                                       "endpoint.ready", "endpoint.trip", "endpoint.other"};

void check_round_trip(const api::EndMessage& message) {
  const api::HandshakeRequest request = api::handshake_request(message.end, message.message);
  const auto again = text::parse_json(text::to_json(request.args));
  RTT_ASSERT(again.has_value());
  const auto read = api::read_handshake(request.verb, *again);
  RTT_ASSERT(read.has_value());
  const api::HandshakeRequest second = api::handshake_request(read->end, read->message);
  RTT_ASSERT(second.verb == request.verb && second.args == request.args);
}

}  // namespace

// One message a line: the verb's digit, then its arguments.
int fuzz_one(std::span<const std::byte> input) {
  Acceptor acceptor({.saddr = "rtt://core/api/metrics@1.2.0",
                     .caps = {"metrics.read"},
                     .contract = {},
                     .lanes = {model::LaneKind::kShm, model::LaneKind::kUds},
                     .params = {}});
  Initiator initiator;
  (void)initiator.step(Begin{.offer = {.nonce = {5},
                                       .saddr = "rtt://core/api/metrics@1.2.0",
                                       .caps = {"metrics.read"},
                                       .contract = {},
                                       .lanes = {model::LaneKind::kShm}},
                             .seed = 1},
                       Instant{0});
  std::string_view rest = as_text(input);
  std::uint64_t fresh = 1;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) continue;
    const auto args = text::parse_json(line.substr(1));
    if (!args) continue;
    const std::string_view verb = kVerbs[static_cast<unsigned char>(line[0]) % std::size(kVerbs)];
    const auto message = api::read_handshake(verb, *args);
    if (!message) {
      RTT_ASSERT(message.error().code == Code::kPanelProtocol && !message.error().message.empty());
      continue;
    }
    check_round_trip(*message);
    const Instant now{static_cast<std::int64_t>(fresh)};
    RTT_ASSERT(acceptor.step(Received{.message = message->message, .fresh = {fresh++}}, now).size() <= 4);
    RTT_ASSERT(initiator.step(Received{.message = message->message, .fresh = {}}, now).size() <= 8);
    if (acceptor.state() == HandshakeState::kOpening)
      (void)acceptor.step(LaneOpened{acceptor.generation()}, now);
    if (initiator.state() == HandshakeState::kOpening || initiator.state() == HandshakeState::kWiring) {
      (void)initiator.step(LaneOpened{initiator.generation()}, now);
    }
  }
  return 0;
}
