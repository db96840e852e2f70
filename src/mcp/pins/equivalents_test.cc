// SPDX-License-Identifier: Apache-2.0
// Goal: tools become one only where what was accepted of them agrees, and who asked for more is told why not.
#include "mcp/pins/equivalents.h"

#include <gtest/gtest.h>

#include "text/json.h"

namespace rtt::mcp {
namespace {

PinnedServer server(const std::string& name, const std::vector<std::string>& tools) {
  PinnedServer out;
  out.connector = {.ns = name, .type = model::SymbolType::kConnector, .name = name, .version = {}};
  out.config.name = name;
  for (const std::string& tool : tools)
    out.items.push_back({.kind = ItemKind::kTool,
                         .saddr = {},
                         .hash = {},
                         .definition = *text::parse_json(tool),
                         .client = {}});
  return out;
}

const std::string kFind = R"({"name":"find","description":"finds","inputSchema":{"type":"object"}})";
const std::string kReworded = R"({"name":"find","description":"looks up","inputSchema":{"type":"object"}})";
const std::string kOther = R"({"name":"find","inputSchema":{"type":"object","required":["q"]}})";
const std::string kZap = R"({"name":"zap","inputSchema":{"type":"object"}})";

struct Found {
  Equivalents all;
  std::vector<std::string> of(const std::string& ns, const std::string& key) const {
    std::vector<std::string> out;
    const auto* const tool = all.find(ns, key);
    if (tool == nullptr) return out;
    for (const PinnedServer* const one : tool->providers) out.push_back(one->ns());
    return out;
  }
};
Found found(const std::vector<PinnedServer>& servers, const std::vector<model::Equivalent>& wanted) {
  std::vector<const PinnedServer*> all;
  for (const PinnedServer& one : servers) all.push_back(&one);
  return {equivalents_of(all, wanted)};
}

TEST(Equivalents, agree_in_all_but_words_and_keep_the_order_of_the_file) {
  const std::vector servers{server("a", {kFind}), server("b", {kReworded, kZap})};
  const Found both = found(servers, {{.servers = {"b", "a"}, .tools = {}}});
  EXPECT_EQ(both.of("a", "find"), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(both.of("b", "find"), both.of("a", "find"));
  EXPECT_TRUE(both.of("b", "zap").empty());  // of one alone
  EXPECT_TRUE(both.all.problems.empty());
}

TEST(Equivalents, of_another_schema_stay_two_and_the_problem_says_where_they_part) {
  const std::vector servers{server("a", {kFind}), server("b", {kOther}), server("c", {kFind})};
  const Found some = found(servers, {{.servers = {"a", "b", "c"}, .tools = {}}});
  EXPECT_EQ(some.of("a", "find"), (std::vector<std::string>{"a", "c"}));
  EXPECT_TRUE(some.of("b", "find").empty());
  ASSERT_EQ(some.all.problems.size(), 1U);
  EXPECT_EQ(some.all.problems[0].code, Code::kSchemaMismatch);
  EXPECT_NE(some.all.problems[0].message.find("tool 'find' of 'b' is not that of 'a'"), std::string::npos)
      << some.all.problems[0].message;
  EXPECT_NE(some.all.problems[0].message.find("q"), std::string::npos) << some.all.problems[0].message;
}

TEST(Equivalents, what_is_named_and_not_there_is_told) {
  const std::vector servers{server("a", {kFind}), server("b", {kFind, kZap})};
  EXPECT_EQ(found(servers, {{.servers = {"a", "nobody"}, .tools = {}}}).all.problems.size(), 1U);
  EXPECT_EQ(found(servers, {{.servers = {"a", "b"}, .tools = {"zap"}}}).all.problems.size(), 1U);
  const Found twice =
      found(servers, {{.servers = {"a", "b"}, .tools = {}}, {.servers = {"b", "a"}, .tools = {"find"}}});
  EXPECT_EQ(twice.of("a", "find"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(twice.all.problems.size(), 2U);
}

}  // namespace
}  // namespace rtt::mcp
