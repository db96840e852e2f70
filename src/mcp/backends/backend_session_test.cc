// SPDX-License-Identifier: Apache-2.0
// Goal: whatever a server says, in any order, every request ends exactly once and the session says why it is
// over. Method: events in, actions out; no process, no clock.
#include "mcp/backends/backend_session.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "model/limits.h"

namespace rtt::mcp {
namespace {

constexpr Instant kT0{1'000'000'000};
Instant at_ms(std::int64_t ms) { return kT0 + nanos_from_ms(ms); }

template <typename T>
std::vector<T> all(const BackendActions& actions) {
  std::vector<T> out;
  for (const auto& action : actions) {
    if (const T* found = std::get_if<T>(&action)) out.push_back(*found);
  }
  return out;
}
std::string reply(std::string_view id, std::string_view result) {
  return R"({"result":)" + std::string(result) + R"(,"jsonrpc":"2.0","id":)" + std::string(id) + "}";
}
std::string_view id_of(const act::Send& send) { return classify(send.line).id; }

// A session that has been through initialize and its lists.
struct Ready {
  BackendSession session{"demo"};
  explicit Ready(std::string_view tools = R"([{"name":"echo","inputSchema":{"type":"object"}}])") {
    const auto hello = all<act::Send>(session.start(Opening::kInitialize, kT0));
    auto actions = session.on_line(
        reply(
            id_of(hello.at(0)),
            R"({"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"d","version":"1.2.3"}})"),
        kT0);
    const auto sends = all<act::Send>(actions);
    EXPECT_EQ(sends.size(), 2U);  // initialized, tools/list
    actions = session.on_line(reply(id_of(sends.at(1)), R"({"tools":)" + std::string(tools) + "}"), kT0);
    EXPECT_EQ(all<act::Ready>(actions).size(), 1U);
  }
  RequestKey ask(std::int64_t deadline_ms = 1000) {
    return session.request("tools/call", R"({"name":"echo","arguments":{}})", at_ms(deadline_ms))->key;
  }
};

TEST(BackendSession, greets_with_the_newest_protocol_and_no_capabilities) {
  BackendSession session("demo");
  const auto sends = all<act::Send>(session.start(Opening::kInitialize, kT0));
  ASSERT_EQ(sends.size(), 1U);
  const Message hello = classify(sends[0].line);
  EXPECT_EQ(hello.method, "initialize");
  EXPECT_EQ(member(hello.params, "protocolVersion"), "\"2025-11-25\"");
  EXPECT_EQ(member(hello.params, "capabilities"), "{}");
}

TEST(BackendSession, takes_every_older_protocol_and_refuses_others) {
  for (const auto& [version, taken] : {std::pair("2025-11-25", true),
                                       {"2025-06-18", true},
                                       {"2025-03-26", true},
                                       {"2024-11-05", true},
                                       {"2026-07-28", false},
                                       {"1999-01-01", false}}) {
    BackendSession session("demo");
    const auto sends = all<act::Send>(session.start(Opening::kInitialize, kT0));
    const auto actions = session.on_line(
        reply(id_of(sends[0]), R"({"capabilities":{},"protocolVersion":")" + std::string(version) + "\"}"),
        kT0);
    EXPECT_EQ(all<act::Ready>(actions).size(), taken ? 1U : 0U) << version;
    EXPECT_EQ(all<act::Failed>(actions).size(), taken ? 0U : 1U) << version;
  }
}

TEST(BackendSession, lists_all_pages_of_everything_announced) {
  BackendSession session("demo");
  auto sends = all<act::Send>(session.start(Opening::kInitialize, kT0));
  auto actions = session.on_line(
      reply(id_of(sends[0]),
            R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{},"prompts":{}}})"),
      kT0);
  std::vector<act::Send> asks = all<act::Send>(actions);
  ASSERT_EQ(asks.size(), 5U);
  asks.erase(asks.begin());
  // Answered last first: order is the server's affair.
  bool ready = false;
  while (!asks.empty()) {
    const Message ask = classify(asks.back().line);
    const std::string id(ask.id);
    const bool more = ask.params.empty();
    asks.pop_back();
    const std::string cursor = more ? R"(,"nextCursor":"p2")" : "";
    std::string result;
    if (ask.method == "tools/list") result = R"({"tools":[{"name":"t)" + id + "\"}]" + cursor + "}";
    if (ask.method == "resources/list") result = R"({"resources":[{"uri":"u)" + id + "\"}]" + cursor + "}";
    if (ask.method == "resources/templates/list") result = R"({"resourceTemplates":[]})";
    if (ask.method == "prompts/list") result = R"({"prompts":[{"name":"p)" + id + "\"}]" + cursor + "}";
    actions = session.on_line(reply(id, result), kT0);
    for (const auto& send : all<act::Send>(actions)) asks.push_back(send);
    ready = ready || !all<act::Ready>(actions).empty();
  }
  EXPECT_TRUE(ready);
  EXPECT_EQ(session.definitions().tools.size(), 2U);
  EXPECT_EQ(session.definitions().resources.size(), 2U);
  EXPECT_EQ(session.definitions().templates.size(), 0U);
  EXPECT_EQ(session.definitions().prompts.size(), 2U);
}

