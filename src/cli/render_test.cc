// SPDX-License-Identifier: Apache-2.0
// Rendering: golden texts of the answers people read most, and that nothing hostile reaches a terminal.
#include "cli/render.h"

#include <gtest/gtest.h>

#include "cli/call_result.h"
#include "cli/stage_test.h"
#include "cli/table.h"

namespace rtt::cli {
namespace {

std::string shown(std::string_view verb, std::string_view body, View view = {}) {
  return render(verb, json(body), view);
}

constexpr std::string_view kPlan = R"({
  "plan_id":"sha256-5d41402abc4b2a76b9719d911017c592","path":".rtt/plans/p.plan.json","unchanged":7,"elapsed_ms":4,
  "warnings":[{"file":".rtt/policy.json","line":3,"column":9,"code":"RTT0208","severity":"warning",
               "message":"the pattern can match nothing","hint":"rtt lint"}],
  "add":[{"id":1,"from":"rtt://common/agent/search@1.0.0","to":"rtt://files/tool/read@2.0.0","lane":"uds","class":"req",
          "origin":"agent","explain":{"chosen":"rtt://files/tool/read@2.0.0","because":["highest version of 2"],
          "rejected":[{"candidate":"rtt://files/tool/read@1.0.0","rule":"cost","why":"lower version","where":""}]}},
         {"id":2,"from":"rtt://ui/hook/refresh@1.0.0","to":"rtt://core/api/metrics@1.2.0#prom","lane":"uds","class":"req",
          "origin":"routes","explain":{"because":[],"rejected":[{"candidate":"rtt://old/api/metrics@1.3.0","rule":"policy",
          "why":"deny","where":".rtt/policy.json:12"}]}}],
  "del":[{"id":3,"from":"rtt://common/agent/search@1.0.0","to":"rtt://files/tool/read@1.0.0","lane":"uds","class":"req",
          "origin":"agent"},
         {"id":9,"from":"rtt://a/hook/x@1.0.0","to":"rtt://b/api/y@1.0.0","lane":"uds","class":"req","origin":"routes"}]})";

TEST(Render, plan_is_a_diff) {
  EXPECT_EQ(
      shown("plan", kPlan),
      ".rtt/policy.json:3:9: warning RTT0208: the pattern can match nothing\n"
      "    help: rtt lint\n"
      "~ rtt://common/agent/search@1.0.0 -> rtt://files/tool/read@2.0.0  was rtt://files/tool/read@1.0.0\n"
      "- rtt://a/hook/x@1.0.0 -> rtt://b/api/y@1.0.0  uds req (routes)\n"
      "+ rtt://ui/hook/refresh@1.0.0 -> rtt://core/api/metrics@1.2.0#prom  uds req (routes)\n"
      "plan sha256-5d41402abc4b…: 1 to add, 1 to delete, 1 to move, 7 unchanged, in 4 ms\n"
      "written to .rtt/plans/p.plan.json\n"
      "next: rtt apply\n");
}

TEST(Render, plan_in_colour) {
  const std::string text = shown("plan", kPlan, {.paint = Paint(Paint::Mode::kColour)});
  EXPECT_NE(text.find("\x1b[32m+ rtt://ui/hook/refresh@1.0.0 -> rtt://core/api/metrics@1.2.0#prom\x1b[0m"),
            std::string::npos);
  EXPECT_NE(text.find("\x1b[31m- rtt://a/hook/x@1.0.0"), std::string::npos);
  EXPECT_NE(text.find("\x1b[33m~ "), std::string::npos);
}

