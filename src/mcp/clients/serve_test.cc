// SPDX-License-Identifier: Apache-2.0
// Goal: `rtt mcp serve` hands its client over, ends with it, and tells it why when nothing can be served.
#include "mcp/clients/serve.h"

#include <array>
#include <atomic>
#include <thread>

#include "mcp/gateway_agent_for_test.h"
#include "mcp/gateway_listen.h"
#include "os/file.h"

namespace rtt::mcp {
namespace {

// serve_main blocks, as in a process of its own: it runs in a thread, the gateway on this one.
class ServeTest : public GatewayTest {
 protected:
  void serve(const std::string& directory, ClientOptions client = {}) {
    auto to = *os::make_pipe();
    auto from = *os::make_pipe();
    to_ = std::move(to.second);
    from_ = std::move(from.first);
    in_ = std::move(to.first);
    out_ = std::move(from.second);
    thread_ = std::thread([this, directory, client = std::move(client)] {
      status_ = serve_main({.client = client,
                            .directory = directory,
                            .search = ServeOptions::Search::kExactly,
                            .in = in_.get(),
                            .out = out_.get()});
      in_.reset();
      out_.reset();
      done_ = true;
    });
  }
  void say(std::string_view line) {
    ASSERT_TRUE(os::write_nowait(to_.get(), as_bytes(std::string(line) + "\n")));
  }
  std::string hear() {
    std::string out;
    run_until(*loop_, [&] {
      const auto got = os::read_nowait(from_.get(), lines_.room());
      if (!got || got->closed) return true;
      lines_.commit(got->bytes);
      const auto item = lines_.next();
      if (item) out = item->line;
      return item.has_value();
    });
    return out;
  }
  int end() {
    to_.reset();
    return join();
  }
  int join() {
    EXPECT_TRUE(run_until(*loop_, [&] { return done_.load(); }));
    thread_.join();
    return status_;
  }
  os::Fd to_, from_, in_, out_;
  LineStream lines_{limits::kMcpLineBytesMax};
  std::thread thread_;
  std::atomic<bool> done_ = false;
  int status_ = -1;
};

TEST_F(ServeTest, hands_over_and_ends_with_the_input) {
  demo_.accept("demo");
  open();
  const auto listener = GatewayListener::start(*loop_, *gateway_, demo_.workspace().sockets());
  ASSERT_TRUE(listener);
  serve(demo_.workspace().root);
  say(kInitialize);
  EXPECT_EQ(classify(hear()).id, "\"init\"");
  say(call_line("1", "echo", R"({"text":"through the door"})"));
  EXPECT_NE(hear().find("through the door"), std::string::npos);
  EXPECT_EQ(end(), 0);
}

TEST_F(ServeTest, a_lost_gateway_is_status_75) {
  open();
  auto listener = GatewayListener::start(*loop_, *gateway_, demo_.workspace().sockets());
  ASSERT_TRUE(listener);
  serve(demo_.workspace().root);
  say(kInitialize);
  EXPECT_EQ(classify(hear()).id, "\"init\"");
  listener->reset();
  gateway_->stop([](Status) {});
  EXPECT_EQ(join(), 75);
}

TEST_F(ServeTest, without_a_workspace_the_client_is_told_what_to_run) {
  loop_ = *os::Loop::create();
  ASSERT_TRUE(os::make_directories(demo_.folder() + "/empty"));
  serve(demo_.folder() + "/empty");
  say(kInitialize);
  const std::string hello = hear();
  EXPECT_NE(hello.find("instructions"), std::string::npos) << hello;
  EXPECT_NE(hello.find("rtt init"), std::string::npos) << hello;
  say(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  EXPECT_EQ(hear(), R"({"jsonrpc":"2.0","id":1,"result":{"tools":[]}})");
  EXPECT_EQ(end(), 1);  // nothing was served
}

TEST_F(ServeTest, a_second_listener_is_refused) {
  open();
  const auto first = GatewayListener::start(*loop_, *gateway_, demo_.workspace().sockets());
  ASSERT_TRUE(first);
  const auto second = GatewayListener::start(*loop_, *gateway_, demo_.workspace().sockets());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kBusy);
}

TEST_F(ServeTest, bad_hellos_are_closed_and_the_door_stays_open) {
  open();
  const auto listener = GatewayListener::start(*loop_, *gateway_, demo_.workspace().sockets());
  ASSERT_TRUE(listener);
  for (const std::string& hello : {std::string("garbage\n"), std::string("{\"hello\":\"rtt-gateway/1\"}\n"),
                                   std::string(2 * kHelloBytesMax, 'x')}) {
    const auto socket = os::connect_unix(demo_.workspace().sockets(), std::string(kGatewaySocket));
    ASSERT_TRUE(socket);
    std::string_view rest = hello;
    EXPECT_TRUE(run_until(*loop_, [&] {
      if (const auto sent = os::send(socket->get(), as_bytes(rest)); sent && !rest.empty())
        rest.remove_prefix(sent->bytes);
      std::array<std::byte, 512> buffer;
      const auto got = os::receive(socket->get(), buffer);
      return !got || got->closed;
    }));
  }
  EXPECT_EQ(gateway_->client_count(), 0U);
}

TEST_F(ServeTest, a_client_and_its_surroundings_go_through_the_door_however_large_they_are) {
  demo_.accept("demo", {{"MYVAR", "${MYVAR:-none}"}});
  open();
  const auto listener = GatewayListener::start(*loop_, *gateway_, demo_.workspace().sockets());
  ASSERT_TRUE(listener);
  Surroundings mine{.environment = os::own_environment(), .directory = "/"};
  mine.environment.emplace_back("MYVAR", "through the door");
  mine.environment.emplace_back("LARGE", std::string(200'000, 'x'));
  auto kept = keep_surroundings(std::move(mine));
  EXPECT_TRUE(kept.left_out.empty());
  serve(demo_.workspace().root, {.surroundings = std::move(kept.surroundings)});
  say(kInitialize);
  EXPECT_EQ(classify(hear()).id, "\"init\"");
  say(call_line("1", "env", R"({"name":"MYVAR"})"));
  EXPECT_NE(hear().find("through the door"), std::string::npos);
  EXPECT_EQ(end(), 0);
}

TEST_F(ServeTest, bad_surroundings_are_refused_without_their_values) {
  open();
  const auto listener = GatewayListener::start(*loop_, *gateway_, demo_.workspace().sockets());
  ASSERT_TRUE(listener);
  const auto socket = os::connect_unix(demo_.workspace().sockets(), std::string(kGatewaySocket));
  ASSERT_TRUE(socket);
  ASSERT_TRUE(os::send_all(socket->get(),
                           as_bytes("{\"hello\":\"rtt-gateway/1\",\"env\":{\"A\":[\"swordfish\"]}}\n")));
  std::string told;
  EXPECT_TRUE(run_until(*loop_, [&] {
    std::array<std::byte, 512> buffer;
    const auto got = os::receive(socket->get(), buffer);
    if (got && got->bytes > 0) told.append(as_text(ByteView(buffer).first(got->bytes)));
    return !got || got->closed;
  }));
  EXPECT_NE(told.find("env holds"), std::string::npos) << told;
  EXPECT_EQ(told.find("swordfish"), std::string::npos) << told;
}

}  // namespace
}  // namespace rtt::mcp
