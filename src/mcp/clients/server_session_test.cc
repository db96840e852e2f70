// SPDX-License-Identifier: Apache-2.0
// Goal: an AI client sees the protocol it asked for, lists that do not change by themselves, and only what
// policy lets it see; every request gets exactly one answer under its own id.
#include "mcp/clients/server_session.h"

#include <gtest/gtest.h>

#include "model/policy.h"

namespace rtt::mcp {
namespace {

using text::Json;

Json json(std::string_view text) { return *text::parse_json(text); }

PinnedServer server(std::string ns, std::vector<std::string> tools) {
  PinnedServer out{
      .connector = {.ns = ns,
                    .type = model::SymbolType::kConnector,
                    .name = ns,
                    .version = model::Version{1, 0, 0}},
      .config = {.name = ns},
      .info = {.instructions = "use " + ns,
               .capabilities = json(R"({"tools":{},"prompts":{},"resources":{},"completions":{}})")}};
  const auto add = [&](ItemKind kind, model::SymbolType type, std::string name, Json definition) {
    out.items.push_back(
        {.kind = kind,
         .saddr = {.ns = ns, .type = type, .name = std::move(name), .version = model::Version{1, 0, 0}},
         .definition = std::move(definition)});
  };
  for (const std::string& tool : tools)
    add(ItemKind::kTool, model::SymbolType::kTool, tool,
        Json::object({{"name", tool}, {"inputSchema", Json::object({})}}));
  add(ItemKind::kResource, model::SymbolType::kResource, "r",
      Json::object({{"uri", ns + "://r"}, {"name", "r"}}));
  add(ItemKind::kTemplate, model::SymbolType::kResource, "tpl",
      Json::object({{"uriTemplate", ns + "://item/{id}"}, {"name", "tpl"}}));
  add(ItemKind::kPrompt, model::SymbolType::kPrompt, "ask", Json::object({{"name", "ask"}}));
  return out;
}
model::Policy policy(std::string_view text) {
  auto out = model::read_policy(text, "policy.json");
  EXPECT_TRUE(out.problems.empty());
  return out;
}
const char* const kAllowAll = R"({"allow":[{"from":"rtt://client/agent/*","to":"rtt://*/*/*"}]})";

struct Bench {
  std::vector<PinnedServer> servers;
  model::Policy rules = policy(kAllowAll);
  std::vector<std::string> chosen;
  model::NameMode mode = model::NameMode::kConflict;
  model::ToolView view = model::ToolView::kList;
  ServerSession session{"a key of this test"};

  explicit Bench(std::vector<PinnedServer> the_servers) : servers(std::move(the_servers)) {}
  Catalog catalog(std::string_view client = "tester") const {
    return build_catalog({.servers = servers,
                          .policy = &rules,
                          .client = std::string(client),
                          .chosen = chosen,
                          .names = mode,
                          .view = view,
                          .meta_above = 3});
  }
  std::string initialize(std::string_view version = "2025-11-25") {
    auto actions = session.on_line(
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" +
        std::string(version) + R"(","capabilities":{},"clientInfo":{"name":"tester","version":"1"}}})");
    EXPECT_EQ(actions.size(), 1U);
    EXPECT_EQ(std::get<emit::Identify>(actions.at(0)).name, "tester");
    actions = session.identified(std::make_shared<const Catalog>(catalog()));
    return std::get<emit::Send>(actions.at(0)).line;
  }
  std::string ask(std::string_view line) {
    const auto actions = session.on_line(line);
    return actions.size() == 1 && std::holds_alternative<emit::Send>(actions[0])
               ? std::get<emit::Send>(actions[0]).line
               : "";
  }
  emit::Forward forwarded(std::string_view line) {
    const auto actions = session.on_line(line);
    EXPECT_EQ(actions.size(), 1U);
    if (actions.size() != 1 || !std::holds_alternative<emit::Forward>(actions[0])) {
      ADD_FAILURE() << line;
      return {};
    }
    return std::get<emit::Forward>(actions[0]);
  }
};
std::string code_of(const std::string& line) {
  const Message message = classify(line);
  return message.kind == MessageKind::kError ? std::string(member(message.payload, "code").value_or(""))
                                             : "no error";
}
std::string call(std::string_view id, std::string_view name,
                 std::string_view arguments = R"({"k":"\u00e9"})") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":")" +
         std::string(name) + R"(","arguments":)" + std::string(arguments) + "}}";
}
std::vector<std::string> names(const std::string& result, const char* member_name = "tools") {
  std::vector<std::string> out;
  const Json parsed = json(result);
  for (const Json& item : parsed.find(member_name)->as_array()) out.emplace_back(item.string_or("name"));
  return out;
}