TEST(Render, plan_explains_under_each_route) {
  const std::string text = shown("plan", kPlan, {.explain = true});
  EXPECT_NE(text.find("      because highest version of 2\n"
                      "      not rtt://files/tool/read@1.0.0: cost, lower version\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("      not rtt://old/api/metrics@1.3.0: policy, deny  --> .rtt/policy.json:12\n"),
            std::string::npos)
      << text;
}

TEST(Render, plan_without_changes_and_plan_without_a_plan) {
  EXPECT_EQ(shown("plan", R"({"add":[],"del":[],"unchanged":1})"), "nothing to change, 1 route as wanted\n");
  Stage stage;
  stage.always(json(
      R"({"error":{"code":"RTT0412","message":"no plan is possible","where":"","hint":"rtt policy why A B",
      "conflict":[{"constraint":"deny rtt://a/* -> rtt://b/*","where":".rtt/policy.json:12"}]}})"));
  EXPECT_EQ(stage.run({"plan"}), 3);
  EXPECT_EQ(stage.err,
            "error[RTT0412]: no plan is possible\n"
            "  = deny rtt://a/* -> rtt://b/*  --> .rtt/policy.json:12\n"
            "help: rtt policy why A B\n");
}

TEST(Render, plan_shows_what_is_wrong_with_the_files_and_claims_nothing_without_a_plan) {
  const std::string problem =
      R"("problems":[{"file":".rtt/routes.json","line":1,"column":12,"code":"RTT0211","severity":"error",
         "message":"must be an object","hint":""}])";
  EXPECT_EQ(
      shown("plan", R"({"add":[],"del":[],"unchanged":0,)" + problem + "}"),
      ".rtt/routes.json:1:12: error RTT0211: must be an object\nnothing to change, 0 routes as wanted\n");
  EXPECT_EQ(shown("plan", R"({"add":[],"del":[],"unchanged":0,"error":{"code":"RTT0211"},)" + problem + "}"),
            ".rtt/routes.json:1:12: error RTT0211: must be an object\n");
}

TEST(Render, a_conflict_that_is_the_message_is_not_told_twice) {
  Stage stage;
  stage.always(
      json(R"({"error":{"code":"RTT0412","message":"no plan: a -> b: denied","where":"r.json:1","hint":"h",
      "conflict":[{"constraint":"a -> b: denied","where":"r.json:1"},{"constraint":"c -> d: denied","where":"r.json:2"}]}})"));
  EXPECT_EQ(stage.run({"plan"}), 3);
  EXPECT_EQ(stage.err,
            "error[RTT0412]: no plan: a -> b: denied\n"
            "  --> r.json:1\n"
            "  = c -> d: denied  --> r.json:2\n"
            "help: h\n");
}

TEST(Render, a_call_in_the_journal_names_what_was_called) {
  EXPECT_EQ(
      render_line(json(R"({"seq":7,"ts":"T","who":"rtt://local/proc/cli@0.0.0","action":"call","reason":"",
                                 "before":null,"after":null,"to":"rtt://n/tool/echo@1.0.0","outcome":"ok"})"),
                  View{}),
      "     7 T call       rtt://local/proc/cli@0.0.0 -> rtt://n/tool/echo@1.0.0  ok\n");
}

TEST(Render, a_bad_file_of_the_store_without_a_hash_shows_none) {
  EXPECT_EQ(shown("registry.verify",
                  R"({"ok":false,"objects":0,"bad":[{"file":"zz/x","hash":"","reason":"not ours"}]})"),
            "bad zz/x: not ours\ndamaged, 0 objects\n");
}

TEST(Render, check_says_that_changes_are_pending) {
  const std::string text = shown("check", R"({"ok":false,"pending":true,"problems":[]})");
  EXPECT_NE(text.find("changes are pending"), std::string::npos) << text;
  EXPECT_NE(text.find("next: rtt plan\n"), std::string::npos) << text;
}

TEST(Render, up_with_errors_does_not_say_that_everything_is_in_place) {
  EXPECT_NE(shown("up", R"({"changed":false,"problems":[]})").find("everything is in place\n"),
            std::string::npos);
  const std::string text = shown(
      "up",
      R"({"changed":false,"problems":[{"file":"a.md","code":"RTT0212","severity":"error","message":"m"}]})");
  EXPECT_EQ(text.find("everything is in place"), std::string::npos) << text;
}

