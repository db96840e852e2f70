// SPDX-License-Identifier: Apache-2.0
// Whatever a value holds, the statement that says it is read back as that value.
#include "text/toml_write.h"

#include <gtest/gtest.h>

#include <random>

#include "text/toml.h"
#include "text/utf8.h"

namespace rtt::text {
namespace {

TEST(TomlWrite, several_lines_are_a_multi_line_string) {
  std::string out;
  ASSERT_TRUE(append_toml_member(out, "k", "\na \"\"\" '''\\\r\n"));
  EXPECT_EQ(out, "k = \"\"\"\n\na \\\"\\\"\\\" '''\\\\\\u000d\n\"\"\"\n");
}

TEST(TomlWrite, what_toml_has_no_form_for_is_not_written) {
  std::string out;
  EXPECT_FALSE(append_toml_member(out, "k", Json()));
  EXPECT_FALSE(append_toml_member(out, "k", Json::array({1, Json()})));
  Json deep = JsonArray{};
  for (int i = 0; i < kDepthMax + 4; ++i) deep = Json::array({deep});
  EXPECT_FALSE(append_toml_member(out, "k", deep));
  EXPECT_EQ(out, "");
}

TEST(TomlWrite, any_value_is_read_back) {
  constexpr char32_t kEdges[] = {0,    1,    '\t', '\n',   '\r',   ' ',    '"',    '\'',    '\\',
                                 '#',  '=',  '.',  '[',    '{',    'a',    '0',    'e',     0x7F,
                                 0x80, 0x85, 0xA0, 0x2028, 0xD7FF, 0xFEFF, 0xFFFF, 0x1F600, 0x10FFFF};
  for (std::uint32_t seed = 0; seed < 20'000; ++seed) {
    std::mt19937 random(seed);
    const auto text = [&] {
      std::string out;
      for (std::size_t i = random() % 7; i > 0; --i) append_utf8(out, kEdges[random() % std::size(kEdges)]);
      return out;
    };
    const Json value = Json::array(
        {text(), 0.5, 1e300, -7, false, Json::object({{text(), text()}, {"a", Json::array({text()})}})});
    const std::string key = text(), said = text();
    std::string out;
    ASSERT_TRUE(append_toml_member(out, "a" + key, value));
    ASSERT_TRUE(append_toml_member(out, "b" + key, said));
    const auto read = parse_toml(out);
    ASSERT_TRUE(read) << "seed " << seed << "\n" << out;
    ASSERT_EQ(*read->find("a" + key), value) << "seed " << seed << "\n" << out;
    ASSERT_EQ(*read->find("b" + key), Json(said)) << "seed " << seed << "\n" << out;
  }
}

}  // namespace
}  // namespace rtt::text
