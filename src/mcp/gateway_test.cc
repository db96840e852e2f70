// SPDX-License-Identifier: Apache-2.0
// Goal: AI clients and routes reach real servers through one gateway, byte for byte, each seeing only its
// own; a client, a server or a policy that changes or goes harms nobody else. Method: pipes as a client's
// stdin and stdout, demo servers as children, a signed workspace in a temporary folder.
#include "mcp/gateway.h"

#include <gtest/gtest.h>

#include <thread>

#include "mcp/demo_workspace_for_test.h"
#include "mcp/gateway_listen.h"
#include "mcp/line_stream.h"
#include "mcp/serve.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/pipe.h"
#include "os/process.h"
#include "os/unix_socket.h"
#include "registry/snapshot.h"

namespace rtt::mcp {
namespace {

using text::Json;

const char* const kInitialize =
    R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"tester","version":"1"}}})";

std::string call_line(std::string_view id, std::string_view tool, std::string_view args = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":")" +
         std::string(tool) + R"(","arguments":)" + std::string(args) + "}}";
}

// An AI client at the other ends of the pipes.
class Agent {
 public:
  Agent(os::Loop& loop, Gateway& gateway, ClientOptions options = {}) : loop_(loop) {
    auto to = *os::make_pipe();
    auto from = *os::make_pipe();
    auto control = *os::socket_pair();
    write_ = std::move(to.second);
    read_ = std::move(from.first);
    control_ = std::move(control.first);
    EXPECT_TRUE(gateway.serve_client(std::move(to.first), std::move(from.second), std::move(control.second),
                                     std::move(options)));
  }
  void say(std::string_view line) {
    std::string text = std::string(line) + "\n";
    while (!text.empty()) {
      const auto sent = os::write_nowait(write_.get(), as_bytes(text));
      ASSERT_TRUE(sent);
      text.erase(0, sent->bytes);
      if (!text.empty()) loop_.run_once(nanos_from_ms(10));
    }
  }
  // The next line, or "" if the gateway closed or 30 s passed.
  std::string hear() {
    std::string out;
    run_until(loop_, [&] { return take(out) || closed_; });
    return out;
  }
  bool silent() {  // after everything that was said is answered
    loop_.run_once({0});
    std::string out;
    return !take(out);
  }
  std::string ask(std::string_view line) {
    say(line);
    return hear();
  }
  // Skips what is told in between.
  std::string answer_to(std::string_view id, std::string_view line) {
    say(line);
    for (std::string heard = hear(); !heard.empty(); heard = hear()) {
      if (classify(heard).id == id) return heard;
    }
    return "";
  }
  std::string initialize() { return ask(kInitialize); }
  int status() {
    std::string text;
    run_until(loop_, [&] {
      std::array<std::byte, 256> buffer;
      const auto got = os::receive(control_.get(), buffer);
      if (got && got->bytes > 0) text.append(as_text(ByteView(buffer).first(got->bytes)));
      return !got || got->closed;
    });
    return static_cast<int>(text::parse_json(text)->int_or("status", -1));
  }
  void end_input() { write_.reset(); }
  void stop_reading() { read_.reset(); }
  void vanish() { control_.reset(); }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  bool take(std::string& out) {
    for (;;) {
      if (const auto item = lines_.next()) {
        out = std::string(item->line);
        return true;
      }
      const auto got = os::read_nowait(read_.get(), lines_.room());
      if (!got || got->closed) {
        closed_ = true;
        return false;
      }
      if (got->would_block) return false;
      lines_.commit(got->bytes);
    }
  }
  os::Loop& loop_;
  os::Fd write_, read_, control_;
  LineStream lines_{limits::kMcpLineBytesMax * 2};
  bool closed_ = false;
};

class GatewayTest : public testing::Test {
 protected:
  void open() {
    loop_ = *os::Loop::create();
    gateway_ = *Gateway::create(*loop_, {.workspace = demo_.workspace(), .on_audit = [this](Json record) {
                                           audit_.push_back(std::move(record));
                                         }});
  }
  model::Contract contract(std::string_view address) {
    const auto snapshot = registry::load_snapshot(demo_.workspace());
    for (const auto& found : snapshot->in_force()) {
      if (to_string(found.saddr) == address) return found;
    }
    ADD_FAILURE() << address;
    return {};
  }
  Result<drivers::CallReply> call(std::string_view address, std::string payload,
                                  std::int64_t deadline_ms = 20'000) {
    std::optional<Result<drivers::CallReply>> got;
    last_call_ = gateway_->call({.provider = contract(address),
                                 .consumer = "rtt://local/proc/cli@0.0.0",
                                 .payload = std::move(payload),
                                 .deadline = os::now() + nanos_from_ms(deadline_ms)},
                                [&](Result<drivers::CallReply> reply) { got = std::move(reply); });
    EXPECT_FALSE(got) << "the answer must come later";
    EXPECT_TRUE(run_until(*loop_, [&] { return got.has_value(); }));
    return *got;
  }
  Json server_row(std::string_view name) {
    const Json health = gateway_->health();
    for (const Json& row : health.find("servers")->as_array()) {
      if (row.string_or("name") == name) return row;
    }
    return {};
  }

  DemoWorkspace demo_;
  std::vector<Json> audit_;
  std::unique_ptr<os::Loop> loop_;
  std::unique_ptr<Gateway> gateway_;
  drivers::CallId last_call_ = 0;
};

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
  EXPECT_EQ(reply, R"({"jsonrpc":"2.0","id":"a b","result":)" + odd + "}");
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

// Sampling, elicitation, roots: from the server through RTT to its client and back, under other ids.
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

// A script that wrote its requests and closed: the server that asks something is told that nobody answers.
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
  EXPECT_TRUE(run_until(*loop_, [&] { return audit_.size() == 6; }));
  EXPECT_EQ(audit_[0].string_or("to"), "rtt://demo/tool/echo@1.2.3");
  EXPECT_EQ(audit_[0].string_or("outcome"), "result");
  EXPECT_EQ(audit_[5].string_or("outcome"), "RTT0705");
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

// serve_main blocks, as in a process of its own: it runs in a thread, the gateway on this one.
class ServeTest : public GatewayTest {
 protected:
  void serve(const std::string& directory) {
    auto to = *os::make_pipe();
    auto from = *os::make_pipe();
    to_ = std::move(to.second);
    from_ = std::move(from.first);
    in_ = std::move(to.first);
    out_ = std::move(from.second);
    thread_ = std::thread([this, directory] {
      status_ = serve_main({.directory = directory,
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
                                   std::string(100'000, 'x')}) {
    const auto socket = os::connect_unix(demo_.workspace().sockets(), std::string(kGatewaySocket));
    ASSERT_TRUE(socket);
    (void)os::send(socket->get(), as_bytes(hello));
    EXPECT_TRUE(run_until(*loop_, [&] {
      std::array<std::byte, 512> buffer;
      const auto got = os::receive(socket->get(), buffer);
      return !got || got->closed;
    }));
  }
  EXPECT_EQ(gateway_->client_count(), 0U);
}

}  // namespace
}  // namespace rtt::mcp