TEST(Render, scan_lists_problems_then_what_is_new) {
  constexpr std::string_view kScan =
      R"({"symbols":3,"added":1,"changed":0,"removed":0,"unsigned":1,"elapsed_ms":12,
    "found":[{"saddr":"rtt://a/agent/x@1.0.0","type":"agent","state":"added","source":"agents/x.md"},
             {"saddr":"rtt://a/agent/y@1.0.0","type":"agent","state":"signed","source":"agents/y.md"}],
    "servers":[{"name":"files","file":".mcp.json"}],
    "problems":[{"file":"agents/z.md","line":0,"column":0,"code":"RTT0212","severity":"error","message":"no front matter","hint":""}]})";
  EXPECT_EQ(shown("scan", kScan),
            "agents/z.md: error RTT0212: no front matter\n"
            "STATE  TYPE   SYMBOL                 SOURCE\n"
            "added  agent  rtt://a/agent/x@1.0.0  agents/x.md\n"
            "MCP server files in .mcp.json is not imported\n"
            "next: rtt mcp import\n"
            "3 symbols: 1 added, 0 changed, 0 removed, 1 unsigned, in 12 ms\n"
            "next: rtt sign\n");
  EXPECT_NE(shown("scan", kScan, {.all = true}).find("signed  agent  rtt://a/agent/y@1.0.0"),
            std::string::npos);
}

TEST(Render, routes_table) {
  EXPECT_EQ(
      shown("ls.routes",
            R"({"graph":"sha256-5d41402abc4b2a76","seq":3,"routes":[{"id":12,"from":"rtt://a/agent/x@1.0.0",
              "to":"rtt://b/tool/y@1.0.0","lane":"uds","class":"req","state":"ready","breaker":"closed","origin":"agent"}]})"),
      "ID  FROM                   TO                    LANE  CLASS  STATE  BREAKER  ORIGIN\n"
      "12  rtt://a/agent/x@1.0.0  rtt://b/tool/y@1.0.0  uds   req    ready  closed   agent\n"
      "commit 3, wiring sha256-5d41402abc4b…\n");
  EXPECT_EQ(shown("ls.plans", R"({"plans":[]})"), "no plans\n");
}

TEST(Render, status_up_and_down) {
  EXPECT_EQ(
      shown("status",
            R"({"panel":"up","pid":42,"generation":3,"seq":9,"graph":"sha256-aa","routes":1,"uptime_ms":81230,
              "workspace":"/w","drivers":[{"name":"mcp","pid":43,"state":"ready","restarts":0}]})"),
      "panel     up, pid 42, generation 3, for 81 s\n"
      "wiring    1 route, commit 9, sha256-aa\n"
      "workspace /w\n"
      "\n"
      "DRIVER  PID  STATE  RESTARTS\n"
      "mcp      43  ready         0\n");
  EXPECT_EQ(
      shown("status", R"({"panel":"down","pid":null,"seq":0,"graph":"sha256-aa","routes":0,"drivers":[]})"),
      "panel     down\nwiring    0 routes, commit 0, sha256-aa\n");
}