TEST(Initialize, negotiates_every_known_protocol) {
  for (const auto version : kProtocols) {
    Bench bench({server("a", {"t"})});
    const std::string answer(classify(bench.initialize(version)).payload);
    EXPECT_EQ(json(answer).string_or("protocolVersion"), version);
  }
  Bench bench({server("a", {"t"})});
  EXPECT_EQ(json(classify(bench.initialize("2099-01-01")).payload).string_or("protocolVersion"),
            kProtocolNewest);
}

TEST(Initialize, comes_first_and_once) {
  Bench bench({server("a", {"t"})});
  EXPECT_EQ(code_of(bench.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})")), "-32600");
  EXPECT_EQ(bench.ask(R"({"jsonrpc":"2.0","id":1,"method":"ping"})"),
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
  EXPECT_EQ(code_of(bench.ask(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})")), "-32602");
  bench.initialize();
  EXPECT_EQ(
      code_of(bench.ask(
          R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})")),
      "-32600");
}

TEST(Errors, have_the_codes_of_the_protocol) {
  Bench bench({server("a", {"t"}), server("b", {"u"})});
  bench.initialize();
  EXPECT_EQ(code_of(bench.ask("junk")), "-32700");
  EXPECT_EQ(code_of(bench.ask("[]")), "-32600");
  EXPECT_EQ(code_of(bench.ask(R"({"jsonrpc":"2.0","id":1,"method":"no/such"})")), "-32601");
  EXPECT_EQ(code_of(bench.ask(call("1", "nope"))), "-32602");
  EXPECT_EQ(code_of(bench.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}})")), "-32602");
  EXPECT_EQ(code_of(bench.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}})")),
            "-32602");
  EXPECT_TRUE(bench.ask(R"({"jsonrpc":"2.0","method":"notifications/whatever"})").empty());
}

TEST(Ids, are_echoed_as_they_were_written) {
  Bench bench({server("a", {"t"})});
  bench.initialize();
  for (const char* id : {"7", "\"7\"", "\"\\u0041\\\"b\"", "-3", "1e3", "12345678901234567890"}) {
    EXPECT_EQ(bench.ask(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"ping"})"),
              "{\"jsonrpc\":\"2.0\",\"id\":" + std::string(id) + ",\"result\":{}}\n");
    const auto forward = bench.forwarded(call(id, "t"));
    EXPECT_EQ(bench.session.on_reply(forward.key, act::Reply::Kind::kResult, "{ }"),
              "{\"jsonrpc\":\"2.0\",\"id\":" + std::string(id) + ",\"result\":{ }}\n");
  }
}

TEST(Calls, arguments_and_results_pass_untouched) {
  Bench bench({server("a", {"t"})});
  bench.initialize();
  const auto forward = bench.forwarded(call("1", "t"));
  EXPECT_EQ(forward.params, R"({"name":"t","arguments":{"k":"\u00e9"}})");
  EXPECT_EQ(forward.ns, "a");
  EXPECT_EQ(forward.address, "rtt://a/tool/t@1.0.0");
  const std::string error = R"({"code":-32000,"message":"\u0041","data":[1.50]})";
  EXPECT_EQ(classify(bench.session.on_reply(forward.key, act::Reply::Kind::kError, error)).payload, error);
  EXPECT_TRUE(bench.session.on_reply(forward.key, act::Reply::Kind::kResult, "{}").empty());  // answered once
}

