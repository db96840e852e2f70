// SPDX-License-Identifier: Apache-2.0
// Goal: a real server process, however it misbehaves, costs the calls it owes and nothing else.
// Method: tests/mcp_servers/demo_server.py as a child; every wait is for an event, bounded by run_until.
#include "mcp/backends/backend.h"

#include <gtest/gtest.h>

#include "mcp/demo_workspace_for_test.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"

namespace rtt::mcp {
namespace {

class BackendTest : public testing::Test {
 protected:
  void launch(const Variables& env = {}) {
    backend_.reset();
    loop_ = *os::Loop::create();
    pins_ = std::make_shared<const PinnedServer>(demo_.pinned("demo", env));
    start(pins_);
  }
  void start(std::shared_ptr<const PinnedServer> pins) {
    backend_ = std::make_unique<Backend>(*loop_, std::move(pins), demo_.workspace());
  }
  // The same accepted definitions, served by a child in another mood.
  void launch_changed(const Variables& env) {
    backend_.reset();
    loop_ = *os::Loop::create();
    PinnedServer accepted = demo_.pinned("demo");
    for (const auto& [name, value] : env) accepted.config.env.set(name, value);
    start(std::make_shared<const PinnedServer>(std::move(accepted)));
  }
  std::uint64_t ask(const std::string& tool, const std::string& args = "{}",
                    std::int64_t deadline_ms = 20'000) {
    const std::uint64_t token = ++token_;
    const auto ticket = backend_->call({.method = "tools/call",
                                        .params = R"({"name":")" + tool + R"(","arguments":)" + args + "}",
                                        .kind = ItemKind::kTool,
                                        .item = tool,
                                        .deadline = os::now() + nanos_from_ms(deadline_ms),
                                        .user = &outcomes_,
                                        .token = token});
    if (!ticket) outcomes_.on_backend_failure(token, ticket.error());
    ticket_ = ticket.value_or(0);
    return token;
  }
  const Outcomes::Outcome& wait(std::uint64_t token) {
    EXPECT_TRUE(run_until(*loop_, [&] { return outcomes_.find(token) != nullptr; }));
    return *outcomes_.find(token);
  }
  std::string answer(const std::string& tool, const std::string& args = "{}") {
    const auto& outcome = wait(ask(tool, args));
    EXPECT_FALSE(outcome.failed) << outcome.failure.message;
    return text_of(outcome.reply);
  }

  DemoWorkspace demo_;
  std::unique_ptr<os::Loop> loop_;
  Outcomes outcomes_;
  std::shared_ptr<const PinnedServer> pins_;
  std::unique_ptr<Backend> backend_;
  std::uint64_t token_ = 0;
  BackendTicket ticket_ = 0;
};

TEST_F(BackendTest, the_first_call_starts_it_and_the_result_passes_byte_for_byte) {
  launch();
  EXPECT_EQ(backend_->state(), BackendState::kStopped);
  const std::string odd = R"({ "content":[{"type" : "text","text":"\u00e9\/"}] , "n":1.50e0, "z":[ ] })";
  const auto& outcome = wait(ask("raw", text::to_json(text::Json::object({{"json", odd}}))));
  EXPECT_EQ(outcome.reply, odd);
  EXPECT_EQ(backend_->state(), BackendState::kReady);
  EXPECT_TRUE(os::process_start_time(static_cast<int>(backend_->health().int_or("pid", 0))).has_value());
}

TEST_F(BackendTest, replies_out_of_order_find_their_callers) {
  launch();
  const auto slow = ask("slow", R"({"ms":300})");
  const auto quick = ask("echo", R"({"text":"quick"})");
  EXPECT_EQ(text_of(wait(slow).reply), "slow");
  EXPECT_EQ(outcomes_.all.at(0).token, quick);
}

TEST_F(BackendTest, many_calls_under_way_are_all_answered_with_their_own_result) {
  launch();
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 500; ++i) tokens.push_back(ask("echo", R"({"text":"t)" + std::to_string(i) + "\"}"));
  for (std::size_t i = 0; i < tokens.size(); ++i)
    EXPECT_EQ(text_of(wait(tokens[i]).reply), "t" + std::to_string(i));
  EXPECT_EQ(outcomes_.all.size(), 500U);
}

TEST_F(BackendTest, junk_on_stdout_harms_nobody_and_is_logged) {
  launch();
  EXPECT_EQ(answer("junk"), "after junk");
  EXPECT_EQ(backend_->health().int_or("junk_lines", 0), 3);
  EXPECT_EQ(backend_->health().int_or("stray_replies", 0), 1);
  EXPECT_NE(backend_->log().find("Server ready!"), std::string::npos);
}

TEST_F(BackendTest, a_second_reply_is_dropped) {
  launch();
  EXPECT_EQ(answer("twice"), "first");
  EXPECT_EQ(answer("echo", R"({"text":"x"})"), "x");
  EXPECT_EQ(backend_->health().int_or("stray_replies", 0), 1);
}

