// SPDX-License-Identifier: Apache-2.0
// Goal: a server of either era is found out, and a caller of either era is answered in its own.
// Method: events in, actions out; no process, no clock.
#include <gtest/gtest.h>

#include "mcp/backends/backend_session.h"

namespace rtt::mcp {
namespace {

using Caller = BackendSession::Caller;

constexpr Instant kT0{1'000'000'000};
constexpr Instant kLater{kT0.ns + 60'000'000'000};
constexpr std::string_view kModernMeta =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}})";

template <typename T>
std::vector<T> all(const BackendActions& actions) {
  std::vector<T> out;
  for (const auto& action : actions) {
    if (const T* found = std::get_if<T>(&action)) out.push_back(*found);
  }
  return out;
}
std::string answer(const act::Send& to, std::string_view kind, std::string_view payload) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(classify(to.line).id) + ",\"" + std::string(kind) +
         "\":" + std::string(payload) + "}";
}
constexpr std::string_view kDiscovered =
    R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}},"instructions":"hi","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"m","version":"2.0.0"}}})";
constexpr std::string_view kInitialized =
    R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{},"logging":{}},"serverInfo":{"name":"l","version":"1"}})";

// A session of a server of the era, ready for calls; asked is what was sent last.
struct Ready {
  BackendSession session;
  explicit Ready(Era era,
                 BackendSession::ClientSide side = {.capabilities = R"({"elicitation":{}})", .answers = true})
      : session("demo", std::move(side)) {
    const auto hello =
        all<act::Send>(session.start(era == Era::kModern ? Opening::kDiscover : Opening::kInitialize, kT0));
    auto sends = all<act::Send>(session.on_line(
        answer(hello.at(0), "result", era == Era::kModern ? kDiscovered : kInitialized), kT0));
    while (session.phase() == BackendSession::Phase::kListing && !sends.empty()) {
      const auto asks = sends;
      sends.clear();
      for (const act::Send& send : asks) {
        const Message ask = classify(send.line);
        if (!ask.method.ends_with("/list")) continue;
        const std::string member = ask.method == "tools/list"       ? "tools"
                                   : ask.method == "resources/list" ? "resources"
                                                                    : "resourceTemplates";
        for (auto& more :
             all<act::Send>(session.on_line(answer(send, "result", "{\"" + member + "\":[]}"), kT0)))
          sends.push_back(more);
      }
    }
    EXPECT_EQ(session.phase(), BackendSession::Phase::kReady);
    EXPECT_EQ(session.era(), era);
  }
  BackendSession::Submitted call(std::string_view params, Caller caller,
                                 std::string_view method = "tools/call") {
    return *session.request(method, params, kLater, caller);
  }
};

TEST(BackendEra, a_server_that_answers_the_probe_is_modern) {
  BackendSession session("demo");
  const auto hello = all<act::Send>(session.start(Opening::kDiscover, kT0));
  ASSERT_EQ(hello.size(), 1U);
  const Message probe = classify(hello[0].line);
  EXPECT_EQ(probe.method, "server/discover");
  EXPECT_TRUE(read_meta(probe.params).has_value());
  EXPECT_TRUE(session.probing());
  const auto sends = all<act::Send>(session.on_line(answer(hello[0], "result", kDiscovered), kT0));
  EXPECT_EQ(session.era(), Era::kModern);
  EXPECT_EQ(session.info().version, "2.0.0");
  EXPECT_EQ(session.info().protocol, "2026-07-28");
  for (const act::Send& send : sends) {
    const Message sent = classify(send.line);
    EXPECT_TRUE(read_meta(sent.params).has_value()) << send.line;
  }
  ASSERT_GE(sends.size(), 2U);
  EXPECT_EQ(classify(sends[0].line).method, "subscriptions/listen");
}

TEST(BackendEra, any_other_error_means_a_legacy_server) {
  for (const std::string_view error :
       {R"({"code":-32601,"message":"no"})", R"({"code":-32602,"message":"no"})",
        R"({"code":0,"message":""})",
        R"({"code":-32022,"message":"v","data":{"supported":["2025-06-18"]}})"}) {
    BackendSession session("demo");
    const auto hello = all<act::Send>(session.start(Opening::kDiscover, kT0));
    const auto sends = all<act::Send>(session.on_line(answer(hello[0], "error", error), kT0));
    ASSERT_EQ(sends.size(), 1U) << error;
    EXPECT_EQ(classify(sends[0].line).method, "initialize");
    EXPECT_FALSE(session.probing());
  }
  BackendSession session("demo");  // a modern one of other revisions is not greeted by initialize
  const auto hello = all<act::Send>(session.start(Opening::kDiscover, kT0));
  const auto actions = session.on_line(
      answer(hello[0], "error", R"({"code":-32022,"message":"v","data":{"supported":["2099-01-01"]}})"), kT0);
  ASSERT_EQ(all<act::Failed>(actions).size(), 1U);
  EXPECT_TRUE(all<act::Failed>(actions)[0].why.message.contains("2099-01-01"));
}

