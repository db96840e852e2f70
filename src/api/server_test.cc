// SPDX-License-Identifier: Apache-2.0
// A server on a real socket in a loop of its own thread, asked by blocking clients: what faces and the panel
// do.
#include "api/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "api/client.h"
#include "api/codec.h"
#include "api/error_json.h"
#include "fabric/uds/lane.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/temp_dir.h"

namespace rtt::api {
namespace {

using text::Json;

class ServerTest : public ::testing::Test {
 protected:
  ~ServerTest() override { stop(); }

  void serve(Server::Options options = {.generation = 9}) {
    auto listener = os::UnixListener::bind(folder_.path(), "panel.sock");
    ASSERT_TRUE(listener.has_value()) << listener.error().message;
    thread_ = std::thread([this, options, held = std::move(*listener)]() mutable {
      auto server = Server::start(
          *loop_, std::move(held), options,
          [this](const std::shared_ptr<Peer>& peer, Request request, Responder respond) {
            handle(peer, std::move(request), std::move(respond));
          },
          [this](const std::shared_ptr<Peer>&) { ++gone_; });
      loop_->run();
      server = nullptr;
      lanes_.clear();
    });
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop_->stop();
    thread_.join();
  }
  void handle(const std::shared_ptr<Peer>& peer, Request request, Responder respond) {
    if (request.verb == "echo") return respond.finish(Answer{.body = std::move(request.args)});
    if (request.verb == "fields") {
      return respond.finish(Answer{.body = Json::object({{"directory", request.directory},
                                                         {"search", request.search},
                                                         {"client", peer->client_name()},
                                                         {"deadline_ms", request.deadline_ms}})});
    }
    if (request.verb == "text") return respond.finish(Answer{.text = R"({"n":[1,2]})"});
    if (request.verb == "parts") {
      for (int i = 0; i < 1000; ++i) respond.part(Json::object({{"i", i}}));
      return respond.finish(Answer{.body = Json::object({{"done", true}})});
    }
    if (request.verb == "never") return never_.push_back(std::move(respond));
    if (request.verb == "release") {
      for (const Responder& late : std::exchange(never_, {})) late.finish(Answer{.text = R"({"late":true})"});
      return respond.finish(Answer{});
    }
    if (request.verb == "leave") return peer->close();
    if (request.verb == "ask_back") {
      return peer->ask("x", Json::object({}), [respond](const Result<Answer>&) { respond.finish(Answer{}); });
    }
    if (request.verb == "call.open") return open_link(respond);
    respond.finish(fail(Code::kUnknownVerb, "no verb " + request.verb, "w", "rtt --help"));
  }
  void open_link(const Responder& respond) {
    auto ends = os::socket_pair().value();
    const std::size_t index = lanes_.size();
    lanes_.push_back(fabric::UdsLane::start(
                         *loop_, std::move(ends.first), {.route_id = 5},
                         [this, index](const fabric::LaneMessage& message) {
                           fabric::UdsLane& lane = *lanes_[index];
                           if (as_text(message.payload) != "fail")
                             return (void)lane.send_reply(message.id, message.payload);
                           const Error error{
                               .code = Code::kServerGone, .message = "it went", .where = {}, .hint = "h"};
                           (void)lane.send_error(message.id, as_bytes(text::to_json(error_json(error))));
                         },
                         [](const Error&) {})
                         .value());
    Answer answer{.body = Json::object({{"route", 5}})};
    answer.fds.push_back(std::move(ends.second));
    respond.finish(std::move(answer));
  }

