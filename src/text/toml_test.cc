// SPDX-License-Identifier: Apache-2.0
// Goal: TOML is read as its library reads it, and each statement is found where it stands.
#include "text/toml.h"

#include <gtest/gtest.h>

namespace rtt::text {
namespace {

TEST(Toml, reads_into_json) {
  const auto json = parse_toml(
      "a = 1\nb = [1.5, inf]\nc = 1979-05-27T07:32:00Z\n[t.'x y']\ns = \"\\u00e9\"\n[[l]]\nn = 1\n[[l]]\nn = "
      "2\n");
  ASSERT_TRUE(json) << json.error().where;
  EXPECT_EQ(
      to_json(*json),
      R"({"a":1,"b":[1.5,"inf"],"c":"1979-05-27T07:32:00Z","l":[{"n":1},{"n":2}],"t":{"x y":{"s":"é"}}})");
}

TEST(Toml, says_where_it_is_wrong_and_repeats_no_value) {
  for (const std::string text :
       {"a = \"sentinel\nb = 1", "k = sentinel", "[t]\n[t]", "a = 1\na = 2", "x = \xff"}) {
    const auto read = TomlText::read(text, {.source_name = "f"});
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Code::kTomlSyntax);
    EXPECT_TRUE(read.error().where.starts_with("f:")) << read.error().where;
    EXPECT_FALSE(read.error().message.contains("sentinel"));
  }
  std::string deep = "a = ";
  EXPECT_FALSE(TomlText::read(deep + std::string(5000, '[') + std::string(5000, ']')));
  EXPECT_FALSE(TomlText::read(std::string(100, ' '), {.bytes_max = 10}));
}

// The library takes it for granted that a key follows the bracket.
TEST(Toml, a_bracket_alone_on_its_line_is_an_error_and_no_end_of_the_program) {
  for (const std::string text :
       {"[\n", "[\n[a]\n", "[[\n]]", "[ \n", "[#", "[\xC3\xA9]", "a.\n", "x = {a.\n}"})
    EXPECT_EQ(parse_toml(text).error().code, Code::kTomlSyntax) << text;
}

TEST(Toml, statements_stand_where_they_are_written) {
  const std::string source =
      "# top\nmodel = \"x\" # [not.a.table]\n\n[mcp_servers.a]\nargs = [\n  \"[x]\", # one\n]\nenv.K = "
      "'''\n[no]\n'''\n"
      "[[v]]\nname = \"1\"\n[v.env]\nX = { y = 1, z = [2] }\n[[v]]\nname = \"2\"";
  const auto toml = TomlText::read(source);
  ASSERT_TRUE(toml);
  std::string found;
  for (const auto& statement : toml->statements()) {
    for (const auto& part : statement.path) found += part + ".";
    found += " " + std::string(statement.value.of(source)) + "|";
  }
  EXPECT_EQ(found,
            "model. \"x\"|mcp_servers.a. |mcp_servers.a.args. [\n  \"[x]\", # one\n]|mcp_servers.a.env.K. "
            "'''\n[no]\n'''|v.[0]. |v.[0].name. \"1\"|v.[0].env. |v.[0].env.X. { y = 1, z = [2] }|v.[1]. "
            "|v.[1].name. \"2\"|");
  const auto& inline_table = toml->statements()[7];
  const auto members = toml->inline_members(inline_table.value);
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[1].value.of(source), "[2]");
  EXPECT_EQ(toml->items(members[1].value).size(), 1U);
  EXPECT_EQ(toml->comments().size(), 3U);
  EXPECT_EQ(toml->strings()[1].second, "[x]");
}

TEST(Toml, what_is_written_reads_back) {
  for (const std::string text : {"", "a\"b\\c", "\x7f\x01\n\t", "é😀"}) {
    EXPECT_EQ(parse_toml("v = " + toml_string(text))->string_or("v"), text);
    EXPECT_EQ(parse_toml(toml_key(text) + " = 1")->as_object().begin()->first, text);
  }
  EXPECT_EQ(toml_key("my-server_1"), "my-server_1");
  EXPECT_EQ(toml_key("my.server"), "\"my.server\"");
}

}  // namespace
}  // namespace rtt::text
