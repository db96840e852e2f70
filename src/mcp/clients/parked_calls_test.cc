// SPDX-License-Identifier: Apache-2.0
// Goal: a parked call goes on for who parked it, for that call, once, in time, and for nobody else.
#include "mcp/clients/parked_calls.h"

#include <gtest/gtest.h>

#include "mcp/wire/era.h"

namespace rtt::mcp {
namespace {

constexpr Instant kNow{1'000'000'000};
const char* const kParams = R"({"name":"t","arguments":{"a":1,"b":[2]},"_meta":{"x":1}})";

std::string again(std::string_view result, std::string_view responses, std::string_view params = kParams) {
  return edited(params, {},
                R"("requestState":)" + std::string(*member(result, "requestState")) +
                    R"(,"inputResponses":)" + std::string(responses));
}
struct Parked {
  ParkedCalls calls{"key"};
  std::string identity = call_identity("tools/call", kParams), result;
  Parked() {
    EXPECT_EQ(calls.ask(7, 70, "elicitation/create", R"({"message":"?"})"), ParkedCalls::Taken::kTaken);
    result = calls.hand_out(7, identity, kNow);
  }
};

TEST(ParkedCalls, the_same_call_goes_on_once) {
  Parked parked;
  EXPECT_EQ(member(parked.result, "resultType"), R"("input_required")");
  EXPECT_TRUE(parked.calls.waits(7));
  const std::string params = again(parked.result, R"({"input-1":{"action":"accept"},"more":{}})");
  EXPECT_TRUE(parked.calls.is_own(params));
  // Members in another order, other metadata, the inputs themselves: the same call.
  const std::string other =
      again(parked.result, "{}", R"({"_meta":{},"arguments":{"b":[2],"a":1},"name":"t"})");
  EXPECT_EQ(call_identity("tools/call", params), parked.identity);
  EXPECT_EQ(call_identity("tools/call", other), parked.identity);
  const auto resumed = parked.calls.resume(parked.identity, params, kNow);
  ASSERT_TRUE(resumed.has_value());
  EXPECT_EQ(resumed->call, 7U);
  ASSERT_EQ(resumed->inputs.size(), 1U);
  EXPECT_EQ(resumed->inputs[0].ask, 70U);
  EXPECT_EQ(resumed->inputs[0].response, R"({"action":"accept"})");
  EXPECT_FALSE(parked.calls.resume(parked.identity, params, kNow).has_value());  // used
  EXPECT_EQ(parked.calls.size(), 0U);
}

TEST(ParkedCalls, a_state_is_good_for_nothing_else) {
  Parked parked;
  const std::string params = again(parked.result, "{}");
  for (const auto& [method, other] : {std::pair("tools/call", R"({"name":"t","arguments":{"a":2,"b":[2]}})"),
                                      {"tools/call", R"({"name":"u","arguments":{"a":1,"b":[2]}})"},
                                      {"prompts/get", kParams}}) {
    EXPECT_FALSE(parked.calls.resume(call_identity(method, other), params, kNow).has_value()) << other;
  }
  EXPECT_FALSE(parked.calls.resume(parked.identity, params, kNow + nanos_from_ms(kParkedMs)).has_value());
  const std::string state = *decode_string(*member(parked.result, "requestState"));
  for (std::size_t i = 0; i < state.size(); ++i) {
    std::string changed = state;
    changed[i] = changed[i] == '0' ? '1' : '0';
    const std::string forged = R"({"requestState":)" + json_quoted(changed) + "}";
    EXPECT_FALSE(parked.calls.resume(parked.identity, forged, kNow).has_value()) << changed;
  }
  EXPECT_FALSE(
      parked.calls
          .resume(parked.identity, R"({"requestState":)" + json_quoted(state + "-TAMPERED") + "}", kNow)
          .has_value());
  ParkedCalls stranger("another key");
  EXPECT_FALSE(stranger.is_own(params));  // a state of somebody further on passes
  EXPECT_FALSE(stranger.resume(parked.identity, params, kNow).has_value());
  EXPECT_TRUE(parked.calls.resume(parked.identity, params, kNow).has_value());
}

TEST(ParkedCalls, what_is_missing_is_wanted_again) {
  Parked parked;
  EXPECT_EQ(parked.calls.ask(7, 71, "roots/list", ""), ParkedCalls::Taken::kTaken);  // while it waits
  const auto resumed = parked.calls.resume(parked.identity, again(parked.result, R"({"input-2":{}})"), kNow);
  ASSERT_TRUE(resumed.has_value());
  ASSERT_TRUE(parked.calls.wants_input(7));
  const std::string more = parked.calls.hand_out(7, parked.identity, kNow);
  EXPECT_EQ(member(more, "inputRequests"),
            R"({"input-1":{"method":"elicitation/create","params":{"message":"?"}}})");
}

TEST(ParkedCalls, an_answer_that_comes_meanwhile_is_kept_up_to_a_limit) {
  Parked parked;
  parked.calls.finish(7, "result", R"({"content":[]})");
  // The ask may be another call's: it is wanted still, and comes first.
  EXPECT_EQ(parked.calls.resume(parked.identity, again(parked.result, "{}"), kNow)->answer, std::nullopt);
  const std::string more = parked.calls.hand_out(7, parked.identity, kNow);
  const auto resumed = parked.calls.resume(parked.identity, again(more, R"({"input-1":{}})"), kNow);
  ASSERT_TRUE(resumed.has_value());
  EXPECT_EQ(resumed->inputs.size(), 1U);
  EXPECT_EQ(resumed->answer, R"("result":{"content":[]})");
  Parked large;
  large.calls.finish(7, "result", std::string(kParkedBytesMax + 1, ' '));
  const auto end = large.calls.resume(large.identity, again(large.result, R"({"input-1":{}})"), kNow);
  EXPECT_TRUE(end->answer->starts_with("\"error\""));
}

TEST(ParkedCalls, no_more_than_the_limit_wait) {
  ParkedCalls calls("key");
  for (CallKey key = 1; key <= kParkedCallsMax; ++key) {
    ASSERT_EQ(calls.ask(key, key, "roots/list", ""), ParkedCalls::Taken::kTaken);
    (void)calls.hand_out(key, "i", kNow);
  }
  EXPECT_EQ(calls.ask(1000, 1000, "roots/list", ""), ParkedCalls::Taken::kFull);
  EXPECT_EQ(calls.expired(kNow).size(), 0U);
  EXPECT_EQ(calls.expired(kNow + nanos_from_ms(kParkedMs)).size(), kParkedCallsMax);
  calls.drop(1);
  EXPECT_EQ(calls.ask(1000, 1000, "roots/list", ""), ParkedCalls::Taken::kTaken);
}

}  // namespace
}  // namespace rtt::mcp
