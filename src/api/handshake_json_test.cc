// SPDX-License-Identifier: Apache-2.0
// Each message of the handshake survives being written and read; the written form is the documented one; a
// wrong field is refused by name.
#include "api/handshake_json.h"

#include <gtest/gtest.h>

namespace rtt::api {
namespace {

using namespace fabric;

Syn syn() {
  return {.nonce = {18446744073709551615U},
          .saddr = "rtt://core/api/metrics@1.2.0",
          .caps = {"metrics.read"},
          .contract = {},
          .lanes = {model::LaneKind::kShm, model::LaneKind::kUds},
          .fence = WaitFence::kSeqCst};
}

TEST(HandshakeJson, every_message_reads_back) {
  const Error error{.code = Code::kCapabilityMeet, .message = "no capability in common", .where = "here"};
  const HandshakeMessage messages[] = {
      syn(),
      Ack{.nonce = {7},
          .generation = {3},
          .caps = {"a", "b"},
          .lane = model::LaneKind::kUds,
          .params = {.route_id = 7}},
      Nack{.nonce = {7}, .reason = error},
      Bind{.nonce = {7}, .generation = {3}},
      Ready{.nonce = {7}, .generation = {3}, .lane = model::LaneKind::kShm, .tone = Tone::kTells},
      Trip{.nonce = {7}, .reason = error, .advice = TripAdvice::kOtherLane, .tone = Tone::kAsks},
      Trip{.nonce = {7}, .reason = {}, .tone = Tone::kTells},
  };
  for (const HandshakeMessage& message : messages) {
    const HandshakeRequest request = handshake_request({11}, message);
    const auto json = text::parse_json(text::to_json(request.args));
    ASSERT_TRUE(json);
    const auto read = read_handshake(request.verb, *json);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->message, message) << describe(message);
    EXPECT_EQ(read->end.value, 11U);
  }
}

// docs/formats/handshake.md shows these texts.
TEST(HandshakeJson, written_form) {
  const HandshakeRequest request = handshake_request({11}, Ack{.nonce = {7},
                                                               .generation = {3},
                                                               .caps = {"metrics.read"},
                                                               .params = {.route_id = 7, .control = {3}}});
  EXPECT_EQ(request.verb, "endpoint.ack");
  EXPECT_EQ(text::to_json(request.args),
            R"({"caps":["metrics.read"],"end":"11","generation":"3","lane":"shm","nonce":"7",)"
            R"("params":{"arena_bytes":262144,"checksum":"full","control":"3","fence":"membarrier",)"
            R"("ring":1,"ring_slots":256,"route_id":7,"sample_every":64}})");
  EXPECT_EQ(text::to_json(handshake_request({11}, Bind{{7}, {3}}).args),
            R"({"end":"11","generation":"3","nonce":"7"})");
}

TEST(HandshakeJson, a_wrong_field_is_refused_by_name) {
  const struct {
    std::string_view key;
    text::Json value;
  } wrong[] = {{"end", "0"},
               {"end", 7},
               {"nonce", 7},
               {"nonce", "0"},
               {"nonce", "07"},
               {"nonce", "18446744073709551616"},
               {"nonce", "-1"},
               {"saddr", "rtt://core/api/metrics"},
               {"saddr", "rtt://core/api/metrics@1.2.0?caps=b,a"},
               {"caps", text::Json::array({"b", "a"})},
               {"caps", text::Json::array({"a", "a"})},
               {"caps", text::Json::array({std::string(129, 'a')})},
               {"contract", "sha256-00"},
               {"lanes", text::Json{text::JsonArray{}}},
               {"lanes", text::Json::array({"shm", "shm"})},
               {"lanes", text::Json::array({"carrier-pigeon"})},
               {"fence", "mfence"}};
  for (const auto& [key, value] : wrong) {
    text::Json args = handshake_request({11}, syn()).args;
    args.set(key, value);
    const auto read = read_handshake("endpoint.syn", args);
    ASSERT_FALSE(read) << key;
    EXPECT_EQ(read.error().code, Code::kPanelProtocol);
    EXPECT_EQ(read.error().where, "endpoint.syn." + std::string(key));
  }
  const Ack ack{.nonce = {7}, .generation = {3}, .caps = {}, .params = {.route_id = 7}};
  const struct {
    std::string_view key;
    text::Json value;
  } bad_params[] = {{"ring_slots", 0},       {"ring_slots", 32},    {"ring_slots", 100},
                    {"ring_slots", 1 << 17}, {"arena_bytes", 1000}, {"arena_bytes", std::int64_t{1} << 32},
                    {"route_id", 0},         {"checksum", "some"},  {"sample_every", 0},
                    {"fence", "mfence"},     {"ring", 0},           {"control", "0"}};
  for (const auto& [key, value] : bad_params) {
    text::Json args = handshake_request({11}, ack).args;
    text::Json params = *args.find("params");
    params.set(key, value);
    args.set("params", params);
    const auto read = read_handshake("endpoint.ack", args);
    ASSERT_FALSE(read) << key;
    EXPECT_EQ(read.error().where, "endpoint.ack." + std::string(key));
  }
}

}  // namespace
}  // namespace rtt::api