TEST(Render, a_quick_connect_shows_its_edge_and_what_it_replaced) {
  const std::string answer =
      R"("from":"rtt://ui/hook/x@1.0.0","to":"rtt://b/api/y@2.0.0","seq":5,"graph":"sha256-aa")";
  EXPECT_EQ(
      shown("qc", R"({"state":"committed","replaced":"rtt://a/api/y@1.0.0","flip_ns":41200,)" + answer + "}"),
      "~ rtt://ui/hook/x@1.0.0 -> rtt://b/api/y@2.0.0  was rtt://a/api/y@1.0.0\n"
      "committed, commit 5, wiring sha256-aa\nflipped in 41.2 µs\n");
  EXPECT_EQ(shown("qc", R"({"state":"committed","replaced":null,"flip_ns":0,)" + answer + "}"),
            "+ rtt://ui/hook/x@1.0.0 -> rtt://b/api/y@2.0.0\ncommitted, commit 5, wiring sha256-aa\n");
  EXPECT_EQ(shown("qc", R"({"state":"unchanged","replaced":null,"flip_ns":0,)" + answer + "}"),
            "= rtt://ui/hook/x@1.0.0 -> rtt://b/api/y@2.0.0\nunchanged, commit 5, wiring sha256-aa\n");
}

TEST(Render, a_plan_shows_what_a_quick_connect_holds) {
  EXPECT_EQ(shown("plan", R"({"add":[],"del":[],"unchanged":1,"qc":[{"from":"rtt://ui/hook/x@1.0.0",
              "to":"rtt://b/api/y@2.0.0","lane":"uds","class":"req","origin":"qc"}]})"),
            "= rtt://ui/hook/x@1.0.0 -> rtt://b/api/y@2.0.0  uds req (qc)\n"
            "nothing to change, 1 route as wanted\n");
}

TEST(Render, mcp_diff_shows_lines) {
  EXPECT_EQ(
      shown("mcp.diff", R"({"servers":[{"name":"files","changed":true,"changes":[{"kind":"tool","name":"read",
              "change":"changed","lines":["- {\"a\":1}","+ {\"a\":2}"]}]},{"name":"memory","changed":false}]})"),
      "files\n  ~ tool read\n      - {\"a\":1}\n      + {\"a\":2}\nnext: rtt mcp accept files\nmemory: as "
      "accepted\n");
}

TEST(Render, every_verb_survives_empty_and_foreign_bodies) {
  for (const Verb& verb : verbs()) {
    for (const char* body :
         {"{}", "null", "[]",
          R"({"servers":7,"routes":"x","add":{},"found":[1],"problems":[null],"checks":[[]]})"}) {
      (void)render(verb.service, json(body), {});
    }
  }
}

TEST(Printable, control_and_direction_characters_are_shown) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\tc\x7f"), "a\\x1b[2Jb\\x0d\\x0a\\x09c\\x7f");
  EXPECT_EQ(printable("a\n\tb", Lines::kMany), "a\n\tb");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\x9b31m");                                  // C1 control sequence introducer
  EXPECT_EQ(printable("x\xe2\x80\xaey"), "x\\u{202e}y");  // right-to-left override
  EXPECT_EQ(printable("\xff\xc3\x28\xed\xa0\x80"), "\\xff\\xc3(\\xed\\xa0\\x80");
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2"), "gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2");
}

TEST(Printable, hostile_names_reach_no_terminal) {
  const std::string evil = "\x1b]0;owned\x07";
  const text::Json body = text::Json::object(
      {{"name", evil},
       {"panel", evil},
       {"graph", evil},
       {"state", evil},
       {"reason", evil},
       {"workspace", evil},
       {"add", text::Json::array(
                   {text::Json::object({{"from", evil}, {"to", evil}, {"lane", evil}, {"origin", evil}})})},
       {"symbols", text::Json::array({text::Json::object({{"saddr", evil}, {"source", evil}})})},
       {"servers", text::Json::array({text::Json::object(
                       {{"name", evil}, {"state", evil}, {"version", evil}, {"changed", true}})})},
       {"problems", text::Json::array({text::Json::object(
                        {{"file", evil}, {"message", evil}, {"code", evil}, {"hint", evil}})})},
       {"checks", text::Json::array({text::Json::object(
                      {{"name", evil}, {"state", evil}, {"detail", evil}, {"hint", evil}})})},
       {"lines", text::Json::array({evil})},
       {"connect", text::Json::array({evil})},
       {"clients", text::Json::array({text::Json::object(
                       {{"client", evil},
                        {"file", evil},
                        {"changed", true},
                        {"diff", text::Json::array({evil})},
                        {"servers", text::Json::array({text::Json::object(
                                        {{"name", evil}, {"state", evil}, {"why", evil}})})}})})},
       {"add_lines", evil},
       {"created", text::Json::array({evil})},
       {"signed", text::Json::array({evil})},
       {"key_id", evil},
       {"label", evil},
       {"from", evil},
       {"to", evil},
       {"rules", text::Json::array({text::Json::object({{"effect", evil}, {"where", evil}})})},
       {"stopped", text::Json::array({text::Json::object({{"name", evil}})})},
       {"file", evil},
       {"bad", text::Json::array({text::Json::object({{"file", evil}, {"hash", evil}, {"reason", evil}})})}});
  for (const Verb& verb : verbs()) {
    const std::string text = render(verb.service, body, {});
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << verb.name;
    EXPECT_EQ(text.find('\x07'), std::string::npos) << verb.name;
  }
  EXPECT_EQ(render_line(body, {}).find('\x1b'), std::string::npos);
}

