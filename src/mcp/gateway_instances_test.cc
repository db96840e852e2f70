// SPDX-License-Identifier: Apache-2.0
// Goal: an AI client and its own instances of the servers speak to each other as if nothing stood between,
// in both directions, and nobody else hears of it; what is shared is shared by those who asked for it.
#include <algorithm>

#include "mcp/gateway_agent_for_test.h"

namespace rtt::mcp {
namespace {

TEST_F(GatewayTest, each_client_has_an_instance_of_its_own_that_ends_with_it) {
  demo_.accept("demo");
  open();
  auto one = std::make_unique<Agent>(*loop_, *gateway_);
  Agent two(*loop_, *gateway_);
  for (Agent* agent : {one.get(), &two}) agent->initialize();
  one->ask(call_line("1", "keep", R"({"text":"mine"})"));
  EXPECT_NE(one->ask(call_line("2", "kept")).find("mine"), std::string::npos);
  EXPECT_NE(two.ask(call_line("1", "kept")).find("nothing"), std::string::npos);
  EXPECT_EQ(text_of(call("rtt://demo/tool/kept@1.2.3", "{}")->payload), "\"nothing\"");  // a third one
  EXPECT_EQ(server_row("demo").int_or("instances", 0), 3);
  one->vanish();
  EXPECT_TRUE(run_until(*loop_, [&] { return server_row("demo").int_or("instances", 0) == 2; }));
  EXPECT_NE(two.ask(call_line("2", "kept")).find("nothing"), std::string::npos);
  EXPECT_EQ(server_row("demo").int_or("restarts", -1), 0);
}

TEST_F(GatewayTest, each_clients_instance_has_its_environment_and_what_is_common_the_gateways) {
  const Variables named{{"MYVAR", "${MYVAR:-none}"}};
  demo_.accept("demo", named);
  demo_.accept("common", named, Instances::kWorkspace);
  open();
  const auto with = [](const char* value) {
    Surroundings mine{.environment = os::own_environment(), .directory = "/"};
    mine.environment.emplace_back("MYVAR", value);
    return ClientOptions{.servers = {},
                         .surroundings = std::make_shared<const Surroundings>(std::move(mine))};
  };
  Agent one(*loop_, *gateway_, with("first")), two(*loop_, *gateway_, with("second")),
      bare(*loop_, *gateway_);
  const auto seen = [&](Agent& agent, const char* tool) {
    const std::string reply = agent.ask(call_line("1", tool, R"({"name":"MYVAR"})"));
    return text_of(*member(reply, "result"));
  };
  for (Agent* agent : {&one, &two, &bare}) agent->initialize();
  EXPECT_EQ(seen(one, "demo__env"), "first");
  EXPECT_EQ(seen(two, "demo__env"), "second");
  EXPECT_EQ(seen(bare, "demo__env"), "none");
  EXPECT_EQ(seen(one, "common__env"), "none");
  EXPECT_EQ(text_of(call("rtt://demo/tool/env@1.2.3", R"({"name":"MYVAR"})")->payload), "none");
  EXPECT_TRUE(gateway_->control("mcp.restart", Json::object({{"name", "demo"}})));
  EXPECT_EQ(seen(two, "demo__env"), "second");
}

TEST_F(GatewayTest, what_a_server_asks_reaches_its_client_and_nobody_elses) {
  demo_.accept("demo");
  open();
  Agent other(*loop_, *gateway_), agent(*loop_, *gateway_);
  other.initialize();
  agent.ask(
      R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"sampling":{},"roots":{"listChanged":true}},"clientInfo":{"name":"tester","version":"1"}}})");
  EXPECT_NE(agent.ask(call_line("1", "kept", R"({"what":"client"})")).find("listChanged"), std::string::npos);
  agent.say(call_line(
      "2", "ask",
      R"({"method":"sampling/createMessage","params":"{\"maxTokens\":5,\"_meta\":{\"progressToken\":\"tok\"}}"})"));
  const std::string asked = agent.hear();
  const Message question = classify(asked);
  ASSERT_EQ(question.kind, MessageKind::kRequest) << asked;
  EXPECT_EQ(question.method, "sampling/createMessage");
  EXPECT_EQ(*member(question.params, "maxTokens"), "5");
  const auto meta = member(question.params, "_meta");
  ASSERT_TRUE(meta);
  const std::string token(member(*meta, "progressToken").value_or("none"));
  EXPECT_NE(token, "\"tok\"");  // RTT's own: two servers may choose the same
  agent.say(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + token +
            R"(,"progress":7}})");
  agent.say(R"({"jsonrpc":"2.0","id":)" + std::string(question.id) + R"(,"result":{"role":"assistant"}})");
  const std::string answer = agent.hear();
  EXPECT_EQ(classify(answer).id, "2");
  EXPECT_NE(answer.find("assistant"), std::string::npos);
  const std::string progress = agent.ask(call_line("5", "kept", R"({"what":"progress"})"));
  EXPECT_NE(progress.find(R"(\"progressToken\": \"tok\")"), std::string::npos) << progress;
  EXPECT_NE(progress.find(R"(\"progress\": 7)"), std::string::npos);
  // Answered once: a second answer goes nowhere.
  agent.say(R"({"jsonrpc":"2.0","id":)" + std::string(question.id) + R"(,"result":{"role":"twice"}})");
  // An error of the client is the server's to hear, too.
  agent.say(call_line("3", "ask", R"({"method":"roots/list"})"));
  const std::string again = agent.hear();
  agent.say(R"({"jsonrpc":"2.0","id":)" + std::string(classify(again).id) +
            R"(,"error":{"code":-32601,"message":"no roots here"}})");
  EXPECT_NE(agent.hear().find("no roots here"), std::string::npos);
  agent.say(R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed"})");
  EXPECT_NE(agent.ask(call_line("4", "kept", R"({"what":"roots_changed"})")).find("1"), std::string::npos);
  EXPECT_TRUE(other.silent());
}

