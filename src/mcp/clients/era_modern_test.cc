// SPDX-License-Identifier: Apache-2.0
// Goal: a client that never initializes but says who it is in each request is served by each request alone.
#include <gtest/gtest.h>

#include "mcp/clients/server_session.h"
#include "model/policy.h"

namespace rtt::mcp {
namespace {

using text::Json;
constexpr Instant kNow{1'000'000'000};

Json json(std::string_view text) { return *text::parse_json(text); }
const char* const kMeta =
    R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"m","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}})";

struct Bench {
  PinnedServer server{
      .connector = {.ns = "a",
                    .type = model::SymbolType::kConnector,
                    .name = "a",
                    .version = model::Version{1, 0, 0}},
      .config = {.name = "a"},
      .info = {.capabilities =
                   json(R"({"tools":{},"resources":{"subscribe":true},"tasks":{},"logging":{}})")}};
  model::Policy rules =
      model::read_policy(R"({"allow":[{"from":"rtt://client/agent/*","to":"rtt://*/*/*"}]})", "policy.json");
  ServerSession session{"a key of this test"};
  std::string identified_as;

  explicit Bench(std::vector<std::string> tools = {"t"}) {
    for (const std::string& tool : tools) {
      server.items.push_back(
          {.kind = ItemKind::kTool,
           .saddr = {.ns = "a",
                     .type = model::SymbolType::kTool,
                     .name = tool,
                     .version = model::Version{1, 0, 0}},
           .definition = Json::object({{"name", tool}, {"inputSchema", Json::object({})}})});
    }
    server.items.push_back({.kind = ItemKind::kResource,
                            .saddr = {.ns = "a",
                                      .type = model::SymbolType::kResource,
                                      .name = "r",
                                      .version = model::Version{1, 0, 0}},
                            .definition = Json::object({{"uri", "a://r"}, {"name", "r"}})});
  }
  std::shared_ptr<const Catalog> catalog() const {
    const std::vector<PinnedServer> servers{server};
    return std::make_shared<const Catalog>(
        build_catalog({.servers = servers, .policy = &rules, .client = "m"}));
  }
  ClientActions line(std::string_view text) {
    ClientActions out;
    for (ClientAction& action : session.on_line(text, kNow)) {
      if (const auto* who = std::get_if<emit::Identify>(&action)) {
        identified_as = who->name + who->capabilities;
        for (ClientAction& more : session.identified(catalog(), kNow)) out.push_back(std::move(more));
      } else {
        out.push_back(std::move(action));
      }
    }
    return out;
  }
  ClientActions ask(std::string_view method, std::string_view params = "", std::string_view id = "1",
                    std::string_view meta = kMeta) {
    return line(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) +
                R"(","params":{)" + std::string(params) + (params.empty() ? "" : ",") + R"("_meta":{)" +
                std::string(meta) + "}}}");
  }
  std::string answer(std::string_view method, std::string_view params = "", std::string_view meta = kMeta) {
    const auto actions = ask(method, params, "1", meta);
    EXPECT_EQ(actions.size(), 1U);
    return std::get<emit::Send>(actions.at(0)).line;
  }
};
std::string code_of(const std::string& line) {
  const Message message = classify(line);
  return message.kind == MessageKind::kError ? std::string(member(message.payload, "code").value_or(""))
                                             : "no error";
}

TEST(ModernClient, needs_no_initialize) {
  Bench bench;
  const std::string tools = bench.answer("tools/list");
  EXPECT_EQ(bench.identified_as, R"(m{"elicitation":{}})");
  const Json list = json(classify(tools).payload);
  EXPECT_EQ(list.string_or("resultType"), "complete");
  EXPECT_EQ(list.string_or("cacheScope"), "private");
  EXPECT_GE(list.int_or("ttlMs", -1), 0);
  EXPECT_EQ(list.find("tools")->as_array().size(), 1U);
  bench.identified_as.clear();
  EXPECT_EQ(bench.answer("tools/list"), tools);
  EXPECT_EQ(bench.identified_as, "");  // said once
}

TEST(ModernClient, discovers_what_is_offered) {
  Bench bench;
  const Json found = json(classify(bench.answer("server/discover")).payload);
  EXPECT_EQ(found.find("supportedVersions")->as_array().at(0).as_string(), "2026-07-28");
  EXPECT_NE(found.find("capabilities")->find("tools"), nullptr);
  EXPECT_EQ(found.find("capabilities")->find("tasks"), nullptr);  // of the legacy era
  EXPECT_EQ(found.find("_meta")->find(meta_key::kServerInfo)->string_or("name"), "rtt");
}

TEST(ModernClient, is_refused_with_the_codes_of_its_era) {
  Bench bench;
  for (const std::string_view removed :
       {"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"})
    EXPECT_EQ(code_of(bench.answer(removed)), "-32601") << removed;
  const std::string_view capabilities = R"("io.modelcontextprotocol/clientCapabilities":{})";
  EXPECT_EQ(code_of(bench.answer("server/discover", "", capabilities)), "-32602");
  const std::string old =
      bench.answer("tools/list", "",
                   R"("io.modelcontextprotocol/protocolVersion":"1900-01-01",)" + std::string(capabilities));
  EXPECT_EQ(code_of(old), "-32022");
  EXPECT_EQ(member(classify(old).payload, "data"),
            R"({"supported":["2026-07-28"],"requested":"1900-01-01"})");
  EXPECT_EQ(
      code_of(bench.answer("tools/list", "", R"("io.modelcontextprotocol/protocolVersion":"2026-07-28")")),
      "-32602");
  EXPECT_EQ(code_of(bench.answer("tools/list", "",
                                 std::string(kMeta) + R"(,"io.modelcontextprotocol/logLevel":"loud")")),
            "-32602");
  EXPECT_EQ(code_of(bench.answer("tools/call", R"("name":"nope")")), "-32602");
}

TEST(ModernClient, both_eras_are_served_at_once) {
  Bench bench;
  EXPECT_EQ(code_of(bench.answer("tools/list")), "no error");
  const auto hello = bench.line(
      R"({"jsonrpc":"2.0","id":9,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"l","version":"1"}}})");
  ASSERT_EQ(hello.size(), 1U);
  const Json welcome = json(classify(std::get<emit::Send>(hello[0]).line).payload);
  EXPECT_EQ(welcome.string_or("protocolVersion"), "2025-11-25");
  EXPECT_NE(welcome.find("capabilities")->find("tasks"), nullptr);
  const auto plain = bench.line(R"({"jsonrpc":"2.0","id":10,"method":"tools/list"})");
  EXPECT_EQ(member(classify(std::get<emit::Send>(plain.at(0)).line).payload, "resultType"), std::nullopt);
  EXPECT_TRUE(bench.answer("tools/list").contains("resultType"));
}

TEST(ModernClient, listens_to_what_it_asked_for_and_nothing_else) {
  Bench bench;
  auto opened = bench.ask(
      "subscriptions/listen",
      R"("notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["a://r"]})",
      R"("s")");
  ASSERT_EQ(opened.size(), 3U);
  const CallKey key = std::get<emit::Listen>(opened[0]).key;
  const emit::Send& ack = std::get<emit::Send>(opened[1]);
  EXPECT_EQ(ack.of, key);
  EXPECT_EQ(
      classify(ack.line).params,
      R"({"_meta":{"io.modelcontextprotocol/subscriptionId":"s"},"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a://r"]}})");
  EXPECT_EQ(std::get<emit::Watch>(opened[2]).uri, "a://r");
  const auto updated =
      bench.session.on_notice(kNoCall, "notifications/resources/updated", R"({"uri":"a://r"})");
  ASSERT_EQ(updated.size(), 1U);
  EXPECT_EQ(classify(std::get<emit::Send>(updated[0]).line).params,
            R"({"uri":"a://r","_meta":{"io.modelcontextprotocol/subscriptionId":"s"}})");
  EXPECT_TRUE(
      bench.session.on_notice(kNoCall, "notifications/resources/updated", R"({"uri":"a://q"})").empty());
  Bench more({"t", "u"});
  const auto changed = bench.session.on_catalog(more.catalog());
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(std::get<emit::Send>(changed[0]).of, key);
  const auto closed =
      bench.line(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"s"}})");
  ASSERT_EQ(closed.size(), 2U);
  EXPECT_EQ(std::get<emit::Watch>(closed[1]).wish, emit::Watch::Wish::kOff);
  EXPECT_TRUE(bench.session.on_catalog(bench.catalog()).empty());
}

TEST(ModernClient, log_messages_only_if_the_call_wants_them) {
  Bench bench;
  const auto quiet = std::get<emit::Forward>(bench.ask("tools/call", R"("name":"t")").at(0));
  const auto loud = std::get<emit::Forward>(
      bench
          .ask("tools/call", R"("name":"t")", "2",
               std::string(kMeta) + R"(,"io.modelcontextprotocol/logLevel":"warning")")
          .at(0));
  const auto told = [&](CallKey call, std::string_view level) {
    return bench.session
        .on_notice(call, "notifications/message", R"({"level":")" + std::string(level) + "\"}")
        .size();
  };
  EXPECT_EQ(told(quiet.key, "emergency"), 0U);
  EXPECT_EQ(told(loud.key, "info"), 0U);
  EXPECT_EQ(told(loud.key, "error"), 1U);
}

TEST(ModernClient, is_asked_by_its_answer_and_only_for_what_it_declared) {
  Bench bench;
  const auto call = std::get<emit::Forward>(bench.ask("tools/call", R"("name":"t","arguments":{})").at(0));
  EXPECT_EQ(call.era, Era::kModern);
  const auto declined = bench.session.ask(5, call.key, "sampling/createMessage", "{}", kNow);
  ASSERT_EQ(declined.size(), 1U);
  EXPECT_EQ(std::get<emit::Answered>(declined[0]).kind, act::Reply::Kind::kError);
  const auto asked = bench.session.ask(6, call.key, "elicitation/create", R"({"message":"?"})", kNow);
  ASSERT_EQ(asked.size(), 1U);
  const emit::Send& send = std::get<emit::Send>(asked[0]);
  EXPECT_EQ(send.of, call.key);
  const std::string result(classify(send.line).payload);
  const std::string retry =
      R"("name":"t","arguments":{},"inputResponses":{"input-1":{"action":"decline"}},"requestState":)" +
      std::string(*member(result, "requestState"));
  const auto resumed = bench.ask("tools/call", retry, "77");
  ASSERT_EQ(resumed.size(), 2U);
  EXPECT_EQ(std::get<emit::Resume>(resumed[0]).key, call.key);
  EXPECT_EQ(std::get<emit::Answered>(resumed[1]).key, 6U);
  EXPECT_EQ(bench.session.on_reply(call.key, act::Reply::Kind::kResult, "{}"),
            "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}\n");
  EXPECT_EQ(code_of(std::get<emit::Send>(bench.ask("tools/call", retry, "78").at(0)).line),
            "-32602");  // used
}

}  // namespace
}  // namespace rtt::mcp