TEST_F(BackendTest, a_hanging_call_ends_at_its_deadline_and_the_server_is_told) {
  launch();
  EXPECT_EQ(answer("echo"), "");
  const auto& hung = wait(ask("hang", "{}", 200));
  EXPECT_EQ(hung.failure.code, Code::kDeadline);
  EXPECT_EQ(answer("was_cancelled"), "1");
}

TEST_F(BackendTest, a_reply_of_50_mb_fails_its_call_at_once_and_no_other) {
  launch();
  const auto slow = ask("slow", R"({"ms":1500})");
  const auto& huge = wait(ask("huge", R"({"bytes":50000000})"));
  EXPECT_EQ(huge.failure.code, Code::kTooLarge) << huge.failure.message;
  EXPECT_EQ(text_of(wait(slow).reply), "slow");
}

TEST_F(BackendTest, a_reply_just_under_the_limit_passes) {
  launch();
  EXPECT_EQ(answer("huge", R"({"bytes":16000000})").size(), 16'000'000U);
}

TEST_F(BackendTest, an_exit_fails_what_is_under_way_and_the_next_call_starts_it_again) {
  launch();
  const auto hung = ask("hang");
  const auto died = ask("die", R"({"code":7})");
  EXPECT_EQ(wait(died).failure.code, Code::kServerGone);
  EXPECT_NE(wait(died).failure.message.find("exit code 7"), std::string::npos) << wait(died).failure.message;
  EXPECT_EQ(wait(died).failure.hint, "rtt mcp logs demo");
  EXPECT_EQ(wait(hung).failure.code, Code::kServerGone);
  EXPECT_NE(backend_->log().find("about to die"), std::string::npos);
  EXPECT_EQ(answer("echo", R"({"text":"back"})"), "back");
  EXPECT_EQ(backend_->health().int_or("restarts", -1), 1);
}

TEST_F(BackendTest, a_server_that_closes_its_output_is_gone) {
  launch();
  EXPECT_EQ(wait(ask("close_stdout")).failure.code, Code::kServerGone);
  EXPECT_EQ(answer("echo", R"({"text":"back"})"), "back");
}

TEST_F(BackendTest, too_many_ends_set_it_aside_until_it_is_restarted) {
  launch();
  for (std::size_t i = 0; i < Breaker::kTripFailures; ++i) EXPECT_TRUE(wait(ask("die")).failed);
  const auto& refused = wait(ask("echo"));
  EXPECT_EQ(refused.failure.code, Code::kServerDown);
  EXPECT_EQ(refused.failure.where, to_string(pins_->connector));
  EXPECT_NE(refused.failure.causes.at(0).find("exit code"), std::string::npos);
  EXPECT_EQ(backend_->state(), BackendState::kFailed);
  backend_->restart();
  EXPECT_EQ(answer("echo", R"({"text":"again"})"), "again");
}

TEST_F(BackendTest, one_set_aside_is_tried_and_found_well) {
  launch();
  for (std::size_t i = 0; i < Breaker::kTripFailures; ++i) EXPECT_TRUE(wait(ask("die")).failed);
  EXPECT_TRUE(backend_->is_down());
  EXPECT_TRUE(run_until(*loop_, [&] { return !backend_->is_down(); }));  // no call of anybody is needed
  EXPECT_EQ(answer("echo", R"({"text":"again"})"), "again");
}

TEST_F(BackendTest, a_server_that_answers_no_call_but_a_ping_is_kept) {
  launch();
  EXPECT_EQ(answer("echo"), "");
  const auto pid = backend_->health().int_or("pid", 0);
  for (std::size_t i = 0; i < Breaker::kTripFailures; ++i) ask("hang", "{}", 50);
  EXPECT_TRUE(run_until(*loop_, [&] { return backend_->is_down(); }));
  EXPECT_EQ(wait(ask("echo")).failure.code, Code::kServerDown);
  EXPECT_TRUE(run_until(*loop_, [&] { return !backend_->is_down(); }));
  EXPECT_EQ(backend_->health().int_or("pid", 0), pid);
  EXPECT_EQ(answer("echo", R"({"text":"x"})"), "x");
}

TEST_F(BackendTest, a_server_that_exits_at_start_says_how) {
  launch_changed({{"DEMO_START", "exit"}});
  const auto& failed = wait(ask("echo"));
  EXPECT_EQ(failed.failure.code, Code::kServerStart);
  // It was tried again for the call until it was too much.
  EXPECT_EQ(backend_->health().int_or("restarts", 0), std::int64_t{Breaker::kTripFailures} - 1);
  EXPECT_EQ(backend_->health().string_or("breaker"), "open");
  EXPECT_NE(failed.failure.message.find("exit code 3"), std::string::npos);
  EXPECT_NE(backend_->log().find("no database"), std::string::npos);
}