TEST(BackendEra, silence_means_legacy_and_a_late_answer_still_counts) {
  BackendSession session("demo");
  const auto hello = all<act::Send>(session.start(Opening::kDiscover, kT0));
  EXPECT_TRUE(all<act::Send>(session.on_tick(kT0)).empty());
  const auto sends = all<act::Send>(session.on_tick(kT0 + nanos_from_ms(kProbeMs)));
  ASSERT_EQ(sends.size(), 1U);
  EXPECT_EQ(classify(sends[0].line).method, "initialize");
  EXPECT_TRUE(session.on_line(answer(sends[0], "error", R"({"code":-32601,"message":"no"})"), kT0).empty());
  (void)session.on_line(answer(hello[0], "result", kDiscovered), kT0);
  EXPECT_EQ(session.era(), Era::kModern);
}

TEST(BackendEra, one_that_was_legacy_is_probed_only_if_it_refuses_initialize) {
  BackendSession session("demo");
  const auto hello = all<act::Send>(session.start(Opening::kInitialize, kT0));
  ASSERT_EQ(classify(hello.at(0).line).method, "initialize");
  const auto sends =
      all<act::Send>(session.on_line(answer(hello[0], "error", R"({"code":-32601,"message":"gone"})"), kT0));
  ASSERT_EQ(sends.size(), 1U);
  EXPECT_EQ(classify(sends[0].line).method, "server/discover");
  const auto over = session.on_line(answer(sends[0], "error", R"({"code":-32601,"message":"no"})"), kT0);
  EXPECT_EQ(all<act::Failed>(over).size(), 1U);
}

TEST(BackendEra, a_legacy_caller_is_asked_and_the_call_made_again) {
  Ready ready(Era::kModern);
  const auto sent = ready.call(R"({"name":"t","arguments":{"a":1}})", {});
  const auto first = classify(sent.sends.at(0).line);
  ASSERT_TRUE(read_meta(first.params).has_value());
  EXPECT_EQ(read_meta(first.params)->capabilities, R"({"elicitation":{}})");
  auto asked = ready.session.on_line(
      answer(
          sent.sends[0], "result",
          R"({"resultType":"input_required","inputRequests":{"who":{"method":"elicitation/create","params":{"message":"?"}},"where":{"method":"roots/list"}},"requestState":"s\u0041"})"),
      kT0);
  const auto asks = all<act::Ask>(asked);
  ASSERT_EQ(asks.size(), 2U);
  EXPECT_EQ(asks[0].call, sent.key);
  EXPECT_TRUE(ready.session.answer(asks[1].key, act::Reply::Kind::kResult, R"({"roots":[]})").empty());
  const auto again =
      all<act::Send>(ready.session.answer(asks[0].key, act::Reply::Kind::kResult, R"({"action":"accept"})"));
  ASSERT_EQ(again.size(), 1U);
  const Message retry = classify(again[0].line);
  EXPECT_NE(retry.id, first.id);
  EXPECT_EQ(member(retry.params, "inputResponses"), R"({"who":{"action":"accept"},"where":{"roots":[]}})");
  EXPECT_EQ(member(retry.params, "requestState"), R"("s\u0041")");
  EXPECT_EQ(member(retry.params, "arguments"), R"({"a":1})");
  const auto done =
      ready.session.on_line(answer(again[0], "result", R"({"resultType":"complete","content":[]})"), kT0);
  const auto replies = all<act::Reply>(done);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].key, sent.key);
  EXPECT_EQ(replies[0].payload, R"({"content":[]})");
  EXPECT_EQ(ready.session.in_flight(), 0U);
}

TEST(BackendEra, a_client_that_answers_with_an_error_ends_the_call_with_it) {
  Ready ready(Era::kModern);
  const auto sent = ready.call(R"({"name":"t"})", {});
  const auto asks = all<act::Ask>(ready.session.on_line(
      answer(
          sent.sends[0], "result",
          R"({"resultType":"input_required","inputRequests":{"a":{"method":"sampling/createMessage"},"b":{"method":"roots/list"}}})"),
      kT0));
  ASSERT_EQ(asks.size(), 2U);
  const auto actions =
      ready.session.answer(asks[0].key, act::Reply::Kind::kError, R"({"code":-1,"message":"no"})");
  const auto replies = all<act::Reply>(actions);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].payload, R"({"code":-1,"message":"no"})");
  EXPECT_EQ(all<act::AskWithdrawn>(actions).size(), 1U);
  EXPECT_TRUE(ready.session.answer(asks[1].key, act::Reply::Kind::kResult, "{}").empty());
}

TEST(BackendEra, a_server_that_asks_without_end_is_given_up) {
  Ready ready(Era::kModern);
  const auto sent = ready.call(R"({"name":"t"})", {});
  act::Send last = sent.sends[0];
  int rounds = 0;
  for (;; ++rounds) {
    ASSERT_LE(rounds, kInputRoundsMax);
    const auto actions = ready.session.on_line(
        answer(last, "result", R"({"resultType":"input_required","requestState":"x"})"), kT0);
    if (!all<act::Failure>(actions).empty()) break;
    last = all<act::Send>(actions).at(0);
  }
  EXPECT_EQ(rounds, kInputRoundsMax);
  EXPECT_EQ(ready.session.in_flight(), 0U);
}

