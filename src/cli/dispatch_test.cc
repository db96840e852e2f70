// SPDX-License-Identifier: Apache-2.0
// Dispatch: what is asked of the service, who is asked for consent, what is printed where, and how it exits.
#include "cli/dispatch.h"

#include <gtest/gtest.h>

#include "cli/stage_test.h"

namespace rtt::cli {
namespace {

TEST(Ask, carries_the_verb_its_arguments_and_the_place) {
  Stage stage;
  stage.always(json(R"({"add":[],"del":[],"unchanged":2})"));
  EXPECT_EQ(stage.run({"plan", "--explain", "-C", "/w", "--trust-key", "k.pub"}), 0);
  ASSERT_EQ(stage.asked.size(), 1U);
  EXPECT_EQ(stage.asked[0].verb, "plan");
  EXPECT_EQ(text::to_json(stage.asked[0].args), R"({"explain":true,"trust_key":["/w/k.pub"]})");
  EXPECT_EQ(stage.asked[0].directory, "/w");
  EXPECT_EQ(stage.asked[0].search, "exactly");
  EXPECT_EQ(stage.needs[0].where, Where::kInProcess);
  EXPECT_EQ(stage.run({"plan"}), 0);
  EXPECT_TRUE(stage.asked[1].directory.starts_with('/'));
  EXPECT_EQ(stage.asked[1].search, "upward");
}

TEST(Ask, paths_leave_absolute_and_names_as_they_are) {
  Stage stage;
  stage.always(json("{}"));
  const auto args = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"-C", "/w"});
    stage.run(words);
    return text::to_json(stage.asked.back().args);
  };
  EXPECT_EQ(args({"lint", "a", "/b"}), R"({"paths":["/w/a","/b"]})");
  EXPECT_EQ(args({"apply", "sha256-12"}), R"({"plan":"sha256-12"})");
  EXPECT_EQ(args({"apply", "p/x.plan.json"}), R"({"plan":"/w/p/x.plan.json"})");
  EXPECT_EQ(args({"keys", "trust", "8c41", "--yes"}), R"({"consent":"given","key":"8c41"})");
  EXPECT_EQ(args({"keys", "trust", "ada.pub", "--yes"}), R"({"consent":"given","key":"/w/ada.pub"})");
}

TEST(Ask, verbs_need_what_they_say) {
  Stage stage;
  stage.always(json("{}"));
  stage.run({"status"});
  stage.run({"apply"});
  stage.run({"check"});
  EXPECT_EQ(stage.needs[0].where, Where::kPanelIfUp);
  EXPECT_EQ(stage.needs[1].where, Where::kPanel);
  EXPECT_EQ(stage.needs[2].where, Where::kInProcess);
}

TEST(Ask, ports_get_their_words) {
  Stage stage;
  EXPECT_EQ(stage.run({"mcp", "serve", "files", "--as", "codex", "-C", "/w"}), 75);
  EXPECT_EQ(stage.served[0].names, std::vector<std::string>{"files"});
  EXPECT_EQ(stage.served[0].as, "codex");
  EXPECT_EQ(stage.served[0].place.directory, "/w");
  EXPECT_EQ(stage.run({"driver-host", "--instance", "a"}), 0);
  EXPECT_EQ(stage.hosted[0].words, (std::vector<std::string>{"--instance", "a"}));
}

// A service that asks for two steps, one after the other, and does what was granted.
Stage two_steps() {
  Stage stage;
  stage.answer = [](const api::Ask& ask, const auto&) -> Result<api::Reply> {
    const auto granted = items(ask.args, "granted").size();
    const bool all = ask.args.string_or("consent") == "given" && ask.args.find("granted") == nullptr;
    if (all || granted == 2)
      return api::Reply{.body = json(R"({"changed":true,"workspace":"/w"})"), .fds = {}};
    const char* step = granted == 0 ? "init" : "import";
    text::Json consent = json(R"({"question":"Go on?","will":["+ make .rtt"]})");
    consent.set("step", step);
    return api::Reply{.body = text::Json::object({{"consent", consent}}), .fds = {}};
  };
  return stage;
}

