// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/http_session.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace rtt::mcp {
namespace {

constexpr std::string_view kInitialize = R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})";
constexpr std::string_view kInitialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";

std::string ask(std::uint64_t id) { return request_line(id, "tools/call", "{}"); }
std::string reply(std::uint64_t id) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"result":{}})";
}

class HttpSessionTest : public ::testing::Test {
 protected:
  HttpSession session_{"far", *web::parse_url("https://h/mcp")};

  template <typename T>
  static std::vector<T> all(const HttpActions& actions) {
    std::vector<T> out;
    for (const auto& action : actions) {
      if (const T* one = std::get_if<T>(&action)) out.push_back(*one);
    }
    return out;
  }
  template <typename T>
  static T only(const HttpActions& actions) {
    const auto found = all<T>(actions);
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? T{} : found.front();
  }
  static std::string header(const http_act::Fetch& fetch, std::string_view name) {
    for (const auto& [key, value] : fetch.headers) {
      if (key == name) return value;
    }
    return {};
  }
  HttpActions json(HttpKey key, const std::string& body, std::string_view session_id = {}) {
    HttpActions out =
        session_.on_head(key, {.status = 200, .content_type = "application/json", .session_id = session_id});
    for (auto& action : session_.on_bytes(key, body)) out.push_back(std::move(action));
    for (auto& action : session_.on_end(key, {}, {0})) out.push_back(std::move(action));
    return out;
  }
  // initialized, with a session; the listening GET was refused.
  void open() {
    const auto first = only<http_act::Fetch>(session_.send(kInitialize, {}));
    EXPECT_EQ(only<http_act::Deliver>(json(first.key, reply(1), "s1")).message.data, reply(1));
    session_.joined({{"MCP-Protocol-Version", "2025-11-25"}});
    const auto second = only<http_act::Fetch>(session_.send(kInitialized, {}));
    const auto listen = only<http_act::Fetch>(session_.on_head(second.key, {.status = 202}));
    EXPECT_EQ(listen.method, "GET");
    session_.on_end(second.key, {}, {0});
    session_.on_head(listen.key, {.status = 405});
  }
  http_act::Fetch call(std::uint64_t id) { return only<http_act::Fetch>(session_.send(ask(id), {})); }
};

TEST_F(HttpSessionTest, what_follows_initialized_waits_until_it_was_taken) {
  const auto first = only<http_act::Fetch>(session_.send(kInitialize, {}));
  EXPECT_EQ(header(first, "Mcp-Session-Id"), "");
  json(first.key, reply(1), "s1");
  session_.joined({{"MCP-Protocol-Version", "2025-11-25"}});
  const auto second = only<http_act::Fetch>(session_.send(kInitialized, {}));
  EXPECT_EQ(header(second, "Mcp-Session-Id"), "s1");
  EXPECT_EQ(header(second, "MCP-Protocol-Version"), "2025-11-25");
  EXPECT_TRUE(session_.send(ask(2), {}).empty());
  EXPECT_GT(session_.bytes_waiting(), 0U);
  const auto now = all<http_act::Fetch>(session_.on_head(second.key, {.status = 202}));
  ASSERT_EQ(now.size(), 2U);
  EXPECT_EQ(now[0].method, "GET");
  EXPECT_EQ(now[1].method, "POST");
}

TEST_F(HttpSessionTest, what_is_forgotten_while_it_waits_is_never_sent) {
  json(only<http_act::Fetch>(session_.send(kInitialize, {})).key, reply(1), "s1");
  session_.joined({});
  const auto second = only<http_act::Fetch>(session_.send(kInitialized, {}));
  const std::size_t waiting = session_.bytes_waiting();
  EXPECT_TRUE(session_.send(ask(2), {}).empty());
  EXPECT_TRUE(session_.forget(2).empty());
  EXPECT_EQ(session_.bytes_waiting(), waiting);
  EXPECT_EQ(only<http_act::Fetch>(session_.on_head(second.key, {.status = 202})).method, "GET");
}

TEST_F(HttpSessionTest, a_message_of_its_own_headers_has_no_others) {
  open();
  const auto fetch = only<http_act::Fetch>(session_.send(ask(3), {{"Mcp-Method", "tools/call"}}));
  EXPECT_EQ(header(fetch, "Mcp-Method"), "tools/call");
  EXPECT_EQ(header(fetch, "MCP-Protocol-Version"), "");
}

