// SPDX-License-Identifier: Apache-2.0
// Several gateways, one server: each is answered what it asked, under its own ids, whoever comes and goes.
#include "mcp/shared/mux.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

namespace rtt::mcp {
namespace {

std::string ask(std::string_view id, std::string_view method, std::string_view params = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) +
         R"(","params":)" + std::string(params) + "}";
}
std::string_view line_of(const MuxSend& send) {
  return std::string_view(send.line).substr(0, send.line.size() - 1);
}

TEST(Mux, the_server_is_initialized_once_and_all_get_its_words) {
  Mux mux;
  for (const MuxClient client : {MuxClient{1}, MuxClient{2}, MuxClient{3}}) mux.join(client);
  auto out = mux.on_client(1, ask("\"a\"", "initialize", R"({"protocolVersion":"2025-11-25"})"));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].to, 0U);
  EXPECT_TRUE(mux.on_client(2, ask("7", "initialize")).empty());
  out = mux.on_server(R"({"jsonrpc":"2.0","id":1,"result":{"serverInfo":{}}})");
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[0].line, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"serverInfo\":{}}}\n");
  EXPECT_EQ(classify(line_of(out[1])).method, "notifications/initialized");
  EXPECT_EQ((std::pair{out[2].to, classify(line_of(out[2])).id}),
            (std::pair{MuxClient{2}, std::string_view("7")}));
  EXPECT_TRUE(mux.on_client(2, R"({"jsonrpc":"2.0","method":"notifications/initialized"})").empty());
  out = mux.on_client(3, ask("1", "initialize"));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].to, 3U);
}

TEST(Mux, a_server_that_refuses_to_initialize_is_asked_again) {
  Mux mux;
  mux.join(1), mux.join(2);
  (void)mux.on_client(1, ask("1", "initialize"));
  (void)mux.on_client(2, ask("2", "initialize"));
  auto out = mux.on_server(R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}})");
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(mux.on_client(1, ask("3", "initialize"))[0].to, 0U);
}

TEST(Mux, progress_and_cancellation_reach_the_one_they_belong_to) {
  Mux mux;
  mux.join(1), mux.join(2);
  (void)mux.on_client(1, ask("5", "tools/call", R"({"_meta":{"progressToken":"t"}})"));
  auto out = mux.on_client(2, ask("5", "tools/call", R"({"_meta":{"progressToken":9}})"));
  EXPECT_NE(out[0].line.find(R"("progressToken":2)"), std::string::npos) << out[0].line;
  out = mux.on_server(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}})");
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].to, 1U);
  EXPECT_NE(out[0].line.find(R"("progressToken":"t")"), std::string::npos) << out[0].line;
  out = mux.on_client(2, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}})");
  ASSERT_EQ(out.size(), 1U);
  EXPECT_NE(out[0].line.find(R"("requestId":2)"), std::string::npos) << out[0].line;
  EXPECT_TRUE(mux.on_server(R"({"jsonrpc":"2.0","id":2,"result":{}})").empty());
  EXPECT_EQ(mux.on_server(R"({"jsonrpc":"2.0","id":1,"result":{}})")[0].to, 1U);
}

TEST(Mux, a_resource_stays_subscribed_while_one_wants_it_and_updates_go_to_those) {
  Mux mux;
  for (const MuxClient client : {MuxClient{1}, MuxClient{2}, MuxClient{3}}) {
    mux.join(client);
    (void)mux.on_client(client, ask("0", "initialize"));
    if (client == 1) (void)mux.on_server(R"({"jsonrpc":"2.0","id":1,"result":{}})");
  }
  const std::string uri = R"({"uri":"file:///a"})";
  EXPECT_EQ(mux.on_client(1, ask("1", "resources/subscribe", uri))[0].to, 0U);
  EXPECT_EQ(mux.on_client(2, ask("1", "resources/subscribe", uri))[0].to, 0U);
  const std::string update =
      R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}})";
  EXPECT_EQ(mux.on_server(update).size(), 2U);
  EXPECT_EQ(mux.on_client(1, ask("2", "resources/unsubscribe", uri))[0].to, 1U);  // answered here
  EXPECT_EQ(mux.on_server(update).size(), 1U);
  const auto left = mux.leave(2);
  EXPECT_TRUE(std::ranges::any_of(
      left, [](const MuxSend& send) { return classify(line_of(send)).method == "resources/unsubscribe"; }));
}

TEST(Mux, whatever_the_order_each_request_is_answered_once_to_the_one_that_asked) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  Mux mux;
  std::map<MuxClient, std::map<std::string, int>> open;  // of those that are there: id -> answers
  std::deque<std::string> at_server;                     // ids, as the server sees them
  MuxClient next = 1;
  const auto carry = [&](const MuxSends& sends) {
    for (const MuxSend& send : sends) {
      const Message message = classify(line_of(send));
      if (send.to == 0) {
        if (message.kind == MessageKind::kRequest) at_server.emplace_back(message.id);
        continue;
      }
      ASSERT_TRUE(open.contains(send.to));
      if (message.kind != MessageKind::kResult) continue;
      ++open[send.to][std::string(message.id)];
      EXPECT_EQ(message.payload, "{\"of\":" + std::string(message.id) + "}");
    }
  };
  std::map<std::string, std::string> params;  // server id -> what it was asked with
  for (int step = 0; step < 20'000; ++step) {
    const auto pick = random() % 10;
    if (pick == 0 && open.size() < 8) {
      mux.join(next);
      open[next++];
    } else if (pick == 1 && !open.empty()) {
      const MuxClient gone = open.begin()->first;
      open.erase(gone);
      carry(mux.leave(gone));
    } else if (pick < 6 && !open.empty()) {
      auto at = std::next(open.begin(), static_cast<std::ptrdiff_t>(random() % open.size()));
      const std::string id = std::to_string(at->second.size());
      at->second[id] = 0;
      const auto sends = mux.on_client(at->first, ask(id, "tools/call", "{\"of\":" + id + "}"));
      ASSERT_EQ(sends.size(), 1U);
      params[std::string(classify(line_of(sends[0])).id)] = classify(line_of(sends[0])).params;
      carry(sends);
    } else if (!at_server.empty()) {
      const auto one = at_server.begin() + static_cast<std::ptrdiff_t>(random() % at_server.size());
      carry(mux.on_server(R"({"jsonrpc":"2.0","id":)" + *one + R"(,"result":)" + params[*one] + "}"));
      at_server.erase(one);
    }
  }
  while (!at_server.empty()) {
    carry(mux.on_server(R"({"jsonrpc":"2.0","id":)" + at_server.front() + R"(,"result":)" +
                        params[at_server.front()] + "}"));
    at_server.pop_front();
  }
  EXPECT_EQ(mux.in_flight(), 0U);
  for (const auto& [client, answers] : open) {
    for (const auto& [id, count] : answers) EXPECT_EQ(count, 1) << client << " " << id;
  }
}

}  // namespace
}  // namespace rtt::mcp