TEST(Consent, each_question_is_asked_and_granted_steps_add_up) {
  Stage stage = two_steps();
  stage.terminal = true;
  stage.typed = {"y", "yes"};
  EXPECT_EQ(stage.run({"up"}), 0);
  ASSERT_EQ(stage.asked.size(), 3U);
  EXPECT_EQ(text::to_json(stage.asked[0].args), R"({"consent":"show"})");
  EXPECT_EQ(text::to_json(stage.asked[1].args), R"({"consent":"given","granted":["init"],"typed":true})");
  EXPECT_EQ(text::to_json(stage.asked[2].args),
            R"({"consent":"given","granted":["init","import"],"typed":true})");
  EXPECT_NE(stage.err.find("+ make .rtt"), std::string::npos);
  EXPECT_EQ(stage.prompts.size(), 2U);
}

TEST(Consent, a_no_or_an_end_of_input_stops_there) {
  for (const auto& typed :
       {std::deque<std::string>{"n"}, std::deque<std::string>{""}, std::deque<std::string>{}}) {
    Stage stage = two_steps();
    stage.terminal = true;
    stage.typed = typed;
    EXPECT_EQ(stage.run({"up"}), 3);
    EXPECT_EQ(stage.asked.size(), 1U);
    EXPECT_NE(stage.err.find("RTT0104"), std::string::npos);
  }
}

TEST(Consent, without_a_terminal_it_shows_and_exits_3) {
  Stage stage = two_steps();
  EXPECT_EQ(stage.run({"init"}), 3);
  EXPECT_EQ(stage.asked.size(), 1U);
  EXPECT_EQ(stage.asked[0].args.string_or("consent"), "show");
  EXPECT_NE(stage.err.find("+ make .rtt"), std::string::npos);
  EXPECT_NE(stage.err.find("help: rtt init --yes"), std::string::npos);
  EXPECT_EQ(stage.run({"init", "--json"}), 3);
  const text::Json error = *document(stage.out).find("error");
  EXPECT_EQ(error.string_or("code"), "RTT0104");
  EXPECT_EQ(text::to_json(*error.find("will")), R"(["+ make .rtt"])");
  EXPECT_EQ(stage.err, "");
}

TEST(Consent, yes_goes_at_once) {
  Stage stage = two_steps();
  EXPECT_EQ(stage.run({"up", "--yes"}), 0);
  ASSERT_EQ(stage.asked.size(), 1U);
  EXPECT_EQ(text::to_json(stage.asked[0].args), R"({"consent":"given"})");
}

TEST(Consent, a_service_that_never_stops_asking_is_cut_off) {
  Stage stage;
  stage.always(json(R"({"consent":{"question":"Again?","will":[],"step":"x"}})"));
  stage.terminal = true;
  stage.typed.assign(50, "y");
  EXPECT_EQ(stage.run({"init"}), 1);
  EXPECT_LE(stage.asked.size(), static_cast<std::size_t>(kConsentRoundsMax) + 1);
  stage.terminal = false;
  EXPECT_EQ(stage.run({"init", "--yes"}), 1);
}

TEST(Consent, only_asking_verbs_ask) {
  Stage stage;
  stage.always(json("{}"));
  const auto consent = [&](const std::vector<std::string>& words) {
    stage.run(words);
    return std::string(stage.asked.back().args.string_or("consent", "none"));
  };
  for (const auto& words : std::vector<std::vector<std::string>>{{"up"},
                                                                 {"init"},
                                                                 {"sign"},
                                                                 {"mcp", "import"},
                                                                 {"mcp", "add", "a", "--", "b", "--c"},
                                                                 {"mcp", "rm", "a"},
                                                                 {"mcp", "accept", "a"},
                                                                 {"mcp", "connect", "a", "--write"},
                                                                 {"mcp", "disconnect", "a"},
                                                                 {"eject"},
                                                                 {"keys", "trust", "a"},
                                                                 {"keys", "revoke", "a"}}) {
    EXPECT_EQ(consent(words), "show") << words[0];
  }
  for (const auto& words : std::vector<std::vector<std::string>>{{"scan"},
                                                                 {"plan"},
                                                                 {"apply"},
                                                                 {"rollback", "1"},
                                                                 {"undo"},
                                                                 {"down"},
                                                                 {"mcp", "connect", "a"},
                                                                 {"mcp", "restart", "a"},
                                                                 {"keys", "new"},
                                                                 {"registry", "rebuild"},
                                                                 {"panel", "stop"}}) {
    EXPECT_EQ(consent(words), "none") << words[0];
  }
}