TEST_F(HttpSessionTest, a_stream_that_breaks_off_is_taken_up_where_it_was) {
  open();
  auto fetch = call(5);
  session_.on_head(fetch.key, {.status = 200, .content_type = "text/event-stream"});
  session_.on_bytes(fetch.key, "id: 9\nretry: 40\ndata:\n\n");
  EXPECT_TRUE(session_.on_end(fetch.key, {}, {0}).empty());
  EXPECT_EQ(session_.next_event(), Instant{} + nanos_from_ms(40));
  EXPECT_TRUE(session_.on_tick({1}).empty());
  fetch = only<http_act::Fetch>(session_.on_tick(Instant{} + nanos_from_ms(40)));
  EXPECT_EQ(std::pair(fetch.method, header(fetch, "Last-Event-ID")),
            std::pair(std::string("GET"), std::string("9")));
  session_.on_head(fetch.key, {.status = 200, .content_type = "text/event-stream"});
  const auto got = only<http_act::Deliver>(session_.on_bytes(fetch.key, "data: " + reply(5) + "\n\n"));
  EXPECT_EQ(got.message.data, reply(5));
  EXPECT_TRUE(session_.on_end(fetch.key, {}, {0}).empty());
  EXPECT_EQ(session_.bytes_waiting(), 0U);
}

TEST_F(HttpSessionTest, a_stream_that_cannot_be_taken_up_ends_its_request_only) {
  open();
  const auto fetch = call(5), other = call(6);
  session_.on_head(fetch.key, {.status = 200, .content_type = "text/event-stream"});
  session_.on_bytes(fetch.key, ": nothing\n\n");
  const auto lost = only<http_act::Unanswered>(session_.on_end(fetch.key, {}, {0}));
  EXPECT_EQ(std::pair(lost.request, lost.why.code), std::pair(std::uint64_t{5}, Code::kServerGone));
  only<http_act::Deliver>(json(other.key, reply(6)));
}

TEST_F(HttpSessionTest, taking_up_has_an_end) {
  open();
  auto fetch = call(5);
  Instant now{};
  int tries = 0;
  for (;; ++tries) {
    ASSERT_LE(tries, kHttpResumesMax);
    session_.on_head(fetch.key, {.status = 200, .content_type = "text/event-stream"});
    if (tries == 0) session_.on_bytes(fetch.key, "id: 9\n\n");
    const auto out = session_.on_end(fetch.key, {}, now);
    if (!all<http_act::Unanswered>(out).empty()) break;
    now = *session_.next_event();
    fetch = only<http_act::Fetch>(session_.on_tick(now));
  }
  EXPECT_EQ(tries, kHttpResumesMax);
}

TEST_F(HttpSessionTest, a_lost_session_hands_back_what_was_not_taken) {
  open();
  const auto fetch = call(5);
  const auto out = session_.on_head(fetch.key, {.status = 404});
  EXPECT_EQ(only<http_act::Expired>(out).request, 5U);
  EXPECT_TRUE(all<http_act::Fetch>(session_.leave()).empty()) << "nothing is left to say goodbye to";
}

TEST_F(HttpSessionTest, leaving_says_goodbye_and_gives_everything_up) {
  open();
  const auto fetch = call(5);
  const auto out = session_.leave();
  EXPECT_EQ(only<http_act::Abort>(out).key, fetch.key);
  const auto bye = only<http_act::Fetch>(out);
  EXPECT_EQ(std::pair(bye.method, header(bye, "Mcp-Session-Id")),
            std::pair(std::string("DELETE"), std::string("s1")));
  EXPECT_TRUE(session_.send(ask(6), {}).empty());
}

TEST_F(HttpSessionTest, redirections_stay_on_the_origin_and_keep_the_request) {
  open();
  struct Case {
    int status;
    const char* location;
    bool followed;
  };
  for (const Case& one : {Case{307, "/b", true}, Case{308, "https://h/c", true}, Case{302, "/b", false},
                          Case{307, "https://h:444/", false}, Case{307, "http://h/mcp", false},
                          Case{307, "https://evil/", false}, Case{301, "", false}, Case{307, "b", false}}) {
    const auto fetch = call(9);
    const auto out = session_.on_head(fetch.key, {.status = one.status, .location = one.location});
    EXPECT_EQ(all<http_act::Fetch>(out).size(), one.followed ? 1U : 0U) << one.location;
    EXPECT_EQ(all<http_act::Unanswered>(out).size(), one.followed ? 0U : 1U) << one.location;
    if (one.followed) {
      const auto again = only<http_act::Fetch>(out);
      EXPECT_EQ(std::pair(again.method, again.body), std::pair(fetch.method, fetch.body));
      json(again.key, reply(9));
    }
  }
  auto fetch = call(9);
  for (int i = 0; i < kHttpRedirectsMax; ++i)
    fetch = only<http_act::Fetch>(session_.on_head(fetch.key, {.status = 307, .location = "/x"}));
  only<http_act::Unanswered>(session_.on_head(fetch.key, {.status = 307, .location = "/x"}));
}