TEST(BackendSession, endless_pages_end) {
  BackendSession session("demo");
  auto sends = all<act::Send>(session.start(Opening::kInitialize, kT0));
  auto actions = session.on_line(
      reply(id_of(sends[0]), R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}}})"), kT0);
  std::size_t pages = 0;
  while (all<act::Failed>(actions).empty()) {
    ASSERT_LE(++pages, limits::kMcpPagesMax + 1);
    actions = session.on_line(
        reply(id_of(all<act::Send>(actions).back()), R"({"tools":[],"nextCursor":"again"})"), kT0);
  }
  EXPECT_EQ(all<act::Failed>(actions)[0].why.code, Code::kLimit);
}

TEST(BackendSession, too_many_tools_are_refused) {
  BackendSession session("demo");
  auto sends = all<act::Send>(session.start(Opening::kInitialize, kT0));
  auto actions = session.on_line(
      reply(id_of(sends[0]), R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}}})"), kT0);
  std::string tools;
  for (std::size_t i = 0; i <= limits::kMcpToolsPerServerMax; ++i)
    tools += (i ? "," : "") + std::string(R"({"name":"t"})");
  actions =
      session.on_line(reply(id_of(all<act::Send>(actions).back()), R"({"tools":[)" + tools + "]}"), kT0);
  ASSERT_EQ(all<act::Failed>(actions).size(), 1U);
  EXPECT_EQ(all<act::Failed>(actions)[0].why.code, Code::kLimit);
}

TEST(BackendSession, a_result_is_handed_on_byte_for_byte) {
  Ready ready;
  const RequestKey key = ready.ask();
  const std::string result = R"({ "content":[ ] , "x":1.0e0,"é":"\u00e9\/" })";
  const std::string line = reply(std::to_string(key), result);
  const auto replies = all<act::Reply>(ready.session.on_line(line, kT0));
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].payload, result);
}

TEST(BackendSession, late_doubled_and_unknown_replies_are_counted_and_dropped) {
  Ready ready;
  const RequestKey key = ready.ask(10);
  EXPECT_EQ(all<act::Failure>(ready.session.on_tick(at_ms(10))).at(0).why.code, Code::kDeadline);
  EXPECT_TRUE(ready.session.on_line(reply(std::to_string(key), "{}"), at_ms(11)).empty());  // late
  const RequestKey second = ready.ask();
  EXPECT_EQ(ready.session.on_line(reply(std::to_string(second), "{}"), kT0).size(), 1U);
  EXPECT_TRUE(ready.session.on_line(reply(std::to_string(second), "{}"), kT0).empty());  // doubled
  EXPECT_TRUE(ready.session.on_line(reply("999999", "{}"), kT0).empty());                // unknown
  EXPECT_TRUE(ready.session.on_line(reply("\"" + std::to_string(second) + "\"", "{}"), kT0).empty());
  EXPECT_EQ(ready.session.counters().unknown_replies, 4U);
}

TEST(BackendSession, junk_is_counted_and_harms_nothing) {
  Ready ready;
  const RequestKey key = ready.ask();
  for (const char* junk : {"hello world", "{", "[]", "{\"jsonrpc\":\"2.0\"}", "null"}) {
    EXPECT_TRUE(ready.session.on_line(junk, kT0).empty());
  }
  EXPECT_EQ(ready.session.counters().junk_lines, 5U);
  EXPECT_EQ(all<act::Reply>(ready.session.on_line(reply(std::to_string(key), "{}"), kT0)).size(), 1U);
}