TEST_F(BackendTest, a_server_that_hangs_at_start_costs_a_call_its_deadline) {
  launch_changed({{"DEMO_START", "hang"}});
  EXPECT_EQ(wait(ask("echo", "{}", 300)).failure.code, Code::kDeadline);
}

TEST_F(BackendTest, a_command_that_does_not_exist_says_so) {
  loop_ = *os::Loop::create();
  PinnedServer missing = demo_.pinned("demo");
  missing.config.command = "no-such-program-here";
  start(std::make_shared<const PinnedServer>(std::move(missing)));
  const auto& failed = wait(ask("echo"));
  EXPECT_EQ(failed.failure.code, Code::kServerStart);
  EXPECT_NE(failed.failure.causes.at(0).find("no-such-program-here"), std::string::npos);
}

TEST_F(BackendTest, a_changed_schema_refuses_that_tool_only) {
  launch_changed({{"DEMO_SCHEMA", "changed"}});
  const auto& refused = wait(ask("echo"));
  EXPECT_EQ(refused.failure.code, Code::kDrift);
  EXPECT_NE(refused.failure.message.find("/inputSchema/required"), std::string::npos)
      << refused.failure.message;
  EXPECT_EQ(refused.failure.hint, "rtt mcp diff demo");
  EXPECT_TRUE(wait(ask("fail")).reply.find("it went wrong") != std::string::npos);
}

TEST_F(BackendTest, removed_is_refused_reworded_passes_new_is_hidden) {
  launch_changed({{"DEMO_SCHEMA", "removed"}});
  EXPECT_EQ(wait(ask("echo")).failure.code, Code::kDrift);
  launch_changed({{"DEMO_SCHEMA", "text"}});
  EXPECT_EQ(answer("echo", R"({"text":"x"})"), "x");
  launch_changed({{"DEMO_SCHEMA", "new"}});
  EXPECT_EQ(wait(ask("brand_new")).failure.code, Code::kDrift);
}

TEST_F(BackendTest, a_tool_that_changes_while_it_runs_is_refused_from_then_on) {
  launch();
  EXPECT_EQ(answer("echo", R"({"text":"x"})"), "x");
  EXPECT_EQ(answer("relist"), "relisted");
  EXPECT_TRUE(run_until(*loop_, [&] { return !backend_->health().find("drift")->as_array().empty(); }));
  EXPECT_EQ(wait(ask("echo")).failure.code, Code::kDrift);
}

TEST_F(BackendTest, pages_are_put_together) {
  launch({{"DEMO_PAGE", "3"}});
  EXPECT_EQ(pins_->items.size(), 25U);
  EXPECT_EQ(answer("echo", R"({"text":"x"})"), "x");
}

TEST_F(BackendTest, a_withdrawn_call_is_never_answered) {
  launch();
  EXPECT_EQ(answer("echo"), "");
  const auto slow = ask("slow", R"({"ms":100})");
  backend_->cancel(ticket_, "enough");
  EXPECT_EQ(answer("was_cancelled"), "1");
  EXPECT_TRUE(run_until(*loop_, [&] { return backend_->health().int_or("stray_replies", 0) == 1; }));
  EXPECT_EQ(outcomes_.find(slow), nullptr);
}

TEST_F(BackendTest, stop_leaves_no_process) {
  launch();
  EXPECT_EQ(answer("echo"), "");
  const int pid = static_cast<int>(backend_->health().int_or("pid", 0));
  const auto hung = ask("hang");
  bool stopped = false;
  backend_->stop([&] { stopped = true; });
  EXPECT_TRUE(run_until(*loop_, [&] { return stopped; }));
  EXPECT_FALSE(os::process_start_time(pid).has_value());
  EXPECT_EQ(wait(hung).failure.code, Code::kServerGone);
}

TEST_F(BackendTest, destruction_leaves_no_process) {
  launch();
  EXPECT_EQ(answer("echo"), "");
  const int pid = static_cast<int>(backend_->health().int_or("pid", 0));
  backend_.reset();
  EXPECT_FALSE(os::process_start_time(pid).has_value());
}

TEST_F(BackendTest, the_child_gets_its_variables_and_not_everything_of_ours) {
  ::setenv("RTT_TEST_PRIVATE", "private", 1);
  launch({{"DEMO_OWN", "own value"}});
  EXPECT_EQ(answer("env", R"({"name":"DEMO_OWN"})"), "own value");
  EXPECT_EQ(answer("env", R"({"name":"RTT_TEST_PRIVATE"})"), "(unset)");
  ::unsetenv("RTT_TEST_PRIVATE");
}

TEST_F(BackendTest, a_server_asking_its_client_is_answered_and_goes_on) {
  launch();
  EXPECT_EQ(answer("ask_client"), "asked");
  EXPECT_EQ(answer("echo", R"({"text":"x"})"), "x");
}

}  // namespace
}  // namespace rtt::mcp