TEST(Table, gives_way_on_a_terminal_only) {
  Table table({{"NAME"}, {"N", Align::kRight}});
  table.add({{"rtt://a-rather-long/tool/name@1.0.0"}, {"7"}});
  table.add({{"\xe6\xbc\xa2\xe5\xad\x97"}, {"12"}});
  EXPECT_EQ(table.text(Paint(), 0),
            "NAME                                  N\n"
            "rtt://a-rather-long/tool/name@1.0.0   7\n"
            "\xe6\xbc\xa2\xe5\xad\x97                                 12\n");
  EXPECT_EQ(table.text(Paint(), 20),
            "NAME               N\n"
            "rtt://a-rather-…   7\n"
            "\xe6\xbc\xa2\xe5\xad\x97              12\n");
  EXPECT_EQ(table.text(Paint(), 5).substr(0, 13), "NAME       N\n");  // no column below kColumnCellsMin
}

TEST(CallResult, text_of_a_tool_result) {
  const std::string payload =
      R"({"content":[{"type":"text","text":"one\ntwo"},{"type":"image","mimeType":"image/png","data":"AAAA"},
    {"type":"resource_link","uri":"file:///x","name":"x"},{"type":"resource","resource":{"uri":"u","text":"inside"}}]})";
  EXPECT_EQ(shown_result(payload, Shown::kSafe),
            "one\ntwo\n[image image/png, 3 bytes]\n[resource file:///x x]\ninside\n");
  EXPECT_EQ(shown_result(R"({"content":[{"type":"text","text":"\u001b[2J"}]})", Shown::kSafe), "\\x1b[2J\n");
  EXPECT_EQ(shown_result(R"({"content":[{"type":"text","text":"\u001b[2J"}]})", Shown::kExact), "\x1b[2J\n");
  EXPECT_EQ(shown_result(R"({"content":[],"structuredContent":{"a":1}})", Shown::kSafe),
            "{\n  \"a\": 1\n}\n");
  EXPECT_EQ(shown_result("plain words", Shown::kSafe), "plain words\n");
  EXPECT_TRUE(is_tool_error(R"({"isError":true})"));
  EXPECT_FALSE(is_tool_error(R"({"content":[{"type":"text","text":"\"isError\":true"}]})"));
}

TEST(CallResult, json_keeps_the_providers_bytes_and_stays_json) {
  const text::Json document = text::Json::object({{"route", 7}});
  EXPECT_EQ(with_result(document, R"({"z":1.0,"a":{"y":1,"b":2}})"),
            "{\"result\":{\"z\":1.0,\"a\":{\"y\":1,\"b\":2}},\"route\":7}\n");
  EXPECT_EQ(with_result(document, "not json"), "{\"result_text\":\"not json\",\"route\":7}\n");
  EXPECT_EQ(with_result(document, R"({"a":1,"a":2})"),
            "{\"result_text\":\"{\\\"a\\\":1,\\\"a\\\":2}\",\"route\":7}\n");
  EXPECT_EQ(with_result(document, "\xff\xfe"), "{\"result_b64\":\"//4=\",\"route\":7}\n");
}

}  // namespace
}  // namespace rtt::cli
