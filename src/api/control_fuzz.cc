// SPDX-License-Identifier: Apache-2.0
// Any bytes decode to a message or to kPanelProtocol, at every alignment alike; what decodes encodes and
// decodes again to the same message.
#include <algorithm>
#include <memory>

#include "api/codec.h"

int fuzz_one(std::span<const std::byte> input);

namespace {

using namespace rtt;
using namespace rtt::api;

bool same(const MessageBody& a, const MessageBody& b) {
  if (a.index() != b.index()) return false;
  if (const auto* x = std::get_if<HelloMessage>(&a)) {
    const auto& y = std::get<HelloMessage>(b);
    return x->proto_min == y.proto_min && x->proto_max == y.proto_max && x->client == y.client;
  }
  if (const auto* x = std::get_if<WelcomeMessage>(&a)) {
    const auto& y = std::get<WelcomeMessage>(b);
    return x->proto == y.proto && x->panel_pid == y.panel_pid && x->generation == y.generation;
  }
  if (const auto* x = std::get_if<RequestMessage>(&a)) {
    const auto& y = std::get<RequestMessage>(b);
    return x->verb == y.verb && x->args == y.args && x->directory == y.directory && x->search == y.search &&
           x->deadline_ms == y.deadline_ms;
  }
  if (const auto* x = std::get_if<AnswerMessage>(&a)) return x->json == std::get<AnswerMessage>(b).json;
  return std::get<Error>(a) == std::get<Error>(b);
}

}  // namespace

int fuzz_one(std::span<const std::byte> input) {
  Decoder decoder;
  const auto first = decoder.decode(input);
  // Exactly as long as the message and at an odd address: a read beyond it or an unaligned one is caught.
  const auto copy = std::make_unique<std::byte[]>(input.size() + 1);
  std::copy(input.begin(), input.end(), copy.get() + 1);
  Decoder other;
  const auto second = other.decode({copy.get() + 1, input.size()});
  RTT_ASSERT(first.has_value() == second.has_value());
  if (!first) {
    RTT_ASSERT(first.error().code == Code::kPanelProtocol);
    return 0;
  }
  RTT_ASSERT(same(first->body, second->body) && first->fds == second->fds);
  Encoder encoder;
  const auto bytes = encoder.encode(first->body, first->fds);
  if (!bytes) {
    // FlatBuffers let texts overlap, so a small message may say more than a large one can.
    RTT_ASSERT(bytes.error().code == Code::kTooLarge);
    return 0;
  }
  const auto again = other.decode(*bytes);
  RTT_ASSERT(again.has_value() && same(again->body, first->body) && again->fds == first->fds);
  return 0;
}