TEST_F(HttpSessionTest, a_challenge_is_answered_once) {
  open();
  auto fetch = call(5);
  const auto who =
      only<http_act::Challenged>(session_.on_head(fetch.key, {.status = 401, .challenge = "Bearer"}));
  EXPECT_EQ(who.status, 401);
  fetch = only<http_act::Fetch>(session_.retry(who.key));
  const auto lost = only<http_act::Unanswered>(session_.on_head(fetch.key, {.status = 401}));
  EXPECT_EQ(lost.why.code, Code::kNeedsLogin);
  only<http_act::Deliver>(json(call(6).key, reply(6)));
}

TEST_F(HttpSessionTest, without_a_login_nothing_begins) {
  const auto fetch = only<http_act::Fetch>(session_.send(kInitialize, {}));
  session_.on_head(fetch.key, {.status = 401});
  const auto ended = only<http_act::Ended>(session_.refuse(fetch.key, {.code = Code::kNeedsLogin}));
  EXPECT_EQ(ended.why.code, Code::kNeedsLogin);
}

TEST_F(HttpSessionTest, an_answer_to_something_else_is_no_answer) {
  open();
  EXPECT_EQ(only<http_act::Unanswered>(json(call(5).key, reply(6))).request, 5U);
  EXPECT_EQ(only<http_act::Unanswered>(json(call(5).key, "[]")).request, 5U);
  EXPECT_EQ(only<http_act::Unanswered>(json(call(5).key, "")).request, 5U);
}

// Whatever a server does, in whatever order: each request ends once, or waits for what was not said yet.
TEST_F(HttpSessionTest, every_request_ends_at_most_once_and_nothing_is_left) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    session_ = HttpSession("far", *web::parse_url("https://h/mcp"));
    open();
    std::vector<HttpKey> live;
    std::map<std::uint64_t, int> ended;
    Instant now{};
    bool over = false;
    const auto take = [&](const HttpActions& actions) {
      for (const auto& action : actions) {
        if (const auto* f = std::get_if<http_act::Fetch>(&action)) live.push_back(f->key);
        if (const auto* a = std::get_if<http_act::Abort>(&action)) std::erase(live, a->key);
        if (const auto* u = std::get_if<http_act::Unanswered>(&action)) ++ended[u->request];
        if (const auto* e = std::get_if<http_act::Expired>(&action); e && e->request) ++ended[*e->request];
        over = over || std::holds_alternative<http_act::Ended>(action);
      }
    };
    std::uint64_t id = 10;
    for (int step = 0; step < 60; ++step) {
      const HttpKey key = live.empty() ? 0 : live[random() % live.size()];
      switch (random() % 9) {
        case 0:
          take(session_.send(ask(id++), {}));
          break;
        case 1:
          take(session_.on_head(key, {.status = 200, .content_type = "text/event-stream"}));
          break;
        case 2:
          take(session_.on_head(key, {.status = 200, .content_type = "application/json"}));
          break;
        case 3: {
          constexpr int kStatus[] = {202, 301, 307, 400, 401, 403, 404, 405, 500};
          take(session_.on_head(key,
                                {.status = kStatus[random() % 9], .location = "/x", .challenge = "Bearer"}));
          break;
        }
        case 4:
          take(session_.on_bytes(key, "id: 1\ndata: " + reply(10 + random() % (id - 9)) + "\n\n"));
          break;
        case 5:
          take(session_.on_bytes(key, reply(10 + random() % (id - 9))));
          break;
        case 6: {
          constexpr Code kCodes[] = {Code::kLost, Code::kDeadline, Code::kTooLarge};
          take(session_.on_end(key, random() % 2 ? Status() : fail(kCodes[random() % 3], "x"), now));
          std::erase(live, key);
          break;
        }
        case 7:
          take(random() % 2 ? session_.retry(key) : session_.refuse(key, {.code = Code::kNeedsLogin}));
          break;
        default:
          if (const auto next = session_.next_event()) now = std::max(now, *next);
          take(session_.on_tick(now));
          break;
      }
    }
    for (std::uint64_t one = 10; one < id; ++one) take(session_.forget(one));
    EXPECT_EQ(session_.bytes_waiting(), 0U) << "round " << round;
    for (const auto& [one, times] : ended) EXPECT_EQ(times, 1) << "round " << round << ", request " << one;
  }
}

}  // namespace
}  // namespace rtt::mcp
