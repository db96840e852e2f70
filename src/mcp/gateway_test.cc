// SPDX-License-Identifier: Apache-2.0
// Goal: AI clients and routes reach real servers through one gateway, byte for byte, each seeing only its
// own; a client, a server or a policy that changes or goes harms nobody else. Method: pipes as a client's
// stdin and stdout, demo servers as children, a signed workspace in a temporary folder.
#include "mcp/gateway.h"

#include "mcp/gateway_agent_for_test.h"
#include "mcp/pins/pinboard.h"
#include "os/file.h"
#include "receipts/log.h"

namespace rtt::mcp {
namespace {

TEST_F(GatewayTest, a_client_lists_without_any_server_running_and_calls_byte_for_byte) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  EXPECT_NE(agent.initialize().find("Use echo to echo."), std::string::npos);
  const std::string list = agent.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  EXPECT_NE(list.find(R"("name":"echo")"), std::string::npos);
  EXPECT_EQ(server_row("demo").string_or("state"), "stopped");
  const std::string odd = R"({ "content":[ ] ,"x":"\u00e9\/","n":1.50e0 })";
  const std::string reply =
      agent.ask(call_line("\"a b\"", "raw", text::to_json(Json::object({{"json", odd}}))));
  const std::string server = to_string(contract("rtt://demo/connector/demo@1.2.3").hash);
  const std::string tool = to_string(contract("rtt://demo/tool/raw@1.2.3").hash);
  const std::string meta =
      R"("_meta":{"io.github.rtt/provenance":{"receipt":"1","provider":"rtt://demo/tool/raw@1.2.3","server":")" +
      server + R"(","definition":")" + tool + R"("}},)";
  EXPECT_EQ(reply, R"({"jsonrpc":"2.0","id":"a b","result":{)" + meta + odd.substr(1) + "}");
  EXPECT_EQ(server_row("demo").string_or("state"), "ready");
  EXPECT_EQ(server_row("demo").int_or("clients", 0), 1);
}

TEST_F(GatewayTest, lists_are_byte_identical_across_clients_and_restarts) {
  demo_.accept("demo");
  std::string first;
  for (int round = 0; round < 2; ++round) {
    gateway_.reset();
    open();
    Agent agent(*loop_, *gateway_);
    agent.initialize();
    const std::string list = agent.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
    EXPECT_TRUE(first.empty() || first == list);
    first = list;
  }
}

TEST_F(GatewayTest, clients_of_a_shared_server_never_get_each_others_answers) {
  demo_.accept("demo", {}, Instances::kWorkspace);
  open();
  std::vector<std::unique_ptr<Agent>> agents;
  for (int i = 0; i < 10; ++i) {
    agents.push_back(std::make_unique<Agent>(*loop_, *gateway_));
    agents.back()->initialize();
  }
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < agents.size(); ++i) {
      agents[i]->say(call_line("1", "echo", R"({"text":"for )" + std::to_string(i) + "\"}"));
    }
    for (std::size_t i = 0; i < agents.size(); ++i) {
      EXPECT_NE(agents[i]->hear().find("for " + std::to_string(i) + "\""), std::string::npos);
    }
  }
  EXPECT_EQ(server_row("demo").int_or("restarts", -1), 0);
  EXPECT_EQ(server_row("demo").int_or("clients", 0), 10);
}

// Sampling, elicitation, roots: from the server through RTT to its client and back, under other ids.
// A script that wrote its requests and closed: the server that asks something is told that nobody answers.
TEST_F(GatewayTest, progress_and_cancel_find_their_way) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  agent.initialize();
  agent.say(
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"progress","arguments":{"steps":3},"_meta":{"progressToken":"tok"}}})");
  for (int step = 1; step <= 3; ++step) {
    const std::string note = agent.hear();
    EXPECT_NE(note.find("notifications/progress"), std::string::npos) << note;
    EXPECT_NE(note.find(R"("progressToken": "tok")"), std::string::npos) << note;
  }
  EXPECT_EQ(classify(agent.hear()).id, "7");
  agent.say(call_line("8", "hang"));
  agent.say(
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8,"reason":"enough"}})");
  EXPECT_NE(agent.ask(call_line("9", "was_cancelled")).find(R"("text":"1")"), std::string::npos);
  EXPECT_TRUE(agent.silent());
}

TEST_F(GatewayTest, resources_and_prompts_reach_their_server) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  agent.initialize();
  EXPECT_NE(
      agent.ask(R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"demo://item/5"}})")
          .find("content of demo://item/5"),
      std::string::npos);
  EXPECT_NE(
      agent
          .ask(
              R"({"jsonrpc":"2.0","id":2,"method":"prompts/get","params":{"name":"greet","arguments":{"who":"Ann"}}})")
          .find("Hello Ann"),
      std::string::npos);
}

