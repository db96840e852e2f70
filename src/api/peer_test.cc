// SPDX-License-Identifier: Apache-2.0
// Two peers over a socket pair: every request gets exactly one answer, whatever the other end does. Hostile
// ends are raw sockets fed by hand; each rule they break closes the connection with its own code.
#include "api/peer.h"

#include <gtest/gtest.h>

#include <numeric>

#include "api/codec.h"
#include "fabric/frame_reader.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/process.h"

namespace rtt::api {
namespace {

using text::Json;

constexpr Nanos kPatience{10'000'000'000};  // a hang is a failure, not a test without end

class PeerTest : public ::testing::Test {
 protected:
  PeerTest() : loop_(std::move(os::Loop::create()).value()) {
    auto ends = os::socket_pair().value();
    a_ = std::move(ends.first);
    b_ = std::move(ends.second);
  }

  template <typename Done>
  bool until(Done done) {
    const Instant start = os::now();
    while (!done()) {
      if (os::now() - start > kPatience) return false;
      (void)loop_->run_once(nanos_from_ms(100));
    }
    return true;
  }
  void settle() {
    for (int i = 0; i < 50; ++i) (void)loop_->run_once({0});
  }

  // The answering end of most tests: what it does with a verb is in `on_request`.
  std::shared_ptr<Peer> accept(Peer::OnRequest on_request,
                               Peer::Options options = {.role = Peer::Role::kAccepting, .generation = 7}) {
    return Peer::start(*loop_, std::move(b_), options, std::move(on_request),
                       [this](const Error& why) { accepting_closed_.push_back(why); });
  }
  std::shared_ptr<Peer> connect(Peer::Options options = {.client_name = "test"}) {
    return Peer::start(
        *loop_, std::move(a_), options,
        [](Request, Responder respond) { respond.finish(fail(Code::kUnknownVerb, "no verbs here")); },
        [this](const Error& why) { connecting_closed_.push_back(why); });
  }
  static void echo(Request request, const Responder& respond) {
    respond.finish(Answer{.body = std::move(request.args)});
  }
  // By hand: what an end that keeps no rules might send.
  void say(std::uint32_t id, const MessageBody& body, std::uint16_t flags = fabric::kControl,
           std::size_t fds = 0) {
    Encoder encoder;
    const auto payload = encoder.encode(body, fds).value();
    const auto header = fabric::encode_header({.flags = flags, .route_id = 0, .frame_id = id}, payload);
    Bytes bytes(header.begin(), header.end());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    ASSERT_TRUE(os::send_all(a_.get(), bytes).has_value());
  }
  void say_hello() { say(1, HelloMessage{.proto_min = 1, .proto_max = 1, .client = "raw"}); }

  std::unique_ptr<os::Loop> loop_;
  os::Fd a_, b_;
  std::vector<Error> accepting_closed_, connecting_closed_;
};

TEST_F(PeerTest, ten_thousand_requests_both_ways_each_answered_once_in_order) {
  constexpr int kRequests = 5000;  // each way
  int served = 0;
  auto panel = accept([&](Request request, Responder respond) {
    ++served;
    echo(std::move(request), respond);
  });
  auto host = Peer::start(
      *loop_, std::move(a_), {}, [](Request r, Responder respond) { echo(std::move(r), respond); },
      [](const Error&) {});
  std::vector<std::int64_t> from_panel, from_host;
  int sent = 0;
  while (sent < kRequests) {
    for (int burst = 0; burst < 500; ++burst, ++sent) {
      host->ask("x", Json::object({{"n", sent}}), [&](const Result<Answer>& answer) {
        from_panel.push_back(answer ? answer->body.int_or("n", -1) : -1);
      });
      panel->ask("y", Json::object({{"n", sent}}), [&](const Result<Answer>& answer) {
        from_host.push_back(answer ? answer->body.int_or("n", -1) : -1);
      });
    }
    ASSERT_TRUE(
        until([&] { return from_panel.size() == from_host.size() && from_host.size() == size_t(sent); }));
  }
  std::vector<std::int64_t> expected(kRequests);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(from_panel, expected);
  EXPECT_EQ(from_host, expected);
  EXPECT_EQ(served, kRequests);
  EXPECT_EQ(host->generation(), 7u);
  EXPECT_EQ(panel->identity().pid, os::own_pid());
}

TEST_F(PeerTest, request_carries_all_its_fields_and_the_error_all_of_its) {
  const Error error{.code = Code::kDenied,
                    .message = "no ä",
                    .where = "f:1:2",
                    .hint = "rtt explain",
                    .causes = {"a", "b"}};
  std::optional<Request> seen;
  auto panel = accept([&](Request request, Responder respond) {
    seen = std::move(request);
    respond.finish(std::unexpected(error));
  });
  auto client = connect();
  std::optional<Error> got;
  client->ask(
      "plan", Json::object({{"k", "v"}}), [&](const Result<Answer>& a) { got = a.error(); }, {}, 1234);
  ASSERT_TRUE(until([&] { return got.has_value(); }));
  EXPECT_EQ(*got, error);
  EXPECT_EQ(seen->verb, "plan");
  EXPECT_EQ(seen->args.string_or("k"), "v");
  EXPECT_EQ(seen->deadline_ms, 1234);
  EXPECT_EQ(seen->search, "upward");
  EXPECT_EQ(panel->client_name(), "test");
}

TEST_F(PeerTest, streamed_parts_come_in_order_before_the_end) {
  auto panel = accept([](Request, Responder respond) {
    for (int i = 0; i < 100; ++i) respond.part(Json::object({{"i", i}}));
    respond.finish(Answer{.text = R"({"end":true})"});
  });
  auto client = connect();
  std::vector<std::int64_t> parts;
  bool end = false;
  client->ask(
      "log", Json::object({}), [&](Result<Answer> a) { end = a && a->body.bool_or("end", false); }, {},
      30'000, [&](const Json& part) { parts.push_back(end ? -1 : part.int_or("i", -1)); });
  ASSERT_TRUE(until([&] { return end; }));
  std::vector<std::int64_t> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(parts, expected);
}

TEST_F(PeerTest, descriptors_reach_the_message_they_belong_to) {
  auto panel = accept([](Request request, Responder respond) {
    // Sends back as many descriptors as it got, so both directions are tried.
    const auto count = static_cast<std::int64_t>(request.fds.size());
    respond.finish(Answer{.body = Json::object({{"n", request.args.int_or("n", -1)}, {"fds", count}}),
                          .fds = std::move(request.fds)});
  });
  auto client = connect();
  int answered = 0;
  for (int n = 0; n < 60; ++n) {
    // A byte in a pair of its own tells each descriptor from all others.
    std::vector<os::Fd> fds;
    std::vector<os::Fd> kept;
    for (int i = 0; i < n % 9; ++i) {
      auto ends = os::socket_pair().value();
      const std::byte mark[] = {static_cast<std::byte>(n)};
      ASSERT_TRUE(os::send_all(ends.second.get(), mark).has_value());
      fds.push_back(std::move(ends.first));
      kept.push_back(std::move(ends.second));
    }
    client->ask(
        "fds", Json::object({{"n", n}}),
        [&answered, n, kept = std::make_shared<std::vector<os::Fd>>(std::move(kept))](Result<Answer> a) {
          ASSERT_TRUE(a.has_value()) << a.error().message;
          EXPECT_EQ(a->body.int_or("n", -1), n);
          EXPECT_EQ(a->fds.size(), static_cast<std::size_t>(n % 9));
          for (const os::Fd& fd : a->fds) {
            std::byte mark[1];
            EXPECT_EQ(os::receive(fd.get(), mark).value().bytes, 1u);
            EXPECT_EQ(mark[0], static_cast<std::byte>(n));
          }
          ++answered;
        },
        std::move(fds));
  }
  ASSERT_TRUE(until([&] { return answered == 60; }));
}

TEST_F(PeerTest, more_than_the_limit_under_way_waits_here_and_is_busy_there) {
  std::vector<Responder> held;
  auto panel = accept([&](Request, Responder respond) { held.push_back(std::move(respond)); });
  auto client = connect();
  int answered = 0, busy = 0;
  for (int i = 0; i < limits::kControlInFlightMax + static_cast<int>(kWaitingAsksMax) + 10; ++i) {
    client->ask("slow", Json::object({}), [&](const Result<Answer>& a) {
      ++answered;
      if (!a && a.error().code == Code::kBusy) ++busy;
    });
    if (i > 0) continue;
    ASSERT_TRUE(until([&] { return held.size() == 1; }));  // the handshake is over
  }
  ASSERT_TRUE(until([&] { return held.size() == std::size_t{limits::kControlInFlightMax} && busy == 10; }));
  settle();
  EXPECT_EQ(held.size(), std::size_t{limits::kControlInFlightMax});
  while (answered < limits::kControlInFlightMax + static_cast<int>(kWaitingAsksMax) + 10) {
    for (const Responder& respond : std::exchange(held, {})) respond.finish(Answer{});
    ASSERT_TRUE(until([&] {
      return !held.empty() || answered == 10 + limits::kControlInFlightMax + int(kWaitingAsksMax);
    }));
  }
  EXPECT_EQ(busy, 10);
}

TEST_F(PeerTest, an_end_that_overruns_the_limit_is_told_busy) {
  std::vector<Responder> held;
  auto panel = accept([&](Request, Responder respond) { held.push_back(std::move(respond)); });
  say_hello();
  for (std::uint32_t id = 2; id < 2 + 70; ++id) say(id, RequestMessage{.verb = "x"});
  ASSERT_TRUE(until([&] { return held.size() == 64; }));
  settle();
  EXPECT_EQ(held.size(), 64u);
  fabric::FrameReader reader({.payload_bytes_max = limits::kControlBytesMax});
  const auto received = os::receive(a_.get(), reader.space()).value();
  reader.filled(received.bytes);
  Decoder decoder;
  int busy = 0;
  while (const auto frame = reader.next().value()) {
    const Message message = decoder.decode(frame->payload).value();
    if (const auto* error = std::get_if<Error>(&message.body)) busy += error->code == Code::kBusy ? 1 : 0;
  }
  EXPECT_EQ(busy, 6);
  EXPECT_TRUE(panel->open());
}

TEST_F(PeerTest, deadline_passes_and_a_late_answer_does_no_harm) {
  std::vector<Responder> held;
  auto panel = accept([&](Request request, Responder respond) {
    if (request.verb == "slow") return held.push_back(std::move(respond));
    echo(std::move(request), respond);
  });
  auto client = connect();
  std::optional<Code> slow;
  client->ask(
      "slow", Json::object({}), [&](const Result<Answer>& a) { slow = a ? Code{} : a.error().code; }, {}, 20);
  ASSERT_TRUE(until([&] { return slow.has_value(); }));
  EXPECT_EQ(slow, Code::kDeadline);
  ASSERT_TRUE(until([&] { return held.size() == 1; }));
  held.front().finish(Answer{});
  bool ok = false;
  client->ask("x", Json::object({}), [&](const Result<Answer>& a) { ok = a.has_value(); });
  ASSERT_TRUE(until([&] { return ok; }));
  EXPECT_TRUE(client->open());
}

TEST_F(PeerTest, lost_peer_fails_every_request_once_and_then_says_closed) {
  std::vector<Responder> held;
  auto panel = accept([&](Request, Responder respond) { held.push_back(std::move(respond)); });
  auto client = connect();
  int lost = 0;
  bool closed_before_answers = false;
  for (int i = 0; i < 100; ++i) {
    client->ask("slow", Json::object({}), [&](const Result<Answer>& a) {
      lost += !a && a.error().code == Code::kLost ? 1 : 0;
      closed_before_answers |= !connecting_closed_.empty();
    });
  }
  ASSERT_TRUE(until([&] { return held.size() == 64; }));
  panel = nullptr;
  ASSERT_TRUE(until([&] { return !connecting_closed_.empty(); }));
  EXPECT_EQ(lost, 100);
  EXPECT_FALSE(closed_before_answers);
  EXPECT_EQ(connecting_closed_.front().code, Code::kLost);
  for (const Responder& respond : held) respond.finish(Answer{});  // nobody is there: nothing happens
  settle();
  EXPECT_EQ(connecting_closed_.size(), 1u);
  EXPECT_TRUE(accepting_closed_.empty());  // its owner destroyed it
}

TEST_F(PeerTest, closing_and_destroying_inside_a_handler_is_safe) {
  std::shared_ptr<Peer> panel;
  panel = accept([&](Request, Responder respond) {
    respond.finish(Answer{});
    panel = nullptr;
  });
  auto client = connect();
  int answers = 0;
  bool first_ok = false;
  for (int i = 0; i < 3; ++i) {
    client->ask("x", Json::object({}), [&](const Result<Answer>& a) {
      if (answers++ == 0) first_ok = a.has_value();
      client = nullptr;
    });
  }
  ASSERT_TRUE(until([&] { return answers == 3; }));
  EXPECT_TRUE(first_ok);
}

TEST_F(PeerTest, own_close_fails_requests_and_reports_once) {
  auto panel = accept([](Request, const Responder&) {});
  auto client = connect();
  std::optional<Code> code;
  client->ask("x", Json::object({}), [&](const Result<Answer>& a) { code = a ? Code{} : a.error().code; });
  client->close();
  client->close();
  EXPECT_FALSE(code.has_value());  // never from inside a call
  ASSERT_TRUE(until([&] { return !connecting_closed_.empty() && !accepting_closed_.empty(); }));
  EXPECT_EQ(code, Code::kLost);
  EXPECT_EQ(connecting_closed_.front().code, Code::kCancelled);
  EXPECT_EQ(connecting_closed_.size(), 1u);
}

TEST_F(PeerTest, request_dropped_by_its_handler_is_answered) {
  auto panel = accept([](Request, const Responder&) {});
  auto client = connect();
  std::optional<Code> code;
  client->ask("x", Json::object({}), [&](const Result<Answer>& a) { code = a ? Code{} : a.error().code; });
  ASSERT_TRUE(until([&] { return code.has_value(); }));
  EXPECT_EQ(code, Code::kInternal);
}

TEST_F(PeerTest, too_large_messages_are_refused_on_their_side) {
  auto panel = accept([](Request, Responder respond) {
    respond.finish(Answer{.body = Json::object({{"x", std::string(limits::kControlBytesMax, 'x')}})});
  });
  auto client = connect();
  std::vector<Code> codes;
  const auto note = [&](const Result<Answer>& a) { codes.push_back(a ? Code{} : a.error().code); };
  client->ask("x", Json::object({{"x", std::string(limits::kControlBytesMax, 'x')}}), note);
  client->ask("x", Json::object({}), note);
  ASSERT_TRUE(until([&] { return codes.size() == 2; }));
  EXPECT_EQ(codes, (std::vector{Code::kTooLarge, Code::kTooLarge}));
  EXPECT_TRUE(client->open());
}

TEST_F(PeerTest, an_end_that_never_reads_its_answers_is_closed_busy) {
  auto panel = accept([](Request, Responder respond) {
    const Json part = Json::object({{"x", std::string(900'000, 'x')}});
    for (int i = 0; i < 60; ++i) respond.part(part);
    respond.finish(Answer{});
  });
  say_hello();
  say(2, RequestMessage{.verb = "log"});
  ASSERT_TRUE(until([&] { return !accepting_closed_.empty(); }));
  EXPECT_EQ(accepting_closed_.front().code, Code::kBusy);
}

TEST_F(PeerTest, another_user_is_refused) {
  auto panel = accept([](Request, const Responder&) { ADD_FAILURE(); },
                      {.role = Peer::Role::kAccepting, .owner_uid = os::own_uid() + 1});
  ASSERT_TRUE(until([&] { return !accepting_closed_.empty(); }));
  EXPECT_EQ(accepting_closed_.front().code, Code::kNotOwner);
}

TEST_F(PeerTest, versions_without_overlap_are_told_apart_on_both_sides) {
  auto panel = accept([](Request, const Responder&) { ADD_FAILURE(); },
                      {.role = Peer::Role::kAccepting, .proto_min = 2, .proto_max = 3});
  auto client = connect();
  std::optional<Code> code;
  client->ask("x", Json::object({}), [&](const Result<Answer>& a) { code = a ? Code{} : a.error().code; });
  ASSERT_TRUE(until([&] { return !accepting_closed_.empty() && !connecting_closed_.empty(); }));
  EXPECT_EQ(accepting_closed_.front().code, Code::kPanelProtocol);
  EXPECT_EQ(connecting_closed_.front().code, Code::kPanelProtocol);
  EXPECT_FALSE(connecting_closed_.front().hint.empty());
  EXPECT_EQ(code, Code::kLost);
}

TEST_F(PeerTest, highest_common_version_is_chosen) {
  auto panel = accept(echo, {.role = Peer::Role::kAccepting, .proto_min = 1, .proto_max = 3});
  auto client = connect({.proto_min = 2, .proto_max = 9});
  bool ok = false;
  client->ask("x", Json::object({}), [&](const Result<Answer>& a) { ok = a.has_value(); });
  ASSERT_TRUE(until([&] { return ok; }));
}

class HostileTest : public PeerTest {
 protected:
  void expect_closed(Code code) {
    ASSERT_TRUE(until([&] { return !accepting_closed_.empty(); }));
    EXPECT_EQ(accepting_closed_.front().code, code) << accepting_closed_.front().message;
    settle();
    EXPECT_EQ(accepting_closed_.size(), 1u);
  }
  std::shared_ptr<Peer> panel_ = accept(echo);
};

TEST_F(HostileTest, garbage) {
  const Bytes garbage(100, std::byte{0x5a});
  ASSERT_TRUE(os::send_all(a_.get(), garbage).has_value());
  expect_closed(Code::kFrame);
}
TEST_F(HostileTest, no_hello_first) {
  say(1, RequestMessage{.verb = "status"});
  expect_closed(Code::kPanelProtocol);
}
TEST_F(HostileTest, second_hello) {
  say_hello();
  say_hello();
  expect_closed(Code::kPanelProtocol);
}
TEST_F(HostileTest, frame_without_the_control_bit) {
  say(1, HelloMessage{.proto_min = 1, .proto_max = 1}, 0);
  expect_closed(Code::kFrame);
}
TEST_F(HostileTest, frame_with_weaker_checksum) {
  say(1, HelloMessage{.proto_min = 1, .proto_max = 1}, fabric::kControl | fabric::kCoverHeader);
  expect_closed(Code::kFrame);
}
TEST_F(HostileTest, payload_that_does_not_verify) {
  const Bytes payload(64, std::byte{0xff});
  const auto header =
      fabric::encode_header({.flags = fabric::kControl, .route_id = 0, .frame_id = 1}, payload);
  ASSERT_TRUE(os::send_all(a_.get(), header).has_value());
  ASSERT_TRUE(os::send_all(a_.get(), payload).has_value());
  expect_closed(Code::kPanelProtocol);
}
TEST_F(HostileTest, id_used_twice) {
  std::vector<Responder> held;
  auto ends = os::socket_pair().value();
  a_ = std::move(ends.first);
  b_ = std::move(ends.second);
  panel_ = accept([&](Request, Responder respond) { held.push_back(std::move(respond)); });
  say_hello();
  say(2, RequestMessage{.verb = "x"});
  say(2, RequestMessage{.verb = "x"});
  expect_closed(Code::kPanelProtocol);
}
TEST_F(HostileTest, answer_nobody_asked_for) {
  say_hello();
  say(99, AnswerMessage{.json = "{}"});
  expect_closed(Code::kPanelProtocol);
}
TEST_F(HostileTest, request_in_parts) {
  say_hello();
  say(2, RequestMessage{.verb = "x"}, fabric::kControl | fabric::kMore);
  expect_closed(Code::kPanelProtocol);
}
TEST_F(HostileTest, descriptors_declared_but_not_sent) {
  say_hello();
  say(2, RequestMessage{.verb = "x"}, fabric::kControl, 1);
  expect_closed(Code::kFrame);
}
TEST_F(HostileTest, descriptors_sent_but_not_declared) {
  Encoder encoder;
  Bytes bytes;
  ASSERT_TRUE(append_frame(bytes, encoder, 1, HelloMessage{.proto_min = 1, .proto_max = 1}).has_value());
  ASSERT_TRUE(os::send_all(a_.get(), bytes, {a_.get()}).has_value());
  expect_closed(Code::kFrame);
}
TEST_F(HostileTest, closed_inside_a_frame) {
  Encoder encoder;
  Bytes bytes;
  ASSERT_TRUE(append_frame(bytes, encoder, 1, HelloMessage{.proto_min = 1, .proto_max = 1}).has_value());
  ASSERT_TRUE(os::send_all(a_.get(), ByteView(bytes).first(bytes.size() - 1)).has_value());
  a_.reset();
  expect_closed(Code::kFrame);
}
TEST_F(HostileTest, arguments_that_are_no_object_cost_only_their_request) {
  say_hello();
  say(2, RequestMessage{.verb = "x", .args = "[1]"});
  say(3, RequestMessage{.verb = "x", .args = "{\"a\":1,\"a\":2}"});
  settle();
  EXPECT_TRUE(panel_->open());
}

}  // namespace
}  // namespace rtt::api