TEST(BackendEra, between_modern_ones_every_byte_passes) {
  Ready ready(Era::kModern);
  const std::string params =
      R"({"name":"t","requestState":"opaque","inputResponses":{}, )" + std::string(kModernMeta) + "}";
  const auto sent = ready.call(params, {.era = Era::kModern});
  EXPECT_EQ(classify(sent.sends.at(0).line).params, params);
  const std::string result = R"({"resultType":"input_required" ,"requestState":"o2"})";
  const std::string line = answer(sent.sends[0], "result", result);  // payloads are views of it
  const auto actions = ready.session.on_line(line, kT0);
  ASSERT_EQ(all<act::Reply>(actions).size(), 1U);
  EXPECT_EQ(all<act::Reply>(actions)[0].payload, result);
}

TEST(BackendEra, a_modern_caller_of_a_legacy_server_is_answered_in_its_era) {
  Ready ready(Era::kLegacy);
  const auto sent = ready.call(R"({"name":"t",)" + std::string(kModernMeta) + "}",
                               {.era = Era::kModern, .log_level = "debug"});
  ASSERT_EQ(sent.sends.size(), 2U);
  EXPECT_EQ(classify(sent.sends[0].line).method, "logging/setLevel");
  EXPECT_EQ(classify(sent.sends[1].line).params, R"({"name":"t"})");
  const std::string line = answer(sent.sends[1], "result", R"({"content":[]})");
  const auto actions = ready.session.on_line(line, kT0);
  ASSERT_EQ(all<act::Reply>(actions).size(), 1U);
  EXPECT_EQ(all<act::Reply>(actions)[0].payload, R"({"resultType":"complete","content":[]})");
  const auto read = ready.call(R"({"uri":"x:"})", {.era = Era::kModern}, "resources/read");
  const std::string refusal = answer(read.sends.at(0), "error", R"({"code":-32002,"message":"gone"})");
  const auto gone = all<act::Reply>(ready.session.on_line(refusal, kT0));
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].payload, R"({"code":-32602,"message":"gone"})");
}

TEST(BackendEra, what_one_era_cannot_say_is_refused) {
  Ready legacy(Era::kLegacy), modern(Era::kModern);
  const auto stale = legacy.call(R"({"name":"t","requestState":"x"})", {.era = Era::kModern});
  ASSERT_TRUE(stale.answer.has_value());
  EXPECT_TRUE(stale.sends.empty());
  EXPECT_EQ(member(stale.answer->second, "code"), "-32602");
  for (const auto& submitted :
       {legacy.call(R"({"taskId":"1"})", {.era = Era::kModern}, "tasks/get"),
        modern.call(R"({"taskId":"1"})", {}, "tasks/get"), modern.call(R"({"name":"t","task":{}})", {})}) {
    ASSERT_TRUE(submitted.answer.has_value());
    EXPECT_EQ(submitted.answer->first, act::Reply::Kind::kError);
  }
  EXPECT_EQ(legacy.session.in_flight() + modern.session.in_flight(), 0U);
}

TEST(BackendEra, over_http_what_is_withdrawn_is_closed_and_not_said) {
  for (const bool headers : {false, true}) {
    Ready ready(Era::kModern, {.capabilities = "{}", .answers = true, .headers = headers});
    const auto first = ready.call(R"({"name":"t"})", {});
    const auto again = all<act::Send>(ready.session.on_line(
        answer(first.sends[0], "result", R"({"resultType":"input_required","requestState":"x"})"), kT0));
    const auto gone = all<act::Send>(ready.session.cancel(first.key, "enough"));
    ASSERT_EQ(gone.size(), 1U);
    EXPECT_EQ(std::to_string(gone[0].ends), classify(again.at(0).line).id);  // of the try under way
    EXPECT_EQ(gone[0].line.empty(), headers);
    EXPECT_EQ(again[0].headers.empty(), !headers);
  }
}

TEST(BackendEra, subscriptions_become_one_listen) {
  Ready ready(Era::kModern);
  const auto on = ready.call(R"({"uri":"a:1"})", {}, "resources/subscribe");
  ASSERT_TRUE(on.answer.has_value());
  ASSERT_EQ(on.sends.size(), 2U);
  const Message listen = classify(on.sends[0].line);
  EXPECT_EQ(listen.method, "subscriptions/listen");
  EXPECT_EQ(member(listen.params, "notifications"),
            R"({"toolsListChanged":true,"resourceSubscriptions":["a:1"]})");
  EXPECT_EQ(classify(on.sends[1].line).method, "notifications/cancelled");
  EXPECT_TRUE(ready.call(R"({"uri":"a:1"})", {}, "resources/subscribe").sends.empty());
  const auto notices = all<act::Notice>(ready.session.on_line(
      R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:1","_meta":{"io.modelcontextprotocol/subscriptionId":9}}})",
      kT0));
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].params, R"({"uri":"a:1"})");
}

}  // namespace
}  // namespace rtt::mcp