// A rollback takes a manifest away and an undo brings it back while the index stays the same bytes.
TEST_F(GatewayTest, a_manifest_that_goes_and_comes_is_seen_without_another_index) {
  demo_.accept("demo");
  const std::string manifest = demo_.workspace().dot("manifests/mcp.demo.json");
  const auto text = os::read_file(manifest, 1 << 20);
  ASSERT_TRUE(text);
  const PinboardStamp there = stamp_of(demo_.workspace());
  EXPECT_EQ(stamp_of(demo_.workspace()), there);
  ASSERT_TRUE(os::remove_file(manifest));
  const PinboardStamp gone = stamp_of(demo_.workspace());
  EXPECT_NE(gone, there);
  ASSERT_TRUE(os::write_atomic(manifest, *text));
  EXPECT_NE(stamp_of(demo_.workspace()), gone);
}

TEST_F(GatewayTest, colliding_names_are_prefixed_and_one_chosen_server_keeps_its_own) {
  demo_.accept("one");
  demo_.accept("two");
  open();
  Agent both(*loop_, *gateway_);
  both.initialize();
  EXPECT_NE(both.ask(call_line("1", "two__echo", R"({"text":"x"})")).find("result"), std::string::npos);
  EXPECT_EQ(server_row("one").string_or("state"), "stopped");
  Agent single(*loop_, *gateway_, {.servers = {"two"}});
  single.initialize();
  EXPECT_NE(single.ask(call_line("1", "echo", R"({"text":"x"})")).find("result"), std::string::npos);
}

TEST_F(GatewayTest, policy_is_per_client_and_an_emptied_list_says_why) {
  demo_.accept("demo");
  demo_.write_policy(R"({"allow":[{"from":"rtt://client/agent/friend","to":"rtt://*/*/*"}]})");
  open();
  Agent friendly(*loop_, *gateway_, {.as = "friend"});
  friendly.initialize();
  EXPECT_NE(friendly.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})").find("echo"),
            std::string::npos);
  Agent stranger(*loop_, *gateway_);
  EXPECT_NE(stranger.initialize().find("policy hides all 22"), std::string::npos);
  EXPECT_EQ(stranger.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"),
            R"({"jsonrpc":"2.0","id":1,"result":{"tools":[]}})");
  EXPECT_NE(stranger.ask(call_line("1", "echo")).find("RTT0412"), std::string::npos);
}

TEST_F(GatewayTest, a_server_accepted_later_is_told_to_clients_that_stay) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  agent.initialize();
  demo_.accept("second");
  EXPECT_TRUE(gateway_->control("mcp.reload", Json::object({})));
  EXPECT_NE(agent.hear().find("notifications/tools/list_changed"), std::string::npos);
  const std::string list = agent.answer_to("1", R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  EXPECT_NE(list.find("second__echo"), std::string::npos);
}

TEST_F(GatewayTest, a_server_no_longer_accepted_is_stopped_and_its_calls_end) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  agent.initialize();
  agent.ask(call_line("1", "echo"));
  const int pid = static_cast<int>(server_row("demo").int_or("pid", 0));
  agent.say(call_line("2", "hang"));
  EXPECT_TRUE(run_until(*loop_, [&] { return server_row("demo").int_or("in_flight", 0) == 1; }));
  ASSERT_TRUE(os::remove_file(demo_.workspace().path(".rtt/manifests/mcp.demo.json")));
  EXPECT_TRUE(gateway_->control("mcp.reload", Json::object({})));
  EXPECT_EQ(classify(agent.hear()).id, "2");
  EXPECT_TRUE(run_until(*loop_, [&] { return !os::process_start_time(pid).has_value(); }));
}

TEST_F(GatewayTest, an_unsigned_manifest_serves_nothing) {
  const Imported imported = demo_.accept("demo");
  std::string changed = text::to_pretty_json(imported.manifest);
  changed.replace(changed.find("the tool echo"), 13, "the tool evil");
  ASSERT_TRUE(os::write_atomic(demo_.workspace().path(imported.path), changed));
  open();
  Agent agent(*loop_, *gateway_);
  agent.initialize();
  const std::string list = agent.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  EXPECT_EQ(list.find("the tool evil"), std::string::npos);
  EXPECT_NE(list.find("the tool echo"), std::string::npos);  // its last signed version stays in force
}