  os::TempDir folder_ = os::TempDir::create().value();
  std::unique_ptr<os::Loop> loop_ = os::Loop::create().value();
  std::thread thread_;
  std::atomic<int> gone_ = 0;
  std::vector<Responder> never_;
  std::vector<std::unique_ptr<fabric::UdsLane>> lanes_;
};

TEST_F(ServerTest, nobody_listens) {
  const auto service = connect_service(folder_.path(), "test");
  ASSERT_FALSE(service.has_value());
  EXPECT_EQ(service.error().code, Code::kPanelDown);
  EXPECT_EQ(exit_status(service.error().code), Exit::kNoPanel);
  EXPECT_FALSE(service.error().hint.empty());
}

TEST_F(ServerTest, ten_thousand_asks_in_order) {
  serve();
  auto service = connect_service(folder_.path(), "test").value();
  for (int i = 0; i < 10'000; ++i) {
    const auto reply = service->ask({.verb = "echo", .args = Json::object({{"i", i}})}, nullptr);
    ASSERT_TRUE(reply.has_value()) << reply.error().message;
    ASSERT_EQ(reply->body.int_or("i", -1), i);
  }
}

TEST_F(ServerTest, fields_texts_parts_and_errors_cross_unchanged) {
  serve();
  auto service = connect_service(folder_.path(), "some client").value();
  const Json fields =
      service->ask({.verb = "fields", .directory = "/w", .search = "exactly", .deadline_ms = 777}, nullptr)
          ->body;
  EXPECT_EQ(fields.string_or("directory"), "/w");
  EXPECT_EQ(fields.string_or("search"), "exactly");
  EXPECT_EQ(fields.string_or("client"), "some client");
  EXPECT_EQ(fields.int_or("deadline_ms", 0), 777);
  EXPECT_EQ(service->ask({.verb = "text"}, nullptr)->body.find("n")->as_array().size(), 2u);
  std::int64_t next = 0;
  const auto end = service->ask({.verb = "parts"},
                                [&](const Json& part) { next += part.int_or("i", -9) == next ? 1 : 0; });
  EXPECT_EQ(next, 1000);
  EXPECT_TRUE(end->body.bool_or("done", false));
  const auto error = service->ask({.verb = "nope"}, nullptr);
  EXPECT_EQ(
      error.error(),
      (Error{.code = Code::kUnknownVerb, .message = "no verb nope", .where = "w", .hint = "rtt --help"}));
}

TEST_F(ServerTest, text_reply_is_the_text_that_was_sent) {
  serve();
  auto client = Client::connect(folder_.path(), "test").value();
  EXPECT_EQ(client.ask({.verb = "text"}, nullptr)->json, R"({"n":[1,2]})");
  EXPECT_EQ(client.generation(), 9u);
  EXPECT_EQ(client.panel_pid(), os::own_pid());
}

TEST_F(ServerTest, link_over_a_passed_descriptor) {
  serve();
  auto service = connect_service(folder_.path(), "test").value();
  Reply reply = service->ask({.verb = "call.open"}, nullptr).value();
  ASSERT_EQ(reply.fds.size(), 1u);
  Link link(std::move(reply.fds[0]), static_cast<std::uint32_t>(reply.body.int_or("route", 0)));
  const std::string payload(2'000'000, 'p');
  for (int i = 0; i < 3; ++i) {
    const auto answer = link.call(payload, 10'000);
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_EQ(answer->payload, payload);
    EXPECT_GT(answer->latency_ns, 0);
  }
  const auto error = link.call("fail", 10'000);
  EXPECT_EQ(error.error(),
            (Error{.code = Code::kServerGone, .message = "it went", .where = {}, .hint = "h"}));
  EXPECT_EQ(link.call("go on", 10'000)->payload, "go on");
  stop();
  EXPECT_EQ(link.call("x", 10'000).error().code, Code::kLost);
}

TEST_F(ServerTest, deadline_leaves_the_connection_usable_and_a_lost_panel_does_not) {
  serve();
  auto service = connect_service(folder_.path(), "test").value();
  EXPECT_EQ(service->ask({.verb = "never", .deadline_ms = 1}, nullptr).error().code, Code::kDeadline);
  const auto next = service->ask({.verb = "release"}, nullptr);
  ASSERT_TRUE(next.has_value()) << next.error().message;
  EXPECT_FALSE(next->body.bool_or("late", false));
  EXPECT_EQ(service->ask({.verb = "leave"}, nullptr).error().code, Code::kLost);
  EXPECT_EQ(service->ask({.verb = "echo"}, nullptr).error().code, Code::kLost);
}

TEST_F(ServerTest, a_client_that_cannot_answer_is_told_so_and_not_asked_twice) {
  serve();
  auto service = connect_service(folder_.path(), "test").value();
  EXPECT_EQ(service->ask({.verb = "ask_back"}, nullptr).error().code, Code::kPanelProtocol);
}

TEST_F(ServerTest, one_too_many_is_turned_away_and_a_place_comes_free) {
  serve({.clients_max = 2});
  std::optional<Client> first = Client::connect(folder_.path(), "a").value();
  const Client second = Client::connect(folder_.path(), "b").value();
  const auto third = Client::connect(folder_.path(), "c");
  ASSERT_FALSE(third.has_value());
  EXPECT_EQ(third.error().code, Code::kBusy);
  first.reset();
  const Instant start = os::now();
  while (gone_ == 0 && os::now() - start < Nanos{10'000'000'000}) std::this_thread::yield();
  EXPECT_TRUE(Client::connect(folder_.path(), "c").has_value());
}

TEST_F(ServerTest, another_user_is_closed) {
  serve({.owner_uid = os::own_uid() + 1});
  const auto client = Client::connect(folder_.path(), "a");
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().code, Code::kLost);
}

TEST_F(ServerTest, many_clients_at_once) {
  serve();
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      auto client = connect_service(folder_.path(), "test");
      for (int i = 0; client && i < 300; ++i) {
        const auto reply =
            (*client)->ask({.verb = "echo", .args = Json::object({{"n", t * 1000 + i}})}, nullptr);
        if (reply && reply->body.int_or("n", -1) == t * 1000 + i) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 8 * 300);
}

// A panel that keeps no rules: each of its tricks costs the client one typed error.
TEST(Client, hostile_panels) {
  const auto frames_after_hello = [](std::initializer_list<std::pair<std::uint32_t, MessageBody>> bodies) {
    Encoder encoder;
    Bytes bytes;
    for (const auto& [id, body] : bodies) EXPECT_TRUE(append_frame(bytes, encoder, id, body).has_value());
    return bytes;
  };
  const WelcomeMessage welcome{.proto = 1, .panel_pid = 1, .generation = 1};
  Bytes flipped = frames_after_hello({{1, welcome}});
  flipped[40] ^= std::byte{1};
  const std::pair<Bytes, Code> at_hello[] = {
      {Bytes(100, std::byte{'x'}), Code::kFrame},
      {flipped, Code::kFrame},
      {frames_after_hello({{1, WelcomeMessage{.proto = 2}}}), Code::kPanelProtocol},
      {frames_after_hello({{2, welcome}}), Code::kPanelProtocol},
      {frames_after_hello({{1, AnswerMessage{.json = "{}"}}}), Code::kPanelProtocol},
      {frames_after_hello({{1, Error{.code = Code::kBusy, .message = "full"}}}), Code::kBusy},
      {{}, Code::kLost},
  };
  for (const auto& [bytes, code] : at_hello) {
    auto ends = os::socket_pair().value();
    ASSERT_TRUE(bytes.empty() || os::send_all(ends.second.get(), bytes).has_value());
    ends.second.reset();
    const auto client = Client::over(std::move(ends.first), "test");
    ASSERT_FALSE(client.has_value());
    EXPECT_EQ(client.error().code, code) << client.error().message;
  }
  const std::pair<Bytes, Code> at_ask[] = {
      {frames_after_hello({{1, welcome}, {3, AnswerMessage{.json = "{}"}}}), Code::kPanelProtocol},
      {frames_after_hello({{1, welcome}, {2, welcome}}), Code::kPanelProtocol},
      {frames_after_hello({{1, welcome}, {2, RequestMessage{.verb = "x"}}}), Code::kPanelProtocol},
  };
  for (const auto& [bytes, code] : at_ask) {
    auto ends = os::socket_pair().value();
    ASSERT_TRUE(os::send_all(ends.second.get(), bytes).has_value());
    auto client = Client::over(std::move(ends.first), "test").value();
    EXPECT_EQ(client.ask({.verb = "x"}, nullptr).error().code, code);
    EXPECT_EQ(client.ask({.verb = "x"}, nullptr).error().code, Code::kLost);
  }
}

}  // namespace
}  // namespace rtt::api