TEST(Calls, a_name_that_readers_would_take_differently_is_no_name) {
  Bench bench({server("a", {"t", "u"})});
  bench.initialize();
  for (const char* params : {R"({"name":"t","arguments":{},"name":"u"})", R"({"name":"t","Name":"u"})",
                             R"({"na\u006De":"t","\u004eame":"u"})", R"({"Name":"t"})"}) {
    EXPECT_EQ(code_of(bench.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":)" +
                                std::string(params) + "}")),
              "-32602")
        << params;
  }
  EXPECT_EQ(code_of(bench.ask(R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a://r",)"
                              R"("URI":"a://x"}})")),
            "-32602");
}

TEST(Calls, an_id_under_way_cannot_be_used_again) {
  Bench bench({server("a", {"t"})});
  bench.initialize();
  (void)bench.forwarded(call("1", "t"));
  EXPECT_EQ(code_of(bench.ask(call("1", "t"))), "-32600");
}

TEST(Calls, cancellation_finds_its_call_and_progress_its_token) {
  Bench bench({server("a", {"t"})});
  bench.initialize();
  const auto forward = bench.forwarded(
      R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"t","_meta":{"progressToken":"mine"}}})");
  EXPECT_EQ(bench.session.on_progress(forward.key, R"({"progressToken":99,"progress":0.5})"),
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
            "progress\",\"params\":{\"progressToken\":\"mine\",\"progress\":0.5}}\n");
  EXPECT_TRUE(
      bench.session
          .on_line(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"y"}})")
          .empty());
  const auto actions = bench.session.on_line(
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x","reason":"r"}})");
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(std::get<emit::Withdraw>(actions[0]).key, forward.key);
  EXPECT_TRUE(bench.session.on_reply(forward.key, act::Reply::Kind::kResult, "{}").empty());
}

TEST(Names, are_plain_for_one_server_and_prefixed_only_where_two_collide) {
  Bench bench({server("a", {"both", "only_a"}), server("b", {"both", "only_b"})});
  EXPECT_EQ(names(bench.catalog().tools_result),
            (std::vector<std::string>{"a__both", "b__both", "only_a", "only_b"}));
  bench.initialize();
  const auto forward = bench.forwarded(call("1", "b__both"));
  EXPECT_EQ(forward.ns, "b");
  EXPECT_EQ(forward.params, R"({"name":"both","arguments":{"k":"\u00e9"}})");
  bench.chosen = {"b"};
  EXPECT_EQ(names(bench.catalog().tools_result), (std::vector<std::string>{"both", "only_b"}));
}

TEST(Names, a_tool_that_looks_prefixed_stays_unique) {
  Bench bench({server("a", {"x"}), server("b", {"x"}), server("c", {"a__x"})});
  EXPECT_EQ(names(bench.catalog().tools_result),
            (std::vector<std::string>{"a__x", "a__x_e51ab99a9ebc2d51", "b__x"}));
}

TEST(Policy, hides_what_it_does_not_allow_and_says_so_on_a_call) {
  Bench bench({server("a", {"good", "bad"})});
  bench.rules = policy(
      R"({"allow":[{"from":"rtt://client/agent/*","to":"rtt://a/*/*"}],"deny":[{"from":"rtt://client/agent/tester","to":"rtt://a/tool/bad"}]})");
  EXPECT_EQ(names(bench.catalog("tester").tools_result), (std::vector<std::string>{"good"}));
  EXPECT_EQ(names(bench.catalog("other").tools_result), (std::vector<std::string>{"bad", "good"}));
  bench.initialize();
  const std::string refused = bench.ask(call("1", "bad"));
  EXPECT_EQ(code_of(refused), "-32010");
  EXPECT_NE(refused.find("RTT0412"), std::string::npos);
  EXPECT_NE(refused.find("policy.json"), std::string::npos);
}

TEST(Policy, an_emptied_list_tells_why) {
  Bench bench({server("a", {"t"})});
  bench.rules = model::empty_policy();
  const std::string hello = bench.initialize();
  const std::string instructions(json(classify(hello).payload).string_or("instructions"));
  EXPECT_NE(instructions.find("policy hides all 1"), std::string::npos) << instructions;
  EXPECT_NE(instructions.find("rtt://client/agent/tester"), std::string::npos);
  EXPECT_EQ(bench.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"),
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[]}}\n");
  EXPECT_NE(bench.ask(call("1", "unknown")).find("policy hides all"), std::string::npos);
}

