// SPDX-License-Identifier: Apache-2.0
// The handshake word by word: what is refused and with which reason, what is agreed, what is said again.
#include <gtest/gtest.h>

#include "fabric/handshake.h"

namespace rtt::fabric {
namespace {

using model::LaneKind;

Acceptor::Offer offer() {
  return {.saddr = "rtt://core/api/metrics@1.2.0",
          .caps = {"metrics.read", "metrics.write"},
          .contract = {},
          .lanes = {LaneKind::kShm, LaneKind::kUds, LaneKind::kTcp},
          .params = {}};
}

Syn syn() {
  return {.nonce = {5},
          .saddr = "rtt://core/api/metrics@1.2.0",
          .caps = {"logs.read", "metrics.read"},
          .contract = {},
          .lanes = {LaneKind::kShm, LaneKind::kUds}};
}

template <typename T>
std::optional<T> sent(const HandshakeActions& actions) {
  for (const HandshakeAction& action : actions) {
    const auto* message = std::get_if<SendMessage>(&action);
    if (message != nullptr && std::holds_alternative<T>(message->message))
      return std::get<T>(message->message);
  }
  return std::nullopt;
}

template <typename T>
std::optional<T> done(const HandshakeActions& actions) {
  for (const HandshakeAction& action : actions) {
    if (const auto* found = std::get_if<T>(&action)) return *found;
  }
  return std::nullopt;
}

HandshakeActions hear(Acceptor& acceptor, const HandshakeMessage& message, std::uint64_t fresh = 9) {
  return acceptor.step(Received{.message = message, .fresh = {fresh}}, Instant{0});
}

HandshakeActions hear(Initiator& initiator, const HandshakeMessage& message) {
  return initiator.step(Received{.message = message, .fresh = {}}, Instant{0});
}

TEST(Handshake, no_common_capability_is_refused_naming_both_sets) {
  Acceptor acceptor(offer());
  Syn wants = syn();
  wants.caps = {"logs.read", "logs.write"};
  const auto nack = sent<Nack>(hear(acceptor, wants));
  ASSERT_TRUE(nack);
  EXPECT_EQ(nack->reason.code, Code::kCapabilityMeet);
  EXPECT_EQ(
      nack->reason.message,
      "no capability in common: the endpoint has {logs.read, logs.write}, the route allows {metrics.read, "
      "metrics.write}");
  Initiator initiator;
  (void)initiator.step(Begin{.offer = wants, .seed = 0}, Instant{0});
  const auto tripped = done<Tripped>(hear(initiator, *nack));
  ASSERT_TRUE(tripped);
  EXPECT_EQ(tripped->reason, nack->reason);
  EXPECT_EQ(initiator.state(), HandshakeState::kTripped);
}

TEST(Handshake, what_needs_no_capability_needs_no_common_one) {
  Acceptor::Offer plain = offer();
  plain.caps.clear();
  Syn wants = syn();
  wants.caps.clear();
  Acceptor acceptor(plain);
  EXPECT_TRUE(sent<Ack>(hear(acceptor, wants)));
}

TEST(Handshake, another_contract_is_refused_naming_both) {
  Acceptor acceptor(offer());
  Syn other = syn();
  other.contract.bytes[0] = std::byte{0xab};
  const auto nack = sent<Nack>(hear(acceptor, other));
  ASSERT_TRUE(nack);
  EXPECT_EQ(nack->reason.code, Code::kSchemaMismatch);
  EXPECT_NE(nack->reason.message.find(rtt::to_string(other.contract)), std::string::npos);
  EXPECT_NE(nack->reason.message.find(rtt::to_string(Digest{})), std::string::npos);
}

TEST(Handshake, no_common_lane_is_refused_naming_both_sets) {
  Acceptor::Offer hard = offer();
  hard.lanes = {LaneKind::kTcp};
  Acceptor acceptor(hard);
  const auto nack = sent<Nack>(hear(acceptor, syn()));
  ASSERT_TRUE(nack);
  EXPECT_EQ(nack->reason.message, "no lane in common: the endpoint can {shm, uds}, the route allows {tcp}");
}

TEST(Handshake, the_weaker_fence_and_the_common_capabilities_are_agreed) {
  Acceptor acceptor(offer());
  Syn weak = syn();
  weak.fence = WaitFence::kSeqCst;
  const auto ack = sent<Ack>(hear(acceptor, weak, 77));
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->generation.value, 77U);
  EXPECT_EQ(ack->caps, (std::vector<std::string>{"metrics.read"}));
  EXPECT_EQ(ack->params.fence, WaitFence::kSeqCst);
}

TEST(Handshake, an_old_nonce_is_refused_and_a_repeated_one_gets_the_same_answer) {
  Acceptor acceptor(offer());
  const auto first = sent<Ack>(hear(acceptor, syn(), 1));
  EXPECT_EQ(sent<Ack>(hear(acceptor, syn(), 2)), first);
  Syn old = syn();
  old.nonce = {4};
  const auto refused = sent<Nack>(hear(acceptor, old));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->reason.message, "handshake 4 is a replay: the newest is 5");
  Syn changed = syn();
  changed.caps = {"metrics.write"};
  const auto other = sent<Nack>(hear(acceptor, changed));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->reason.code, Code::kPanelProtocol);
  EXPECT_EQ(acceptor.generation().value, 1U);
}