TEST_F(GatewayTest, end_of_input_still_answers_what_was_asked) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  agent.say(kInitialize);
  agent.say(call_line("1", "slow", R"({"ms":200})"));
  agent.end_input();
  EXPECT_EQ(classify(agent.hear()).id, "\"init\"");
  EXPECT_NE(agent.hear().find("slow"), std::string::npos);
  EXPECT_EQ(agent.hear(), "");
  EXPECT_TRUE(agent.closed());
  EXPECT_EQ(agent.status(), 0);
  EXPECT_TRUE(run_until(*loop_, [&] { return gateway_->client_count() == 0; }));
}

TEST_F(GatewayTest, a_client_that_vanishes_takes_its_calls_along_and_nobody_else) {
  demo_.accept("demo", {}, Instances::kWorkspace);
  open();
  Agent stays(*loop_, *gateway_);
  stays.initialize();
  stays.ask(call_line("1", "echo"));  // so that the call below is at the server when its client goes
  auto goes = std::make_unique<Agent>(*loop_, *gateway_);
  goes->initialize();
  goes->say(call_line("1", "hang"));
  EXPECT_TRUE(run_until(*loop_, [&] { return server_row("demo").int_or("in_flight", 0) == 1; }));
  goes->vanish();
  EXPECT_TRUE(run_until(*loop_, [&] { return gateway_->client_count() == 1; }));
  EXPECT_EQ(server_row("demo").int_or("in_flight", -1), 0);
  EXPECT_NE(stays.ask(call_line("2", "was_cancelled")).find(R"("text":"1")"), std::string::npos);
}

TEST_F(GatewayTest, a_client_that_reads_nothing_is_dropped_and_the_others_go_on) {
  demo_.accept("demo");
  open();
  Agent deaf(*loop_, *gateway_);
  deaf.say(kInitialize);
  for (int i = 0; i < 4; ++i) deaf.say(call_line(std::to_string(i), "huge", R"({"bytes":15000000})"));
  Agent other(*loop_, *gateway_);
  other.initialize();
  EXPECT_TRUE(run_until(*loop_, [&] { return gateway_->client_count() == 1; }));
  EXPECT_EQ(deaf.status(), 1);
  EXPECT_NE(other.ask(call_line("1", "echo", R"({"text":"fine"})")).find("fine"), std::string::npos);
}