TEST(Catalog, lists_are_byte_identical_whatever_order_the_servers_come_in) {
  const std::vector<PinnedServer> forth{server("a", {"x", "y"}), server("b", {"y", "z"})};
  const std::vector<PinnedServer> back{server("b", {"z", "y"}), server("a", {"y", "x"})};
  const Catalog one = Bench(forth).catalog();
  const Catalog two = Bench(back).catalog();
  EXPECT_EQ(one.tools_result, two.tools_result);
  EXPECT_EQ(one.resources_result, two.resources_result);
  EXPECT_EQ(one.prompts_result, two.prompts_result);
}

TEST(Catalog, says_what_is_wrong_when_nothing_is_offered) {
  EXPECT_NE(build_catalog({}).notice.find("rtt mcp import"), std::string::npos);
  EXPECT_NE(build_catalog({.trouble = "no workspace here"}).instructions.find("no workspace here"),
            std::string::npos);
  Bench bench({server("a", {"t"})});
  bench.chosen = {"zzz"};
  EXPECT_NE(bench.catalog().notice.find("zzz"), std::string::npos);
}

TEST(Resources, go_to_the_server_that_has_them) {
  Bench bench({server("a", {}), server("b", {})});
  bench.initialize();
  const auto read = [](std::string_view uri) {
    return R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":")" + std::string(uri) +
           "\"}}";
  };
  auto forward = bench.forwarded(read("b://r"));
  EXPECT_EQ(forward.ns, "b");
  EXPECT_EQ(forward.kind, ItemKind::kResource);
  (void)bench.session.on_reply(forward.key, act::Reply::Kind::kResult, "{}");
  forward = bench.forwarded(read("a://item/17"));
  EXPECT_EQ(forward.ns, "a");
  EXPECT_EQ(forward.kind, ItemKind::kTemplate);
  (void)bench.session.on_reply(forward.key, act::Reply::Kind::kResult, "{}");
  EXPECT_EQ(code_of(bench.ask(read("c://nobody"))), "-32002");
  Bench alone({server("a", {})});
  alone.initialize();
  EXPECT_EQ(alone.forwarded(read("made://up")).item, "");  // the only server may know it
}

TEST(Resources, are_denied_by_their_address_listed_or_not) {
  const auto ask = [](std::string_view method, std::string_view uri) {
    return R"({"jsonrpc":"2.0","id":1,"method":"resources/)" + std::string(method) +
           R"(","params":{"uri":")" + std::string(uri) + "\"}}";
  };
  Bench bench({server("a", {})});
  const auto with_rule = [&](std::string_view to) {
    bench.rules = policy(R"({"allow":[{"from":"rtt://client/agent/*","to":"rtt://*/*/*"}],)"
                         R"("deny":[{"from":"rtt://client/agent/*","to":")" +
                         std::string(to) + "\"}]}");
    bench.session = ServerSession("a key of this test");
    bench.initialize();
  };
  with_rule("rtt://a/resource/*");
  for (const char* uri : {"a://r", "a://item/17", "file:///etc/shadow"}) {
    EXPECT_NE(bench.ask(ask("read", uri)).find("policy does not let"), std::string::npos) << uri;
    EXPECT_NE(bench.ask(ask("read", uri)).find("rtt policy why"), std::string::npos) << uri;
  }
  with_rule("rtt://a/resource/tpl");  // the template alone
  EXPECT_EQ(bench.ask(ask("read", "a://item/17")).find("result"), std::string::npos);
  (void)bench.session.on_reply(bench.forwarded(ask("read", "a://r")).key, act::Reply::Kind::kResult, "{}");
  const auto made_up = bench.forwarded(ask("read", "made://up"));
  EXPECT_TRUE(made_up.address.starts_with("rtt://a/resource/")) << made_up.address;
}