TEST(BackendSession, an_unreadable_reply_fails_its_call_and_no_other) {
  Ready ready;
  const RequestKey a = ready.ask(), b = ready.ask(), c = ready.ask();
  const std::string deep(400, '[');
  for (const auto& [key, line] :
       {std::pair{a, R"({"jsonrpc":"2.0","id":)" + std::to_string(a) + R"(,"result":)" + deep},
        std::pair{b, R"({"result":{"x":},"jsonrpc":"2.0","id":)" + std::to_string(b) + "}"}}) {
    const auto failures = all<act::Failure>(ready.session.on_line(line, kT0));
    ASSERT_EQ(failures.size(), 1U) << line;
    EXPECT_EQ(failures[0].key, key);
    EXPECT_EQ(failures[0].why.code, Code::kServerProtocol);
  }
  EXPECT_EQ(all<act::Reply>(ready.session.on_line(reply(std::to_string(c), "{}"), kT0)).size(), 1U);
}

TEST(BackendSession, an_overlong_reply_fails_its_call_and_no_other) {
  Ready ready;
  const RequestKey a = ready.ask(), b = ready.ask();
  const auto failures = all<act::Failure>(ready.session.on_overlong(50'000'000, a));
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].key, a);
  EXPECT_EQ(failures[0].why.code, Code::kTooLarge);
  EXPECT_EQ(all<act::Reply>(ready.session.on_line(reply(std::to_string(b), "{}"), kT0)).size(), 1U);
}

TEST(BackendSession, a_progress_token_is_our_own_on_the_way_out) {
  Ready ready;
  const auto submitted = ready.session.request(
      "tools/call", R"({"name":"echo","_meta":{"progressToken":"abc","x":1}})", at_ms(9));
  const Message sent = classify(submitted->sends.at(0).line);
  EXPECT_EQ(member(*member(sent.params, "_meta"), "progressToken"), std::to_string(submitted->key));
  const std::string note =
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
      std::to_string(submitted->key) + R"(,"progress":1}})";
  const auto progress = all<act::Progress>(ready.session.on_line(note, kT0));
  ASSERT_EQ(progress.size(), 1U);
  EXPECT_EQ(progress[0].key, submitted->key);
}

TEST(BackendSession, a_cancelled_call_is_told_and_forgotten) {
  Ready ready;
  const RequestKey key = ready.ask();
  const auto sends = all<act::Send>(ready.session.cancel(key, "enough"));
  ASSERT_EQ(sends.size(), 1U);
  const Message note = classify(sends[0].line);
  EXPECT_EQ(note.method, "notifications/cancelled");
  EXPECT_EQ(member(note.params, "requestId"), std::to_string(key));
  EXPECT_TRUE(ready.session.cancel(key, "again").empty());
  EXPECT_TRUE(all<act::Failure>(ready.session.on_closed({})).empty());
}

TEST(BackendSession, requests_of_the_server_are_answered) {
  Ready ready;
  auto sends = all<act::Send>(ready.session.on_line(R"({"jsonrpc":"2.0","id":"p","method":"ping"})", kT0));
  EXPECT_EQ(sends.at(0).line, "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}\n");
  for (const char* method : {"roots/list", "sampling/createMessage", "elicitation/create", "anything"}) {
    sends = all<act::Send>(
        ready.session.on_line(R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(method) + "\"}", kT0));
    const Message refusal = classify(sends.at(0).line);
    EXPECT_EQ(refusal.kind, MessageKind::kError);
    EXPECT_EQ(member(refusal.payload, "code"), "-32601");
  }
}

TEST(BackendSession, list_changed_lists_again) {
  Ready ready;
  const auto sends = all<act::Send>(
      ready.session.on_line(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})", kT0));
  ASSERT_EQ(sends.size(), 1U);
  const auto actions = ready.session.on_line(reply(id_of(sends[0]), R"({"tools":[{"name":"new"}]})"), kT0);
  EXPECT_EQ(all<act::Listed>(actions).size(), 1U);
  EXPECT_EQ(ready.session.definitions().tools.at(0).string_or("name"), "new");
}

