// SPDX-License-Identifier: Apache-2.0
#include "fabric/handshake_message.h"

#include <fmt/format.h>

namespace rtt::fabric {
namespace {

std::string_view tone_word(Tone tone) { return tone == Tone::kAsks ? " asks" : " tells"; }

struct Words {
  std::string operator()(const Syn& syn) const {
    return fmt::format("SYN {} of {} lanes", syn.nonce.value, syn.lanes.size());
  }
  std::string operator()(const Ack& ack) const {
    return fmt::format("ACK {}/{} {}", ack.nonce.value, ack.generation.value, model::to_string(ack.lane));
  }
  std::string operator()(const Nack& nack) const {
    return fmt::format("NACK {} {}", nack.nonce.value, code_name(nack.reason.code));
  }
  std::string operator()(const Bind& bind) const {
    return fmt::format("BIND {}/{}", bind.nonce.value, bind.generation.value);
  }
  std::string operator()(const Ready& ready) const {
    return fmt::format("READY {}/{} {}{}", ready.nonce.value, ready.generation.value,
                       model::to_string(ready.lane), tone_word(ready.tone));
  }
  std::string operator()(const Trip& trip) const {
    return fmt::format("TRIP {} {}{}{}", trip.nonce.value, code_name(trip.reason.code),
                       trip.advice == TripAdvice::kOtherLane ? " other lane" : "", tone_word(trip.tone));
  }
};

}  // namespace

std::string describe(const HandshakeMessage& message) { return std::visit(Words{}, message); }

}  // namespace rtt::fabric