TEST(Exit, follows_the_error_code_for_every_code) {
  Stage stage;
  for (const CodeInfo& info : all_codes()) {
    stage.answer = [&](const api::Ask&, const auto&) -> Result<api::Reply> {
      return fail(info.code, "m", "w:1:2", "h");
    };
    EXPECT_EQ(stage.run({"scan"}), static_cast<int>(info.exit));
    EXPECT_EQ(stage.err, "error[" + code_name(info.code) + "]: m\n  --> w:1:2\nhelp: h\n");
    EXPECT_EQ(stage.out, "");
    EXPECT_EQ(stage.run({"scan", "--json"}), static_cast<int>(info.exit));
    EXPECT_EQ(stage.err, "");
    EXPECT_EQ(stage.out, R"({"error":{"code":")" + code_name(info.code) +
                             R"(","hint":"h","message":"m","where":"w:1:2"},"schema":"rtt.scan/1"})" + "\n");
    stage.always(text::Json::object({{"error", text::Json::object({{"code", code_name(info.code)}})}}));
    EXPECT_EQ(stage.run({"scan", "--json"}), static_cast<int>(info.exit));
  }
}

TEST(Exit, a_body_may_name_its_own_and_does_not_print_it) {
  Stage stage;
  stage.always(json(R"({"add":[],"del":[],"exit":4})"));
  EXPECT_EQ(stage.run({"plan", "--check", "--json"}), 4);
  EXPECT_EQ(document(stage.out).find("exit"), nullptr);
  stage.always(
      json(R"({"state":"rolled_back","seq":3,"graph":"g","reason":"files: no such folder","exit":5})"));
  EXPECT_EQ(stage.run({"apply"}), 5);
  EXPECT_EQ(stage.out,
            "rolled back, everything is as before, commit 3, wiring g\n  = files: no such folder\n");
  stage.always(json(R"({"exit":99999})"));
  EXPECT_EQ(stage.run({"check"}), 125);
}

TEST(Exit, usage_errors_are_2_in_both_forms) {
  Stage stage;
  EXPECT_EQ(stage.run({"plna"}), 2);
  EXPECT_EQ(stage.err, "error[RTT0101]: no such command: plna\nhelp: rtt plan\n");
  EXPECT_EQ(stage.run({"--json", "plna"}), 2);
  EXPECT_EQ(document(stage.out).find("error")->string_or("code"), "RTT0101");
  EXPECT_EQ(stage.err, "");
  EXPECT_TRUE(stage.asked.empty());
}

TEST(Output, json_is_one_document_with_its_schema) {
  Stage stage;
  stage.always(json(R"({"servers":[]})"));
  EXPECT_EQ(stage.run({"mcp", "ls", "--json"}), 0);
  EXPECT_EQ(stage.out, "{\"schema\":\"rtt.mcp.ls/1\",\"servers\":[]}\n");
}

TEST(Output, quiet_prints_errors_only) {
  Stage stage;
  stage.always(json(R"({"ok":true,"problems":[]})"));
  EXPECT_EQ(stage.run({"check", "--quiet"}), 0);
  EXPECT_EQ(stage.out + stage.err, "");
  stage.always(json(R"({"error":{"code":"RTT0401","message":"unsigned"}})"));
  EXPECT_EQ(stage.run({"check", "--quiet"}), 3);
  EXPECT_EQ(stage.err, "error[RTT0401]: unsigned\n");
}

