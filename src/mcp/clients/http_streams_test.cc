// SPDX-License-Identifier: Apache-2.0
// Goal: each line reaches the client once, in order, on the exchange it belongs to, whatever connections do.
// Method: plain sequences, and a random client that loses connections and comes back after its last event.
#include "mcp/clients/http_streams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {
namespace {

using Takes = HttpAsk::Takes;
using Which = HttpStreams::Which;
using Heard = HttpStreams::Heard;
using testing::ElementsAre;

constexpr Instant kStart{1};
constexpr Instant later(std::int64_t ms) { return kStart + nanos_from_ms(ms); }

// What one action is, in a word; events by id and data.
std::string word(const HttpAction& action) {
  const std::string conn = std::visit([](const auto& what) { return std::to_string(what.conn); }, action);
  if (const auto* whole = std::get_if<http::Whole>(&action)) return conn + " whole " + whole->body;
  if (std::holds_alternative<http::Nothing>(action)) return conn + " nothing";
  if (std::holds_alternative<http::Begin>(action)) return conn + " begin";
  if (std::holds_alternative<http::End>(action)) return conn + " end";
  if (std::holds_alternative<http::Refuse>(action)) return conn + " refuse";
  std::string text = std::get<http::Text>(action).text;
  if (text == ":\n\n") return conn + " comment";
  const std::size_t data = text.find("data: ");
  const std::string id = text.substr(4, text.find('\n') - 4);
  return conn + " " + id + " " + text.substr(data + 6, text.size() - data - 8);
}
std::vector<std::string> words(const HttpActions& actions) {
  std::vector<std::string> out;
  for (const HttpAction& action : actions) out.push_back(word(action));
  return out;
}

struct Bench : HttpStreams {
  Bench() { speak("2025-11-25"); }
  std::vector<std::string> say(std::string_view line, HttpStreamId stream, Which which = Which::kBefore) {
    return words(deliver(std::string(line) + "\n", stream, which, kStart));
  }
};

TEST(HttpStreams, an_answer_that_comes_first_is_json_and_one_that_does_not_ends_a_stream) {
  Bench bench;
  const auto first = bench.begin(7, Takes::kBoth, kStart);
  const auto second = bench.begin(8, Takes::kBoth, kStart);
  EXPECT_THAT(bench.say("A", second), ElementsAre("8 begin", "8 2-0 ", "8 2-1 A"));
  EXPECT_THAT(bench.say("1", first, Which::kAnswer), ElementsAre("7 whole 1"));
  EXPECT_THAT(bench.say("B", second), ElementsAre("8 2-2 B"));
  EXPECT_THAT(bench.say("2", second, Which::kAnswer), ElementsAre("8 2-3 2", "8 end"));
  EXPECT_TRUE(bench.idle());
  EXPECT_TRUE(bench.say("3", second, Which::kAnswer).empty());
}

TEST(HttpStreams, what_a_client_takes_decides) {
  Bench bench;
  const auto json = bench.begin(1, Takes::kJson, kStart);
  EXPECT_TRUE(bench.say("kept for the GET", json).empty());
  EXPECT_THAT(bench.say("1", json, Which::kAnswer), ElementsAre("1 whole 1"));
  const auto events = bench.begin(2, Takes::kEvents, kStart);
  EXPECT_THAT(bench.say("2", events, Which::kAnswer), ElementsAre("2 begin", "2 2-0 ", "2 2-1 2", "2 end"));
  EXPECT_THAT(words(bench.listen(3, {}, kStart).actions),
              ElementsAre("3 begin", "3 0-0 ", "3 0-1 kept for the GET"));
}

TEST(HttpStreams, older_revisions_get_no_event_without_data) {
  Bench bench;
  bench.speak("2025-06-18");
  EXPECT_THAT(words(bench.listen(3, {}, kStart).actions), ElementsAre("3 begin"));
}

TEST(HttpStreams, one_get_a_session_and_what_waited_comes_once) {
  Bench bench;
  bench.say("A", 0);
  EXPECT_THAT(words(bench.listen(1, {}, kStart).actions), ElementsAre("1 begin", "1 0-0 ", "1 0-1 A"));
  EXPECT_EQ(bench.listen(2, {}, kStart).heard, Heard::kBusy);
  EXPECT_THAT(bench.say("B", 0), ElementsAre("1 0-2 B"));
  bench.gone(1);
  bench.say("C", 0);
  EXPECT_THAT(words(bench.listen(2, {}, kStart).actions), ElementsAre("2 begin", "2 0-2 ", "2 0-3 C"));
  bench.gone(2);
  EXPECT_THAT(words(bench.listen(3, "0-1", kStart).actions),
              ElementsAre("3 begin", "3 0-1 ", "3 0-2 B", "3 0-3 C"));
}

TEST(HttpStreams, what_nothing_is_kept_of_is_said) {
  Bench bench;
  for (const char* id : {"", "-", "1-", "-1", "x-1", "1-x", "1-1-1", "9-9", "+1-1"})
    EXPECT_EQ(bench.listen(1, id, kStart).heard, Heard::kForgotten) << id;
  const auto stream = bench.begin(2, Takes::kBoth, kStart);
  EXPECT_EQ(bench.listen(1, std::to_string(stream) + "-0", kStart).heard,
            Heard::kForgotten);  // it is undecided
}

TEST(HttpStreams, a_withdrawn_request_and_an_ended_session_leave_no_exchange_open) {
  Bench bench;
  EXPECT_THAT(words(bench.withdraw(bench.begin(1, Takes::kBoth, kStart))), ElementsAre("1 nothing"));
  const auto streams = bench.begin(2, Takes::kBoth, kStart);
  bench.say("A", streams);
  EXPECT_THAT(words(bench.withdraw(streams)), ElementsAre("2 end"));
  bench.begin(3, Takes::kBoth, kStart);
  bench.say("A", bench.begin(4, Takes::kBoth, kStart));
  bench.listen(5, {}, kStart);
  EXPECT_THAT(words(bench.end()), ElementsAre("5 end", "3 refuse", "4 end"));
  EXPECT_TRUE(bench.idle());
}

TEST(HttpStreams, a_quiet_exchange_becomes_a_stream_and_a_quiet_stream_gets_comments) {
  Bench bench;
  bench.begin(1, Takes::kBoth, kStart);
  bench.begin(2, Takes::kJson, kStart);
  EXPECT_TRUE(bench.tick(later(14'999)).empty());
  EXPECT_THAT(words(bench.tick(later(15'000))), ElementsAre("1 begin", "1 1-0 "));
  EXPECT_TRUE(bench.tick(later(29'999)).empty());
  EXPECT_THAT(words(bench.tick(later(30'000))), ElementsAre("1 comment"));
}

TEST(HttpStreams, a_line_s_end_inside_a_message_ends_no_event) {
  Bench bench;
  bench.listen(1, {}, kStart);
  EXPECT_THAT(bench.say("{\r\"a\":\n1}", 0), ElementsAre("1 0-1 { \"a\": 1}"));
}

TEST(HttpStreams, what_is_kept_has_a_limit) {
  Bench bench;
  for (int i = 0; i < 100; ++i) bench.say(std::string(50'000, 'x'), 0);
  std::size_t bytes = 0;
  const auto large = bench.listen(1, "0-0", kStart);
  for (const auto& action : large.actions) {
    if (const auto* text = std::get_if<http::Text>(&action)) bytes += text->text.size();
  }
  EXPECT_GT(bytes, kHttpReplayBytesMax / 2);
  EXPECT_LE(bytes, kHttpReplayBytesMax);
  bench.gone(1);
  for (int i = 0; i < 5000; ++i) bench.say("y", 0);
  const auto heard = bench.listen(1, "0-0", kStart);
  EXPECT_EQ(heard.actions.size(), 2 + kHttpReplayEventsMax);
  bench.say(std::string(2 * kHttpReplayBytesMax, 'z'), 0);
  bench.gone(1);
  EXPECT_EQ(bench.listen(1, "0-0", kStart).actions.size(),
            2U);  // too large to be kept, and nothing before it
}

// A client that loses connections at random and comes back with its last event's id sees every line of every
// stream that had begun, once and in order.
TEST(HttpStreams, coming_back_loses_and_doubles_nothing) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    Bench bench;
    std::map<HttpStreamId, std::vector<std::string>> sent, seen;
    std::map<HttpStreamId, std::string> last;
    std::map<HttpStreamId, ConnId> conn_of;
    ConnId next = 1;
    const auto take = [&](const HttpActions& actions) {
      for (const HttpAction& action : actions) {
        const auto* const text = std::get_if<http::Text>(&action);
        if (!text || !text->text.starts_with("id: ")) continue;
        const std::string id = text->text.substr(4, text->text.find('\n') - 4);
        const HttpStreamId stream = std::stoull(id);
        const std::size_t data = text->text.find("data: ") + 6;
        const std::string line = text->text.substr(data, text->text.size() - data - 2);
        last[stream] = id;
        if (!line.empty()) seen[stream].push_back(line);
      }
    };
    std::vector<HttpStreamId> live;
    for (int i = 0; i < 3; ++i) {
      const ConnId conn = next++;
      live.push_back(bench.begin(conn, Takes::kEvents, kStart));
      conn_of[live.back()] = conn;
      sent[live.back()].push_back("begins");
      take(bench.deliver("begins\n", live.back(), Which::kBefore, kStart));
    }
    for (int i = 0; i < 60; ++i) {
      const HttpStreamId stream = live[random() % live.size()];
      switch (random() % 4) {
        case 0:
          bench.gone(std::exchange(conn_of[stream], 0));
          break;
        case 1: {
          const ConnId conn = next++;
          const auto back = bench.listen(conn, last[stream], kStart);
          ASSERT_EQ(back.heard, Heard::kListens);
          conn_of[stream] = conn;
          take(back.actions);
          break;
        }
        default:
          sent[stream].push_back("line " + std::to_string(i));
          take(bench.deliver(sent[stream].back() + "\n", stream, Which::kBefore, kStart));
      }
    }
    for (const HttpStreamId stream : live) {
      sent[stream].push_back("answer");
      take(bench.deliver("answer\n", stream, Which::kAnswer, kStart));
      const auto back = bench.listen(next++, last[stream], kStart);
      if (back.heard == Heard::kListens) take(back.actions);
      EXPECT_EQ(seen[stream], sent[stream]);
    }
    EXPECT_TRUE(bench.idle());
  }
}

}  // namespace
}  // namespace rtt::mcp
