// SPDX-License-Identifier: Apache-2.0
// Whatever a value holds, the line that says it is read back as that value, and is plain where it may be.
#include "text/yaml_write.h"

#include <gtest/gtest.h>

#include <random>

#include "text/utf8.h"
#include "text/yaml.h"

namespace rtt::text {
namespace {

std::string member(const Json& value) {
  std::string out;
  EXPECT_TRUE(append_yaml_member(out, "k", value));
  return out;
}

TEST(YamlWrite, a_text_is_plain_where_no_reader_takes_it_for_anything_else) {
  const std::pair<std::string_view, std::string_view> all[] = {
      {"Reviews code", "k: Reviews code\n"},
      {"gpt-5.1", "k: gpt-5.1\n"},
      {"Read, Grep", "k: Read, Grep\n"},
      {"Größe", "k: Größe\n"},
      {"a:b #c", "k: \"a:b #c\"\n"},
      {"a: b", "k: \"a: b\"\n"},
      {"a:", "k: \"a:\"\n"},
      {"true", "k: \"true\"\n"},
      {"No", "k: \"No\"\n"},
      {"null", "k: \"null\"\n"},
      {"1.0", "k: \"1.0\"\n"},
      {"2024-01-01", "k: \"2024-01-01\"\n"},
      {"", "k: \"\"\n"},
      {" a", "k: \" a\"\n"},
      {"a ", "k: \"a \"\n"},
      {"*.ts", "k: \"*.ts\"\n"},
      {"- a", "k: \"- a\"\n"},
      {"a\n---\nb", "k: \"a\\n---\\nb\"\n"},
      {"a\xE2\x80\xA8", "k: \"a\\u2028\"\n"},
      {"\xC2\x85", "k: \"\\u0085\"\n"},
  };
  for (const auto& [text, line] : all) EXPECT_EQ(member(Json(text)), line);
}

TEST(YamlWrite, lists_and_maps_have_a_line_an_item_and_what_lies_deeper_is_in_flow) {
  EXPECT_EQ(member(Json::array({"a", 1, true, Json()})), "k:\n  - a\n  - 1\n  - true\n  - null\n");
  EXPECT_EQ(member(Json::object({{"a", "b"}, {"*", Json::array({"x", Json::object({{"y", "z"}})})}})),
            "k:\n  \"*\": [\"x\", {\"y\": \"z\"}]\n  a: b\n");
  EXPECT_EQ(member(Json(JsonArray{})), "k: []\n");
  EXPECT_EQ(member(Json(JsonObject{})), "k: {}\n");
}

TEST(YamlWrite, what_is_too_deep_is_not_written) {
  Json deep = JsonArray{};
  for (int i = 0; i < kDepthMax + 4; ++i) deep = Json::array({deep});
  std::string out = "x: 1\n";
  EXPECT_FALSE(append_yaml_member(out, "k", deep));
  EXPECT_EQ(out, "x: 1\n");
}

TEST(YamlWrite, any_value_is_read_back) {
  constexpr char32_t kEdges[] = {
      0,   1,   '\t', '\n', '\r', ' ',  '"',    '\'',   '\\',   '#',    ':',    '-',     '?',     '[', '{',
      '}', ',', '&',  '*',  '!',  '|',  '>',    '%',    '@',    '`',    'a',    'N',     'o',     '0', '.',
      'e', '~', 0x7F, 0x80, 0x85, 0xA0, 0x2028, 0x2029, 0xD7FF, 0xFEFF, 0xFFFD, 0x1F600, 0x10FFFF};
  for (std::uint32_t seed = 0; seed < 20'000; ++seed) {
    std::mt19937 random(seed);
    const auto text = [&] {
      std::string out;
      for (std::size_t i = random() % 7; i > 0; --i) append_utf8(out, kEdges[random() % std::size(kEdges)]);
      return out;
    };
    const Json value =
        Json::object({{"text", text()},
                      {"list", Json::array({text(), 0.5, 1e21, -7, false})},
                      {"map", Json::object({{text(), text()}, {"deep", Json::object({{text(), text()}})}})}});
    std::string out;
    const std::string key = text();
    for (const auto& [name, member] : value.as_object())
      ASSERT_TRUE(append_yaml_member(out, name + key, member));
    const auto read = parse_yaml(out);
    ASSERT_TRUE(read) << "seed " << seed << "\n" << out;
    for (const auto& [name, member] : value.as_object())
      ASSERT_EQ(*read->find(name + key), member) << "seed " << seed << "\n" << out;
    for (std::size_t at = 0; at != std::string::npos; at = out.find('\n', at + 1))
      ASSERT_NE(out.compare(at == 0 ? 0 : at + 1, 3, "---"), 0) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rtt::text