TEST(Resources, what_a_server_does_not_offer_is_not_passed_on_to_it) {
  PinnedServer bare = server("a", {});
  bare.items.clear();
  bare.info.capabilities = json(R"({"tools":{}})");
  Bench bench({bare});
  bench.initialize();
  for (const char* method : {"resources/read", "resources/subscribe", "prompts/get", "completion/complete"}) {
    EXPECT_EQ(code_of(bench.ask(R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(method) +
                                R"(","params":{"uri":"file:///etc/shadow","name":"x"}})")),
              "-32601")
        << method;
  }
  EXPECT_EQ(bench.forwarded(R"({"jsonrpc":"2.0","id":1,"method":"tasks/list","params":{}})").item, "");
}

TEST(Resources, a_uri_two_servers_share_is_listed_once_and_found) {
  PinnedServer a = server("a", {}), b = server("b", {});
  for (PinnedServer* const one : {&a, &b}) {
    for (const char* uri : {"shared://x", "zz://last"}) {
      one->items.push_back({.kind = ItemKind::kResource,
                            .saddr = {.ns = one->ns(),
                                      .type = model::SymbolType::kResource,
                                      .name = uri,
                                      .version = model::Version{1, 0, 0}},
                            .definition = Json::object({{"uri", uri}, {"name", uri}})});
    }
  }
  const Catalog catalog = Bench({b, a}).catalog();
  EXPECT_EQ(catalog.resources.size(), 4U);
  for (const char* uri : {"a://r", "b://r", "shared://x", "zz://last"}) {
    ASSERT_TRUE(find_resource(catalog, uri).entry) << uri;
    EXPECT_EQ(find_resource(catalog, uri).entry->exposed, uri);
  }
  EXPECT_EQ(find_resource(catalog, "shared://x").entry->ns, "a");
}

TEST(Templates, match_as_uris_do) {
  EXPECT_TRUE(template_matches("a://{x}", "a://b/c"));
  EXPECT_FALSE(template_matches("a://{x}", "a://"));
  EXPECT_TRUE(template_matches("a://{x}/z/{y}", "a://1/z/2"));
  EXPECT_FALSE(template_matches("a://{x}/z/{y}", "a://1/y/2"));
  EXPECT_TRUE(template_matches("a://{x}.json", "a://1.json"));
  EXPECT_FALSE(template_matches("a://{x}.json", "a://1.xml"));
  EXPECT_TRUE(template_matches("a://plain", "a://plain"));
  EXPECT_FALSE(template_matches("a://{broken", "a://x"));
}

TEST(Names, follow_the_mode_and_say_who_has_a_name) {
  Bench bench({server("a", {"both", "x"}), server("b", {"both"})});
  bench.mode = model::NameMode::kPrefixed;
  EXPECT_EQ(names(bench.catalog().tools_result), (std::vector<std::string>{"a__both", "a__x", "b__both"}));
  bench.mode = model::NameMode::kPlain;
  EXPECT_EQ(names(bench.catalog().tools_result), (std::vector<std::string>{"both", "x"}));
  ASSERT_EQ(bench.catalog().hidden_tools.size(), 1U);
  EXPECT_EQ(bench.catalog().hidden_tools[0].address, "rtt://b/tool/both@1.0.0");
  bench.mode = model::NameMode::kPrefixed;
  bench.chosen = {"b"};  // as if the client had started it
  EXPECT_EQ(names(bench.catalog().tools_result), (std::vector<std::string>{"both"}));
}

