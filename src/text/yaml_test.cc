// SPDX-License-Identifier: Apache-2.0
// YAML: what configuration needs reads as the same Json; what readers disagree about, or what grows, is
// refused.
#include "text/yaml.h"

#include <gtest/gtest.h>

#include "text/json_canonical.h"

namespace rtt::text {
namespace {

std::string read(std::string_view text) {
  const auto result = parse_yaml(text);
  EXPECT_TRUE(result.has_value()) << text << ": " << (result ? "" : result.error().message);
  return result ? canonical_json(*result) : "";
}

struct Refused {
  std::string text;
  Code code;
  std::string where;
};

void expect_refused(const std::vector<Refused>& cases) {
  for (const auto& [text, code, where] : cases) {
    const auto result = parse_yaml(text, {.source_name = "f.yaml"});
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().code, code) << text << ": " << result.error().message;
    EXPECT_EQ(result.error().where, "f.yaml:" + where) << text << ": " << result.error().message;
  }
}

TEST(ParseYaml, a_configuration_reads_as_the_same_json) {
  EXPECT_EQ(read("# panel\n"
                 "listen: unix\n"
                 "limits: {clients: 8, ratio: 0.5}\n"
                 "allow_unsigned: [\"dev/*\", 'x']\n"
                 "text: |\n  two\n  lines\n"
                 "folded: >-\n  one\n  line\n"
                 "nothing:\n"
                 "on: yes\n"),
            R"({"allow_unsigned":["dev/*","x"],"folded":"one line","limits":{"clients":8,"ratio":0.5},)"
            R"("listen":"unix","nothing":null,"on":"yes","text":"two\nlines\n"})");
  EXPECT_EQ(read(""), "null");
  EXPECT_EQ(read("# only a comment\n"), "null");
  EXPECT_EQ(read("---\na: 1\n...\n"), R"({"a":1})");
  EXPECT_EQ(read("a: 1\r\nb:\r\n  - x\r\n"), R"({"a":1,"b":["x"]})");
  EXPECT_EQ(read("\"k\\u00e9\": \"\\x41\\t\"\n"), "{\"k\xC3\xA9\":\"A\\t\"}");
}

// YAML 1.2.2 §10.3.2, the core schema's table.
TEST(ParseYaml, plain_scalars_follow_the_core_schema) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"null", "null"},
      {"~", "null"},
      {"NULL", "null"},
      {"nULL", "\"nULL\""},
      {"true", "true"},
      {"False", "false"},
      {"tRUE", "\"tRUE\""},
      {"yes", "\"yes\""},
      {"0", "0"},
      {"-19", "-19"},
      {"+12", "12"},
      {"0o14", "12"},
      {"0x3A", "58"},
      {"0x", "\"0x\""},
      {"0xg", "\"0xg\""},
      {"-0x1", "\"-0x1\""},
      {"0.", "0"},
      {"-0.0", "0"},
      {".5", "0.5"},
      {"+12e03", "12000"},
      {"-2E+05", "-200000"},
      {"1e-3", "0.001"},
      {"e3", "\"e3\""},
      {".", "\".\""},
      {"-", "[null]"},
      {"+", "\"+\""},
      {"1.2.3", "\"1.2.3\""},
      {"1_000", "\"1_000\""},
      {"1:30", "\"1:30\""},
      {"2024-01-01", "\"2024-01-01\""},
      {"1e", "\"1e\""},
      {"^1.2", "\"^1.2\""},
      {"'1'", "\"1\""},
      {"\"true\"", "\"true\""},
      {"9007199254740991", "9007199254740991"},
  };
  for (const auto& [text, json] : cases) EXPECT_EQ(read(text), json) << text;
}

TEST(ParseYaml, refuses_what_readers_disagree_about) {
  expect_refused({{"mode: 0600", Code::kYamlSyntax, "1:7"},
                  {"x: .inf", Code::kYamlSyntax, "1:4"},
                  {"x: -.INF", Code::kYamlSyntax, "1:4"},
                  {"x: .nan", Code::kYamlSyntax, "1:4"},
                  {"x: 9007199254740992", Code::kJsonNumber, "1:4"},
                  {"x: 0xFFFFFFFFFFFFFFFFFFFF", Code::kJsonNumber, "1:4"},
                  {"x: 1e400", Code::kJsonNumber, "1:4"},
                  {"a: 1\nb: 2\na: 3\n", Code::kYamlSyntax, "3:1"},
                  {"{a: 1, \"a\": 2}", Code::kYamlSyntax, "1:8"},
                  {"x:\n  - {k: 1, k: 1}\n", Code::kYamlSyntax, "2:12"},
                  {"a: &a {x: 1}\nb:\n  <<: *a\n", Code::kYamlSyntax, "3:3"},
                  {"a: !!str 1", Code::kYamlSyntax, "1:4"},
                  {"a: !secret x", Code::kYamlSyntax, "1:4"},
                  {"!!map {a: 1}", Code::kYamlSyntax, "1:1"},
                  {"- !x [1]", Code::kYamlSyntax, "1:3"},
                  {"1: x", Code::kYamlSyntax, "1:1"},
                  {"true: x", Code::kYamlSyntax, "1:1"},
                  {"1.5: x", Code::kYamlSyntax, "1:1"},
                  {"? [a]\n: x\n", Code::kYamlSyntax, "1:3"},
                  {"? {a: 1}\n: x\n", Code::kYamlSyntax, "1:3"},
                  {"a: &k key\n*k : x\n", Code::kYamlSyntax, "2:1"},
                  {"a: 1\n---\nb: 2\n", Code::kYamlSyntax, "2:1"},
                  {"a: &x [*x]", Code::kYamlSyntax, "1:8"},
                  {"%YAML 1.1\n---\na: 1\n", Code::kYamlSyntax, "1:1"},
                  {"a: 1\n...\n%deny: 2\n", Code::kYamlSyntax, "3:1"}});
  EXPECT_EQ(read("\"1\": x\n\"<<\": y\n"), R"({"1":"x","<<":"y"})");
}

TEST(ParseYaml, refuses_what_is_not_yaml) {
  for (const char* text : {"a: b: c", "[1, 2", "{a: 1", "\"open", "a: *unknown", "a:\n\t- x", "]", "a: 'x' y",
                           "@x", "%", "a: [1] x", "- 1\nb: 2", "&", "*", "a: \"\\ud800\"", "a: \"\\q\""}) {
    const auto result = parse_yaml(text, {.source_name = "f.yaml"});
    ASSERT_FALSE(result.has_value()) << text << " -> " << to_json(*result);
    EXPECT_EQ(result.error().code, Code::kYamlSyntax) << text;
    EXPECT_TRUE(result.error().where.starts_with("f.yaml:")) << text << result.error().where;
  }
}

TEST(ParseYaml, refuses_what_is_not_text) {
  expect_refused({{"\xEF\xBB\xBF"
                   "a: 1",
                   Code::kJsonEncoding, "1:1"},
                  {"a: \xFF", Code::kJsonEncoding, "1:4"},
                  {"a: \xED\xA0\x80", Code::kJsonEncoding, "1:4"},
                  {std::string("a: 1\0", 5), Code::kYamlSyntax, "1:5"},
                  {"a: 1\n\x04"
                   "b: 2\n",
                   Code::kYamlSyntax, "2:1"},
                  {"a: \x7F", Code::kYamlSyntax, "1:4"},
                  {std::string("\xFF\xFE"
                               "a\0",
                               4),
                   Code::kJsonEncoding, "1:1"}});
}

TEST(ParseYaml, aliases_are_expanded) {
  EXPECT_EQ(read("a: &x {k: [1, 2]}\nb: *x\nc: [*x, *x]\n"),
            R"({"a":{"k":[1,2]},"b":{"k":[1,2]},"c":[{"k":[1,2]},{"k":[1,2]}]})");
  EXPECT_EQ(read("a: &x 1\nb: &x 2\nc: *x\n"), R"({"a":1,"b":2,"c":2})");
}

TEST(ParseYaml, aliases_that_grow_are_refused) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) laughs += (k > 0 ? ", " : "") + last;
    laughs += "]\n";
  }
  EXPECT_EQ(parse_yaml(laughs).error().code, Code::kTooLarge);
  std::string many = "a: &a [";  // values without bytes of their own
  for (int i = 0; i < 100; ++i) many += "1, ";
  many += "1]\nb:\n";
  for (int i = 0; i < 97; ++i) many += " - *a\n";
  EXPECT_TRUE(parse_yaml(many).has_value());
  for (int i = 0; i < 3; ++i) many += " - *a\n";
  EXPECT_EQ(parse_yaml(many).error().code, Code::kTooLarge);
  std::string wide = "a: &a \"" + std::string(1000, 'x') + "\"\nb:\n";
  for (int i = 0; i < 2000; ++i) wide += " - *a\n";
  EXPECT_EQ(parse_yaml(wide).error().code, Code::kTooLarge);
  std::string deep = "a0: &a0 [x]\n";  // three levels an alias: 64 are passed by number 22
  for (int i = 1; i < 40; ++i) {
    deep += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [[[*a" + std::to_string(i - 1) + "]]]\n";
  }
  EXPECT_EQ(parse_yaml(deep).error().code, Code::kTooLarge);
}

TEST(ParseYaml, size_count_and_depth_have_limits) {
  const auto list = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "- x\n";
    return text;
  };
  EXPECT_TRUE(parse_yaml(list(9'999)).has_value());
  EXPECT_EQ(parse_yaml(list(10'000)).error().code, Code::kTooLarge);
  EXPECT_EQ(parse_yaml(std::string(101, ' '), {.bytes_max = 100}).error().code, Code::kTooLarge);
  EXPECT_TRUE(parse_yaml(std::string(64, '[') + std::string(64, ']')).has_value());
  EXPECT_EQ(parse_yaml(std::string(65, '[') + std::string(65, ']')).error().code, Code::kTooLarge);
  for (const char* part : {"[", "{", "- ", "? ", "{a: ", "[[], ", "&a ", "!a ", "*a ", "a: ", "'a", "\"a",
                           "|", "%", "\n- ", ",", "a:b:"}) {
    std::string text;
    while (text.size() < 200'000) text += part;
    EXPECT_FALSE(parse_yaml(text).has_value()) << part;
  }
}

TEST(LocateYaml, finds_values_and_keys) {
  const std::string_view text =
      "a:\n  - x\n  - {\"b/c\": true, d: [1]}\r\ne: &anchor\n  f: 1\ng: *anchor\nempty:\n\xC3\xA9\xC3\xA9: "
      "{z: 1}\n";
  const auto at = [&](std::string_view pointer, Part part = Part::kValue) -> std::string {
    const auto position = locate_yaml(text, pointer, part);
    return position ? std::to_string(position->line) + ":" + std::to_string(position->column) : "none";
  };
  EXPECT_EQ(at(""), "1:1");
  EXPECT_EQ(at("/a", Part::kKey), "1:1");
  EXPECT_EQ(at("/a"), "2:3");
  EXPECT_EQ(at("/a/0"), "2:5");
  EXPECT_EQ(at("/a/1/b~1c"), "3:13");
  EXPECT_EQ(at("/a/1/b~1c", Part::kKey), "3:6");
  EXPECT_EQ(at("/a/1/d/0"), "3:23");
  EXPECT_EQ(at("/e/f"), "5:6");
  EXPECT_EQ(at("/g/f"), "6:4");
  EXPECT_EQ(at("/empty"), "7:1");
  EXPECT_EQ(at("/\xC3\xA9\xC3\xA9/z"), "8:11");
  for (const char* absent : {"a", "/x", "/a/2", "/a/0/x", "/"}) EXPECT_EQ(at(absent), "none") << absent;
  EXPECT_TRUE(locate_yaml("a: 1\nb: [", "/a").has_value());
}

// yaml-cpp makes one byte of each.
TEST(Yaml, escapes_for_a_hard_blank_and_a_next_line_are_utf8) {
  EXPECT_EQ(parse_yaml("k: \"a\\_b\\Nc\"")->string_or("k"),
            "a\xC2\xA0"
            "b\xC2\x85"
            "c");
}

}  // namespace
}  // namespace rtt::text