TEST_F(GatewayTest, routes_call_tools_prompts_and_resources) {
  demo_.accept("demo");
  open();
  EXPECT_EQ(text_of(call("rtt://demo/tool/echo@1.2.3", R"({"text":"hi"})")->payload), "hi");
  EXPECT_NE(call("rtt://demo/prompt/greet@1.2.3", R"({"who":"Bo"})")->payload.find("Hello Bo"),
            std::string::npos);
  EXPECT_NE(call("rtt://demo/resource/readme@1.2.3", "")->payload.find("content of demo://readme"),
            std::string::npos);
  EXPECT_NE(
      call("rtt://demo/resource/item@1.2.3", R"({"uri":"demo://item/3"})")->payload.find("demo://item/3"),
      std::string::npos);
  const auto failed = call("rtt://demo/tool/fail@1.2.3", "");
  EXPECT_EQ(failed->kind, drivers::CallReply::Kind::kToolError);
  EXPECT_EQ(text_of(failed->payload), "it went wrong");
  EXPECT_EQ(call("rtt://demo/tool/echo@1.2.3", "[1]").error().code, Code::kBadArgument);
  EXPECT_EQ(call("rtt://demo/tool/hang@1.2.3", "{}", 200).error().code, Code::kDeadline);
  EXPECT_TRUE(run_until(*loop_, [&] { return !audit_.empty(); }));
  EXPECT_EQ(audit_[0].string_or("action"), "receipts");
  EXPECT_EQ(gateway_->health().find("receipts")->int_or("kept", 0), 6);
  const Json row = server_row("demo");
  for (const Json& one : row.find("called")->as_array()) {
    EXPECT_EQ(one.int_or("calls", 0), 1);
    const bool went_wrong = one.string_or("to").contains("/fail@") || one.string_or("to").contains("/hang@");
    EXPECT_EQ(one.int_or("errors", 9), went_wrong ? 1 : 0) << one.string_or("to");
  }
  std::vector<std::string> outcomes;
  auto reader = receipts::LogReader::open(demo_.workspace().dot("wal/receipts"));
  for (auto batch = reader->next(); batch && *batch; batch = reader->next()) {
    for (std::uint64_t i = 0; i < (*batch)->seal.count; ++i) {
      const receipts::Receipt receipt = (*batch)->at(i);
      const receipts::Subject& subject = (*batch)->subjects[receipt.subject];
      EXPECT_EQ(subject.who, "rtt://local/proc/cli@0.0.0");
      EXPECT_EQ(subject.pin, contract(subject.to).hash);
      EXPECT_FALSE(receipt.arguments.is_zero());
      outcomes.push_back(subject.to.substr(11) + " " + receipts::outcome_text(receipt.outcome));
    }
  }
  EXPECT_EQ(outcomes, (std::vector<std::string>{"tool/echo@1.2.3 result", "prompt/greet@1.2.3 result",
                                                "resource/readme@1.2.3 result", "resource/item@1.2.3 result",
                                                "tool/fail@1.2.3 tool_error", "tool/hang@1.2.3 RTT0705"}));
}

TEST_F(GatewayTest, a_call_can_be_withdrawn_once) {
  demo_.accept("demo");
  open();
  std::vector<Result<drivers::CallReply>> got;
  const auto id = gateway_->call({.provider = contract("rtt://demo/tool/hang@1.2.3"),
                                  .payload = "{}",
                                  .deadline = os::now() + nanos_from_ms(20'000)},
                                 [&](Result<drivers::CallReply> reply) { got.push_back(std::move(reply)); });
  gateway_->cancel(id);
  gateway_->cancel(id);
  EXPECT_TRUE(run_until(*loop_, [&] { return !got.empty(); }));
  loop_->run_once({0});
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].error().code, Code::kCancelled);
}

TEST_F(GatewayTest, prepare_starts_and_checks_the_pin) {
  demo_.accept("demo");
  open();
  const model::Contract echo = contract("rtt://demo/tool/echo@1.2.3");
  const auto prepare = [&](const model::Contract& provider) {
    std::optional<Status> got;
    gateway_->prepare(provider, [&](Status status) { got = std::move(status); });
    EXPECT_TRUE(run_until(*loop_, [&] { return got.has_value(); }));
    return *got;
  };
  EXPECT_TRUE(prepare(echo));
  EXPECT_TRUE(prepare(echo));
  EXPECT_EQ(server_row("demo").string_or("state"), "ready");
  EXPECT_TRUE(prepare(contract("rtt://demo/connector/demo@1.2.3")));
  // A route pinned to another schema than the server has, and the snapshot too, is refused.
  model::Contract older = echo;
  Json definition = *older.driver->params.find("definition");
  definition.set("inputSchema", Json::object({{"type", "array"}}));
  older.driver->params.set("definition", definition);
  const Status refused = prepare(older);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kDrift);
  model::Contract nowhere = echo;
  nowhere.driver->params.set("server", "rtt://nowhere/connector/nowhere@1.0.0");
  EXPECT_EQ(prepare(nowhere).error().code, Code::kNotFound);
}

TEST_F(GatewayTest, control_verbs_answer) {
  demo_.accept("demo");
  open();
  EXPECT_EQ(text_of(call("rtt://demo/tool/complain@1.2.3", R"({"text":"a complaint"})")->payload),
            "complained");
  EXPECT_TRUE(run_until(*loop_, [&] {
    return gateway_->control("mcp.logs", Json::object({{"name", "demo"}}))
               ->string_or("text")
               .find("a complaint") != std::string_view::npos;
  }));
  const int pid = static_cast<int>(server_row("demo").int_or("pid", 0));
  EXPECT_TRUE(gateway_->control("mcp.restart", Json::object({{"name", "demo"}})));
  EXPECT_TRUE(run_until(*loop_, [&] { return !os::process_start_time(pid).has_value(); }));
  EXPECT_EQ(text_of(call("rtt://demo/tool/echo@1.2.3", R"({"text":"again"})")->payload), "again");
  EXPECT_EQ(gateway_->control("mcp.ls", Json::object({}))->find("servers")->as_array().size(), 1U);
  const auto unknown = gateway_->control("mcp.logs", Json::object({{"name", "dem"}}));
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
  EXPECT_NE(unknown.error().hint.find("demo"), std::string::npos);
  EXPECT_EQ(gateway_->control("mcp.dance", {}).error().code, Code::kUnknownVerb);
}

TEST_F(GatewayTest, stop_ends_children_and_sessions) {
  demo_.accept("demo");
  open();
  Agent agent(*loop_, *gateway_);
  agent.initialize();
  agent.ask(call_line("1", "echo"));
  const int pid = static_cast<int>(server_row("demo").int_or("pid", 0));
  bool stopped = false;
  gateway_->stop([&](Status) { stopped = true; });
  EXPECT_TRUE(run_until(*loop_, [&] { return stopped; }));
  EXPECT_FALSE(os::process_start_time(pid).has_value());
  EXPECT_EQ(agent.status(), 75);
}

}  // namespace
}  // namespace rtt::mcp