TEST(Output, streamed_parts_are_ndjson_and_progress_is_for_terminals) {
  Stage stage;
  stage.answer = [](const api::Ask&, const auto& on_part) -> Result<api::Reply> {
    on_part(json(R"({"progress":"reading"})"));
    on_part(json(
        R"({"seq":1,"ts":"2026-11-21T08:00:00.000000Z","who":"key:8c41","action":"commit","reason":"apply",
                     "before":"sha256-0000000000000000","after":"sha256-1111111111111111"})"));
    on_part(
        json(R"({"seq":2,"ts":"2026-11-21T08:00:01.000000Z","who":"panel","action":"start","reason":""})"));
    return api::Reply{.body = json("{}"), .fds = {}};
  };
  EXPECT_EQ(stage.run({"log", "--json"}), 0);
  EXPECT_EQ(
      stage.out,
      "{\"action\":\"commit\",\"after\":\"sha256-1111111111111111\",\"before\":\"sha256-0000000000000000\","
      "\"reason\":\"apply\",\"schema\":\"rtt.log/1\",\"seq\":1,\"ts\":\"2026-11-21T08:00:00.000000Z\","
      "\"who\":\"key:8c41\"}\n"
      "{\"action\":\"start\",\"reason\":\"\",\"schema\":\"rtt.log/1\",\"seq\":2,"
      "\"ts\":\"2026-11-21T08:00:01.000000Z\",\"who\":\"panel\"}\n");
  EXPECT_EQ(stage.err, "");
  EXPECT_EQ(stage.run({"log"}), 0);
  EXPECT_EQ(stage.out,
            "     1 2026-11-21T08:00:00.000000Z commit     key:8c41  apply  -> sha256-111111111111…\n"
            "     2 2026-11-21T08:00:01.000000Z start      panel\n");
  stage.terminal = true;
  stage.run({"log", "--color", "never"});
  EXPECT_EQ(stage.err, "reading\n");
}

TEST(Output, colour_follows_the_terminal_the_flag_and_no_color) {
  Stage stage;
  stage.always(json(R"({"ok":true,"problems":[]})"));
  stage.run({"check"});
  EXPECT_EQ(stage.out, "ok\n");
  stage.run({"check", "--color", "always"});
  EXPECT_EQ(stage.out, "\x1b[32mok\x1b[0m\n");
  stage.terminal = true;
  stage.run({"check"});
  EXPECT_EQ(stage.out, "\x1b[32mok\x1b[0m\n");
  stage.run({"check", "--color=never"});
  EXPECT_EQ(stage.out, "ok\n");
}

TEST(Ls, filter_keeps_rows_in_both_forms) {
  Stage stage;
  stage.always(json(R"({"symbols":[{"saddr":"rtt://a/tool/x@1.0.0","type":"tool"},
                                   {"saddr":"rtt://b/agent/y@1.0.0","type":"agent"}]})"));
  const auto kept = [&](const char* filter) {
    stage.run({"ls", "symbols", filter, "--json"});
    std::string names;
    for (const text::Json& row : items(document(stage.out), "symbols")) names += row.string_or("saddr")[6];
    return names;
  };
  EXPECT_EQ(kept("agent"), "b");
  EXPECT_EQ(kept("rtt://*/tool/*"), "a");
  EXPECT_EQ(kept("rtt://*"), "");  // * stays within one part
  EXPECT_EQ(kept("1.0"), "ab");
  EXPECT_EQ(text::to_json(stage.asked.back().args), "{}");
}

TEST(Ls, watch_prints_again_only_when_it_changed) {
  Stage stage;
  stage.rounds_until_interrupt = 5;
  int round = 0;
  stage.answer = [&](const api::Ask&, const auto&) -> Result<api::Reply> {
    text::Json body = json(R"({"plans":[]})");
    body.set("n", ++round / 3);
    return api::Reply{.body = body, .fds = {}};
  };
  EXPECT_EQ(stage.run({"ls", "plans", "--watch", "--json"}), 0);
  EXPECT_EQ(round, 5);
  EXPECT_EQ(stage.out,
            "{\"n\":0,\"plans\":[],\"schema\":\"rtt.ls.plans/"
            "1\"}\n{\"n\":1,\"plans\":[],\"schema\":\"rtt.ls.plans/1\"}\n");
}

}  // namespace
}  // namespace rtt::cli