TEST_F(GatewayTest, a_question_that_is_withdrawn_is_withdrawn_from_the_client) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  agent.initialize();
  agent.say(call_line("1", "withdraw_ask"));
  const std::string asked = agent.hear(), withdrawn = agent.hear();
  EXPECT_EQ(classify(asked).method, "roots/list");
  EXPECT_EQ(classify(withdrawn).method, "notifications/cancelled");
  EXPECT_EQ(*member(classify(withdrawn).params, "requestId"), classify(asked).id);
  EXPECT_NE(agent.hear().find("\"withdrawn\""), std::string::npos);
}

TEST_F(GatewayTest, what_is_asked_when_a_client_closes_its_input_is_declined) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  agent.initialize();
  agent.say(call_line("1", "ask", R"({"method":"elicitation/create"})"));
  EXPECT_EQ(classify(agent.hear()).method, "elicitation/create");
  agent.end_input();
  EXPECT_NE(agent.hear().find("closed its input"), std::string::npos);
  EXPECT_EQ(agent.status(), 0);
}

TEST_F(GatewayTest, nobody_waits_for_a_client_that_closed_its_input) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  agent.say(kInitialize);
  agent.say(call_line("1", "ask", R"({"method":"elicitation/create"})"));
  agent.end_input();
  EXPECT_EQ(classify(agent.hear()).id, "\"init\"");
  EXPECT_NE(agent.hear().find("closed its input"), std::string::npos);
  EXPECT_EQ(agent.status(), 0);
}

TEST_F(GatewayTest, a_server_that_dies_withdraws_what_it_asked) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  agent.initialize();
  agent.say(call_line("1", "ask", R"({"method":"roots/list"})"));
  const std::string asked = agent.hear();
  agent.say(call_line("2", "die"));
  std::vector<std::string> heard;
  for (int i = 0; i < 3; ++i) heard.push_back(agent.hear());
  const auto withdrawn = std::ranges::find_if(
      heard, [](const std::string& line) { return classify(line).method == "notifications/cancelled"; });
  ASSERT_NE(withdrawn, heard.end());
  EXPECT_EQ(*member(classify(*withdrawn).params, "requestId"), classify(asked).id);
}

TEST_F(GatewayTest, log_messages_come_from_the_level_the_client_asked_for) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  EXPECT_NE(agent.initialize().find("\"logging\""), std::string::npos);
  EXPECT_EQ(agent.ask(R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"loud"}})")
                .find("\"result\""),
            std::string::npos);
  // Before the server runs: it hears of it when it starts.
  EXPECT_NE(agent.ask(R"({"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"warning"}})")
                .find("\"result\":{}"),
            std::string::npos);
  EXPECT_NE(agent.ask(call_line("3", "kept", R"({"what":"level"})")).find("warning"), std::string::npos);
  EXPECT_EQ(classify(agent.ask(call_line("4", "say", R"({"level":"info"})"))).id, "4");  // and nothing else
  EXPECT_EQ(classify(agent.ask(call_line("5", "say", R"({"level":"error"})"))).method,
            "notifications/message");
  EXPECT_EQ(classify(agent.hear()).id, "5");
}

TEST_F(GatewayTest, updates_of_a_shared_server_reach_those_who_subscribed) {
  demo_.accept("demo", {}, Instances::kWorkspace);
  open();
  Agent one(*loop_, *gateway_), two(*loop_, *gateway_);
  const auto about = [](int id, std::string_view verb) {
    return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"resources/)" + std::string(verb) +
           R"(","params":{"uri":"demo://readme"}})";
  };
  for (Agent* agent : {&one, &two}) {
    EXPECT_NE(agent->initialize().find("\"subscribe\":true"), std::string::npos);
    EXPECT_NE(agent->ask(about(1, "subscribe")).find("\"result\":{}"), std::string::npos);
  }
  EXPECT_NE(one.ask(about(2, "unsubscribe")).find("\"result\":{}"), std::string::npos);
  EXPECT_NE(one.ask(call_line("3", "touch", R"({"uri":"demo://readme"})")).find("\"text\":\"1\""),
            std::string::npos);  // the other one's subscription stands, and only that one hears of it
  EXPECT_EQ(classify(two.hear()).method, "notifications/resources/updated");
  EXPECT_NE(two.ask(about(4, "unsubscribe")).find("\"result\":{}"), std::string::npos);
  EXPECT_NE(two.ask(call_line("5", "touch", R"({"uri":"demo://readme"})")).find("\"text\":\"0\""),
            std::string::npos);
}

TEST_F(GatewayTest, what_rtt_does_not_know_passes_where_there_is_one_server) {
  demo_.accept("one");
  demo_.accept("two");
  open();
  Agent single(*loop_, *gateway_, {.servers = {"two"}}), both(*loop_, *gateway_);
  EXPECT_NE(single.initialize().find("demo/echo"), std::string::npos);
  EXPECT_EQ(both.initialize().find("demo/echo"), std::string::npos);
  const std::string line = R"({"jsonrpc":"2.0","id":1,"method":"demo/echo","params":{"x":[1,2]}})";
  EXPECT_NE(single.ask(line).find("\"x\":[1,2]"), std::string::npos);
  EXPECT_NE(both.ask(line).find("-32601"), std::string::npos);
}

}  // namespace
}  // namespace rtt::mcp
