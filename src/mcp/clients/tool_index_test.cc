// SPDX-License-Identifier: Apache-2.0
// Goal: a model that describes what it wants finds the tool first, the same one on every machine, and a call
// through call_tool is the direct call, byte for byte.
#include "mcp/clients/tool_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "mcp/clients/meta_tools.h"
#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {
namespace {

using text::Json;

ToolIndex::Tool tool(std::string name, std::string server, std::string description,
                     const std::vector<std::string>& arguments = {}) {
  Json properties = Json::object({});
  for (const std::string& argument : arguments) properties.set(argument, Json::object({{"type", "string"}}));
  Json definition = Json::object({{"name", name},
                                  {"description", std::move(description)},
                                  {"inputSchema", Json::object({{"properties", std::move(properties)}})}});
  return {std::move(name), std::move(server), std::move(definition)};
}
std::vector<ToolIndex::Tool> some_tools() {
  return {
      tool("create_issue", "github", "Create a new issue in a repository", {"owner", "repo", "title"}),
      tool("list_issues", "github", "List issues of a repository", {"owner", "repo", "state"}),
      tool("get_file_contents", "github", "Get the contents of a file of a repository", {"path"}),
      tool("read_text_file", "filesystem", "Read the complete contents of a file as text", {"path", "head"}),
      tool("moveFile", "filesystem", "Move or rename files and directories", {"source", "destination"}),
      tool("query", "postgres", "Run a read-only SQL query", {"sql"}),
      tool("browser_click", "browser", "Click on an element of the page", {"element", "ref"})};
}
std::string first(const ToolIndex& index, std::string_view query) {
  const auto found = index.search(query, 1);
  return found.empty() ? "" : found[0]->name;
}

TEST(Words, are_split_at_signs_and_capitals_and_lose_their_plural) {
  EXPECT_EQ(search_words("readTextFile"), (std::vector<std::string>{"read", "text", "file"}));
  EXPECT_EQ(search_words("list_issues, HTTPServer2"),
            (std::vector<std::string>{"list", "issue", "http", "server2"}));
  EXPECT_EQ(search_words("access \xC3\xA9t\xC3\xA9"),
            (std::vector<std::string>{"access", "\xC3\xA9t\xC3\xA9"}));
  EXPECT_TRUE(search_words(" .,-").empty());
}

TEST(Search, finds_what_was_meant) {
  const ToolIndex index(some_tools());
  EXPECT_EQ(first(index, "read a text file"), "read_text_file");
  EXPECT_EQ(first(index, "open new issue"), "create_issue");
  EXPECT_EQ(first(index, "rename file"), "moveFile");
  EXPECT_EQ(first(index, "sql"), "query");  // only an argument and a description say so
  EXPECT_EQ(first(index, "repositories files"), "get_file_contents");
  EXPECT_EQ(first(index, "brows"), "browser_click");  // the beginning of a word
  EXPECT_EQ(first(index, "query"), "query");
  EXPECT_EQ(first(index, "github list"), "list_issues");
  EXPECT_TRUE(index.search("xylophone", 10).empty());
  EXPECT_EQ(index.search("", 3).size(), 3U);
  EXPECT_EQ(index.search("file", 1).size(), 1U);
}

TEST(Search, does_not_depend_on_the_order_of_tools) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto names = [](const ToolIndex& index, std::string_view query) {
    std::vector<std::string> out;
    for (const auto* const found : index.search(query, 50)) out.push_back(found->name);
    return out;
  };
  const ToolIndex index(some_tools());
  for (int round = 0; round < 50; ++round) {
    auto tools = some_tools();
    std::ranges::shuffle(tools, random);
    const ToolIndex other(std::move(tools));
    for (const char* query : {"file", "repository issue", "a of the", "owner path", ""})
      EXPECT_EQ(names(other, query), names(index, query));
  }
}

TEST(MetaTools, a_call_is_the_call_it_stands_for) {
  const Unwrapped call = unwrap_call(
      R"({"name":"call_tool","arguments":{"name":"t","arguments":{"k": "\u00e9"}},"_meta":{"progressToken":"p"}})");
  EXPECT_EQ(call.complaint, "");
  EXPECT_EQ(call.params, R"({"name":"t","arguments":{"k": "\u00e9"},"_meta":{"progressToken":"p"}})");
  EXPECT_EQ(unwrap_call(R"({"arguments":{"name":"t"},"name":"call_tool"})").params,
            R"({"arguments":{},"name":"t"})");
  for (const char* bad : {"{}", R"({"name":"call_tool"})", R"({"name":"call_tool","arguments":[]})",
                          R"({"name":"call_tool","arguments":{"name":7}})",
                          R"({"name":"call_tool","arguments":{"name":"t","arguments":"x"}})",
                          R"({"name":"call_tool","arguments":{"name":"t","name":"u"}})",
                          R"({"name":"call_tool","arguments":{"name":"t","arguments":{},"Arguments":{}}})"}) {
    EXPECT_NE(unwrap_call(bad).complaint, "") << bad;
    EXPECT_TRUE(is_json(unwrap_call(bad).complaint)) << bad;
  }
}

TEST(MetaTools, answer_with_what_they_promise) {
  const ToolIndex index(some_tools());
  const auto structured = [&](std::string_view name, std::string_view arguments) {
    const Json result = *text::parse_json(meta_answer(index, name, arguments));
    const Json* const found = result.find("structuredContent");
    return found != nullptr ? *found : Json();
  };
  const Json found = structured(kSearchTools, R"({"query":"issue","limit":1})");
  EXPECT_EQ(found.int_or("total", 0), 7);
  ASSERT_EQ(found.find("tools")->as_array().size(), 1U);
  EXPECT_EQ(found.find("tools")->as_array()[0].string_or("server"), "github");
  EXPECT_EQ(structured(kDescribeTool, R"({"name":"query"})").string_or("name"), "query");
  EXPECT_NE(meta_answer(index, kDescribeTool, R"({"name":"querry"})").find("did you mean query?"),
            std::string::npos);
  for (const char* bad :
       {"{}", R"({"query":7})", R"({"query":"x","limit":0})", R"({"query":"x","limit":51})"})
    EXPECT_NE(meta_answer(index, kSearchTools, bad).find("\"isError\":true"), std::string::npos) << bad;
}

}  // namespace
}  // namespace rtt::mcp