TEST(BackendSession, a_list_that_does_not_come_is_unknown_and_asked_for_again) {
  for (const bool silent : {true, false}) {
    Ready ready;
    const auto sends = all<act::Send>(
        ready.session.on_line(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})", kT0));
    EXPECT_FALSE(ready.session.lists_unknown());
    std::int64_t ms = limits::kServerStartMs;
    if (silent) {
      EXPECT_EQ(ready.session.next_deadline(), at_ms(ms));
      EXPECT_EQ(all<act::Listed>(ready.session.on_tick(at_ms(ms))).size(), 1U);
      ms += limits::kServerStartMs;
    } else {
      const std::string refusal = R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"no"},"id":)" +
                                  std::string(id_of(sends[0])) + "}";
      EXPECT_EQ(all<act::Listed>(ready.session.on_line(refusal, kT0)).size(), 1U);
    }
    EXPECT_TRUE(ready.session.lists_unknown());
    EXPECT_EQ(ready.session.next_deadline(), at_ms(ms));
    const auto again = all<act::Send>(ready.session.on_tick(at_ms(ms)));
    ASSERT_EQ(again.size(), 1U);
    EXPECT_TRUE(ready.session.lists_unknown());  // until it has come
    const auto listed = ready.session.on_line(reply(id_of(again[0]), R"({"tools":[]})"), at_ms(ms));
    EXPECT_EQ(all<act::Listed>(listed).size(), 1U);
    EXPECT_FALSE(ready.session.lists_unknown());
  }
}

TEST(BackendSession, a_hung_start_ends_at_its_limit) {
  BackendSession session("demo");
  (void)session.start(Opening::kInitialize, kT0);
  EXPECT_EQ(session.next_deadline(), at_ms(limits::kServerStartMs));
  EXPECT_TRUE(session.on_tick(at_ms(limits::kServerStartMs - 1)).empty());
  const auto failed = all<act::Failed>(session.on_tick(at_ms(limits::kServerStartMs)));
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].why.code, Code::kServerStart);
}

TEST(BackendSession, a_list_no_strict_reader_takes_fails_the_start) {
  BackendSession session("demo");
  auto sends = all<act::Send>(session.start(Opening::kInitialize, kT0));
  auto actions = session.on_line(
      reply(id_of(sends[0]), R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}}})"), kT0);
  actions = session.on_line(
      reply(id_of(all<act::Send>(actions).back()), R"({"tools":[{"name":"a","name":"b"}]})"), kT0);
  ASSERT_EQ(all<act::Failed>(actions).size(), 1U);
  EXPECT_EQ(all<act::Failed>(actions)[0].why.code, Code::kServerProtocol);
}

// Property: over random histories, every request ends exactly once, by reply, failure or cancellation.
TEST(BackendSession, every_request_ends_exactly_once) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    Ready ready;
    std::multiset<RequestKey> ended;
    std::set<RequestKey> asked;
    std::int64_t ms = 0;
    const auto note = [&](const BackendActions& actions) {
      for (const auto& r : all<act::Reply>(actions)) ended.insert(r.key);
      for (const auto& f : all<act::Failure>(actions)) ended.insert(f.key);
    };
    for (int step = 0; step < 60; ++step) {
      const std::string any = std::to_string(1 + random() % 40);
      switch (random() % 7) {
        case 0:
        case 1:
          asked.insert(ready.ask(ms + 1 + static_cast<std::int64_t>(random() % 50)));
          break;
        case 2:
          note(ready.session.on_line(reply(any, "{}"), at_ms(ms)));
          break;
        case 3:
          note(ready.session.on_line(
              R"({"jsonrpc":"2.0","id":)" + any + R"(,"error":{"code":1,"message":"x"}})", at_ms(ms)));
          break;
        case 4:
          note(ready.session.on_tick(at_ms(ms += 10)));
          break;
        case 5:
          note(ready.session.on_overlong(
              1 << 25, random() % 2 ? std::optional<std::uint64_t>(random() % 40) : std::nullopt));
          break;
        default:
          if (const RequestKey key = random() % 40; !ready.session.cancel(key, "x").empty())
            ended.insert(key);
          break;
      }
    }
    note(ready.session.on_closed(Error{.code = Code::kServerGone}));
    EXPECT_EQ(std::set<RequestKey>(ended.begin(), ended.end()), asked);
    EXPECT_EQ(ended.size(), asked.size());
    EXPECT_EQ(ready.session.in_flight(), 0U);
  }
}

}  // namespace
}  // namespace rtt::mcp
