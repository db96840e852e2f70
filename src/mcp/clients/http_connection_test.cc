// SPDX-License-Identifier: Apache-2.0
// Goal: a connection that dawdles, floods or does not read ends within its limits, and the owner is told
// once. Method: one end of a socket pair as the peer; deadlines are looked at with a time of the test's
// choice.
#include "mcp/clients/http_connection.h"

#include <gtest/gtest.h>

#include "os/clock.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

constexpr std::string_view kHead =
    "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

struct Owner : HttpConnectionOwner {
  std::variant<HttpAsk, HttpRefusal> on_head(const drivers::HttpRequestReader& request) override {
    return judge(request, {.address = "127.0.0.1"});
  }
  void on_request(HttpConnection& connection, const HttpAsk&, std::string_view body) override {
    bodies.emplace_back(body);
    if (body == "later") return;
    if (body == "events") return connection.begin_events({});
    connection.answer(200, {}, body);
  }
  void on_closed(HttpConnection&) override { ++closed; }
  std::vector<std::string> bodies;
  int closed = 0;
};

class HttpConnectionTest : public testing::Test {
 protected:
  HttpConnectionTest() {
    auto ends = *os::socket_pair();
    peer_ = std::move(ends.first);
    connection_.emplace(*loop_, owner_, nullptr, std::move(ends.second), 1);
    EXPECT_TRUE(connection_->start());
  }
  void send(std::string_view bytes) {
    ASSERT_TRUE(os::send_all(peer_.get(), as_bytes(bytes)));
    loop_->run_once(nanos_from_ms(1000));
  }
  void post(std::string_view body) {
    send(std::string(kHead) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body));
  }
  std::string heard() {
    std::string out;
    std::array<std::byte, 4096> buffer{};
    for (;;) {
      const auto got = os::receive(peer_.get(), buffer);
      if (!got || got->bytes == 0) return out;
      out += as_text(ByteView(buffer).first(got->bytes));
    }
  }
  void after(std::int64_t ms) { connection_->expire(os::now() + nanos_from_ms(ms)); }

  std::unique_ptr<os::Loop> loop_ = *os::Loop::create();
  Owner owner_;
  os::Fd peer_;
  std::optional<HttpConnection> connection_;
};

TEST_F(HttpConnectionTest, one_that_says_nothing_is_closed) {
  after(kHttpHeadMs - 1000);
  EXPECT_EQ(owner_.closed, 0);
  after(kHttpHeadMs + 1);
  EXPECT_EQ(owner_.closed, 1);
  after(kHttpHeadMs + 2);
  EXPECT_EQ(owner_.closed, 1);
}

TEST_F(HttpConnectionTest, a_head_byte_by_byte_gains_no_time) {
  send("POST");
  const Instant first = os::now();
  for (int i = 0; i < 3; ++i) send(" ");
  connection_->expire(first + nanos_from_ms(kHttpHeadMs));
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(owner_.closed, 0) << "the answer is let through";
  after(kHttpLingerMs + 1);
  EXPECT_EQ(owner_.closed, 1);
}

TEST_F(HttpConnectionTest, a_body_has_longer_and_an_answer_owed_has_no_end) {
  send(std::string(kHead) + "Content-Length: 5\r\n\r\nla");
  after(kHttpHeadMs + 1);
  EXPECT_EQ(heard(), "");
  send("ter");
  ASSERT_EQ(owner_.bodies, std::vector<std::string>{"later"});
  after(100 * kHttpBodyMs);
  EXPECT_EQ(owner_.closed, 0);
  connection_->answer(200, {}, "{}");
  EXPECT_TRUE(heard().ends_with("\r\n\r\n{}"));
  after(kHttpIdleMs - 1000);
  EXPECT_EQ(owner_.closed, 0);
  after(kHttpIdleMs + 1);
  EXPECT_EQ(owner_.closed, 1);
}

TEST_F(HttpConnectionTest, a_body_that_does_not_come_is_answered_408) {
  send(std::string(kHead) + "Content-Length: 5\r\n\r\nla");
  after(kHttpBodyMs + 1);
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 408 "));
}

TEST_F(HttpConnectionTest, a_reader_that_does_not_read_is_dropped) {
  post("events");
  connection_->events(std::string(std::size_t{8} << 20, 'x'));
  after(kHttpStallMs + 1);
  EXPECT_EQ(owner_.closed, 1);
}

TEST_F(HttpConnectionTest, output_has_a_limit) {
  post("events");
  for (int i = 0; i < 64 && owner_.closed == 0; ++i)
    connection_->events(std::string(std::size_t{1} << 20, 'x'));
  EXPECT_EQ(owner_.closed, 1);
  connection_->events("more");
  connection_->end_events();
  EXPECT_EQ(owner_.closed, 1);
}

TEST_F(HttpConnectionTest, what_comes_while_an_answer_is_owed_waits_and_has_a_limit) {
  post("later");
  post("next");
  EXPECT_EQ(owner_.bodies.size(), 1U);
  const std::string flood(std::size_t{64} << 10, 'x');
  std::size_t taken = 0;
  for (int i = 0; i < 200; ++i) {
    const auto sent = os::send(peer_.get(), as_bytes(flood));
    if (!sent || sent->would_block) break;
    taken += sent->bytes;
    loop_->run_once(nanos_from_ms(0));
  }
  EXPECT_LT(taken, std::size_t{4} << 20) << "it is not read for ever";
  connection_->answer(200, {}, "{}");
  EXPECT_EQ(owner_.bodies.size(), 2U);
}

TEST_F(HttpConnectionTest, a_peer_that_goes_is_told_once) {
  post("later");
  peer_.reset();
  loop_->run_once(nanos_from_ms(1000));
  EXPECT_EQ(owner_.closed, 1);
}

TEST_F(HttpConnectionTest, answers_given_at_once_do_not_nest) {
  std::string many;
  for (int i = 0; i < 2000; ++i) many += std::string(kHead) + "Content-Length: 2\r\n\r\n{}";
  const auto sent = os::send(peer_.get(), as_bytes(many));
  ASSERT_TRUE(sent);
  for (int i = 0; i < 100; ++i) loop_->run_once(nanos_from_ms(0));
  EXPECT_GT(owner_.bodies.size(), 100U);
  EXPECT_EQ(owner_.closed, 0);
}

}  // namespace
}  // namespace rtt::mcp