TEST(MetaView, lists_three_tools_and_calls_the_others) {
  Bench bench({server("a", {"t", "u"}), server("b", {"v", "call_tool"})});
  bench.view = model::ToolView::kAuto;
  bench.rules = policy(R"({"allow":[{"from":"rtt://client/agent/*","to":"rtt://*/*/*"}],)"
                       R"("deny":[{"from":"rtt://*/*/*","to":"rtt://a/tool/u"}]})");
  EXPECT_FALSE(bench.catalog().index);  // 3 visible tools are not more than 3
  bench.rules = policy(kAllowAll);
  EXPECT_EQ(names(bench.catalog().tools_result),
            (std::vector<std::string>{"call_tool", "describe_tool", "search_tools"}));
  bench.initialize();
  const auto forward = bench.forwarded(call("1", "call_tool", R"({"name":"v","arguments":{"k":1}})"));
  EXPECT_EQ(forward.address, "rtt://b/tool/v@1.0.0");
  EXPECT_EQ(forward.params, R"({"name":"v","arguments":{"k":1}})");
  EXPECT_EQ(bench.forwarded(call("2", "t")).ns, "a");  // who knows a name may use it
  EXPECT_EQ(code_of(bench.ask(call("3", "call_tool", R"({"name":"nope"})"))), "-32602");
  EXPECT_EQ(code_of(bench.ask(call("3", "call_tool", R"({"name":"call_tool","arguments":{"name":"t"}})"))),
            "-32602");
  const std::string found = bench.ask(call("4", "search_tools", R"({"query":"call"})"));
  EXPECT_NE(found.find("call_tool_"), std::string::npos) << found;  // b's own, under another name
}

TEST(MetaView, shows_only_what_policy_shows) {
  Bench bench({server("a", {"open", "secret"})});
  bench.view = model::ToolView::kMeta;
  bench.rules = policy(R"({"allow":[{"from":"rtt://client/agent/*","to":"rtt://*/*/*"}],)"
                       R"("deny":[{"from":"rtt://*/*/*","to":"rtt://a/tool/secret"}]})");
  bench.initialize();
  EXPECT_EQ(bench.ask(call("1", "search_tools", R"({"query":"secret"})")).find("\"secret\""),
            std::string::npos);
  EXPECT_NE(bench.ask(call("1", "describe_tool", R"({"name":"secret"})")).find("isError"), std::string::npos);
  EXPECT_EQ(code_of(bench.ask(call("1", "call_tool", R"({"name":"secret"})"))), "-32010");
}

TEST(ListChanged, is_told_when_and_only_when_the_list_changed) {
  Bench bench({server("a", {"t"})});
  bench.initialize();
  EXPECT_TRUE(bench.session.on_catalog(std::make_shared<const Catalog>(bench.catalog())).empty());
  bench.servers = {server("a", {"t", "u"})};
  const auto actions = bench.session.on_catalog(std::make_shared<const Catalog>(bench.catalog()));
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(classify(std::get<emit::Send>(actions[0]).line).method, "notifications/tools/list_changed");
}

TEST(Completion, reaches_the_owner_of_the_prompt_under_its_own_name) {
  Bench bench({server("a", {}), server("b", {})});
  bench.initialize();
  const auto forward = bench.forwarded(
      R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"b__ask"},"argument":{"name":"x","value":"y"}}})");
  EXPECT_EQ(forward.ns, "b");
  EXPECT_EQ(forward.params,
            R"({"ref":{"type":"ref/prompt","name":"ask"},"argument":{"name":"x","value":"y"}})");
}

TEST(Failures, carry_rtts_code_and_the_next_command) {
  Bench bench({server("a", {"t"})});
  bench.initialize();
  const auto forward = bench.forwarded(call("\"q\"", "t"));
  const std::string line = bench.session.on_failure(
      forward.key, Error{.code = Code::kDrift, .message = "changed", .hint = "rtt mcp diff a"});
  EXPECT_EQ(classify(line).id, "\"q\"");
  EXPECT_EQ(code_of(line), "-32010");
  EXPECT_NE(line.find("rtt mcp diff a"), std::string::npos);
  EXPECT_NE(line.find("RTT0414"), std::string::npos);
}

}  // namespace
}  // namespace rtt::mcp