TEST(Handshake, denied_memory_falls_back_to_uds_and_says_so) {
  Initiator initiator;
  Acceptor acceptor(offer());
  const auto begun = initiator.step(Begin{.offer = syn(), .seed = 3}, Instant{0});
  const auto first = sent<Ack>(hear(acceptor, *sent<Syn>(begun), 1));
  ASSERT_TRUE(first && first->lane == LaneKind::kShm);
  (void)hear(initiator, *first);
  const auto failed = initiator.step(
      LaneFailed{{1}, {.code = Code::kPermission, .message = "memfd_create is not permitted"}}, Instant{0});
  const auto wait = done<SetTimer>(failed);
  ASSERT_TRUE(wait);
  const auto again = sent<Syn>(initiator.step(TimerFired{wait->timer}, wait->deadline));
  ASSERT_TRUE(again);
  const auto second = sent<Ack>(hear(acceptor, *again, 2));
  ASSERT_TRUE(second && second->lane == LaneKind::kUds);
  (void)hear(initiator, *second);
  const auto bind = sent<Bind>(initiator.step(LaneOpened{{2}}, Instant{0}));
  (void)hear(acceptor, *bind);
  const auto ready = sent<Ready>(acceptor.step(LaneOpened{{2}}, Instant{0}));
  ASSERT_TRUE(done<WireLane>(hear(initiator, *ready)));
  const auto report = done<LaneReady>(initiator.step(LaneOpened{{2}}, Instant{0}));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->lane, LaneKind::kUds);
  EXPECT_EQ(report->fallbacks, (std::vector<std::string>{"shm: memfd_create is not permitted"}));
}

TEST(Handshake, a_restarted_panel_adopts_a_lane_that_is_up) {
  Acceptor restarted(offer());
  const auto actions = hear(restarted, Ready{{5}, {3}, LaneKind::kShm, Tone::kAsks});
  ASSERT_TRUE(done<AdoptLane>(actions));
  EXPECT_EQ(done<AdoptLane>(actions)->generation.value, 3U);
  ASSERT_TRUE(sent<Ready>(actions));
  EXPECT_EQ(sent<Ready>(actions)->tone, Tone::kTells);
  EXPECT_EQ(restarted.state(), HandshakeState::kReady);
}

TEST(Handshake, a_panel_that_grants_what_was_not_offered_is_not_believed) {
  for (const Ack& ack :
       {Ack{.nonce = {5}, .generation = {1}, .caps = {"root"}, .params = {}},
        Ack{.nonce = {5}, .generation = {1}, .caps = {}, .lane = LaneKind::kTcp, .params = {}},
        Ack{.nonce = {5}, .generation = {0}, .caps = {}, .params = {}}}) {
    Initiator initiator;
    (void)initiator.step(Begin{.offer = syn(), .seed = 0}, Instant{0});
    const auto trip = sent<Trip>(hear(initiator, ack));
    ASSERT_TRUE(trip);
    EXPECT_EQ(trip->reason.code, Code::kPanelProtocol);
  }
}

}  // namespace
}  // namespace rtt::fabric
